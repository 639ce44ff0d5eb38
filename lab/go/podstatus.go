package main

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// update changes the pod's state and reports its new status.
func (p *podRun) update(change func()) {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	p.mu.Lock()
	change()
	status, pod := p.status(), p.pod
	p.mu.Unlock()
	p.kubelet.report(status, pod)
}

// object is the pod as this node knows it.
func (p *podRun) object() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	pod := p.pod.DeepCopy()
	pod.Status = p.status()
	return pod
}

// status is the pod's status as a kubelet would report it. The caller holds p.mu.
func (p *podRun) status() corev1.PodStatus {
	s := corev1.PodStatus{Phase: p.phase, HostIP: p.kubelet.address, HostIPs: []corev1.HostIP{{IP: p.kubelet.address}}, PodIP: p.ip,
		PodIPs: []corev1.PodIP{{IP: p.ip}}, StartTime: &p.begun, Message: p.waiting, QOSClass: p.pod.Status.QOSClass,
		ObservedGeneration: p.pod.Generation}
	var unready []string
	for _, c := range p.inits {
		s.InitContainerStatuses = append(s.InitContainerStatuses, p.containerStatus(c))
	}
	for _, c := range p.mains {
		s.ContainerStatuses = append(s.ContainerStatuses, p.containerStatus(c))
		if !c.ready {
			unready = append(unready, c.spec.Name)
		}
	}
	ready := corev1.PodCondition{Status: corev1.ConditionTrue}
	switch {
	case p.phase == corev1.PodSucceeded:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "PodCompleted"}
	case len(unready) > 0:
		ready = corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ContainersNotReady",
			Message: fmt.Sprintf("containers with unready status: %v", unready)}
	}
	initialized := corev1.PodCondition{Status: corev1.ConditionFalse, Reason: "ContainersNotInitialized"}
	if p.initialized {
		initialized = corev1.PodCondition{Status: corev1.ConditionTrue}
	}
	initialized.Type = corev1.PodInitialized
	s.Conditions = []corev1.PodCondition{initialized, ready, ready}
	s.Conditions[1].Type, s.Conditions[2].Type = corev1.ContainersReady, corev1.PodReady
	for i := range s.Conditions {
		c := &s.Conditions[i]
		c.ObservedGeneration, c.LastTransitionTime = p.pod.Generation, metav1.Now()
		if old := findCondition(p.conditions, c.Type); old != nil && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	p.conditions = slices.Clone(s.Conditions)
	return s
}

func (p *podRun) containerStatus(c *container) corev1.ContainerStatus {
	started := c.started
	status := corev1.ContainerStatus{Name: c.spec.Name, Image: c.spec.Image, State: c.state, LastTerminationState: c.last,
		RestartCount: c.restarts, Ready: c.ready, Started: &started}
	if c.state.Waiting == nil || c.last.Terminated != nil { // has been started
		status.ImageID, status.ContainerID = "lab://"+c.spec.Image, p.containerID(c)
	}
	return status
}

func (p *podRun) containerID(c *container) string {
	return fmt.Sprintf("lab://%s/%s/%d", p.first.UID, c.spec.Name, c.restarts)
}

func findCondition(all []corev1.PodCondition, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range all {
		if all[i].Type == kind {
			return &all[i]
		}
	}
	return nil
}
