package main

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPodStatus(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pulling := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}
	over := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
	named := func(name string, c container) *container {
		c.spec.Name = name
		return &c
	}
	for name, test := range map[string]struct {
		phase       corev1.PodPhase
		initialized bool
		containers  []*container
		want        string // status and reason of Ready
		message     string
		id          string // of the first container
	}{
		"all ready": {corev1.PodRunning, true, []*container{named("a", container{state: running, ready: true}), named("b", container{state: running, ready: true})},
			"True", "", "lab://uid/a/0"},
		"one is not": {corev1.PodRunning, true, []*container{named("a", container{state: running, ready: true}), named("b", container{state: running})},
			"False ContainersNotReady", "containers with unready status: [b]", "lab://uid/a/0"},
		"no image": {corev1.PodPending, true, []*container{named("a", container{state: pulling, unknown: errors.New("no")})},
			"False ContainersNotReady", "containers with unready status: [a]", ""},
		"completed": {corev1.PodSucceeded, true, []*container{named("a", container{state: over, restarts: 2})},
			"False PodCompleted", "", "lab://uid/a/2"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "uid"}}
			p := &podRun{kubelet: &kubelet{address: "10.244.1.1"}, first: pod, pod: pod, ip: "10.244.1.2", phase: test.phase, initialized: test.initialized, mains: test.containers}
			status := p.status()
			ready := findCondition(status.Conditions, corev1.PodReady)
			got := string(ready.Status)
			if ready.Reason != "" {
				got += " " + ready.Reason
			}
			if got != test.want || ready.Message != test.message {
				t.Errorf("Ready is %s (%s), want %s (%s)", got, ready.Message, test.want, test.message)
			}
			if id := status.ContainerStatuses[0].ContainerID; id != test.id {
				t.Errorf("container id %q, want %q", id, test.id)
			}
		})
	}
}

func TestConditionsKeepTheTimeOfTheirLastChange(t *testing.T) {
	pod := &corev1.Pod{}
	c := &container{state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	p := &podRun{kubelet: &kubelet{}, first: pod, pod: pod, phase: corev1.PodRunning, initialized: true, mains: []*container{c}}
	p.status()
	long := metav1.NewTime(time.Now().Add(-time.Hour))
	for i := range p.conditions {
		p.conditions[i].LastTransitionTime = long
	}
	c.ready = true
	status := p.status()
	if kept := findCondition(status.Conditions, corev1.PodInitialized); kept.LastTransitionTime != long {
		t.Errorf("Initialized has not changed, but its time: %v", kept.LastTransitionTime)
	}
	if changed := findCondition(status.Conditions, corev1.PodReady); changed.LastTransitionTime == long {
		t.Error("Ready has changed, but not its time")
	}
}
