package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leaveLimit is how long a pod has to end, whatever its grace period, when its node or the lab ends.
const leaveLimit = 5 * time.Second

// podRun is a pod on a node, from its start to its removal.
type podRun struct {
	fleet   *fleet
	kubelet *kubelet
	first   *corev1.Pod // as created: names and most of the spec never change
	dir     string
	ip      string
	begun   metav1.Time
	ctx     context.Context // done when the pod must end
	cancel  context.CancelFunc
	done    chan struct{} // closed when no process is left
	inits   []*container
	mains   []*container
	tokens  map[string]time.Time // when to renew a service account token, by file

	reporting   sync.Mutex // keeps reports in order
	mu          sync.Mutex // guards what follows, and the state of the containers
	pod         *corev1.Pod
	initialized bool
	waiting     string // why no container has started yet
	phase       corev1.PodPhase
	conditions  []corev1.PodCondition // as last reported
}

func newPodRun(k *kubelet, pod *corev1.Pod) (*podRun, error) {
	ip, err := k.fleet.addresses.takePod(k.address)
	if err != nil {
		return nil, err
	}
	p := &podRun{fleet: k.fleet, kubelet: k, first: pod, pod: pod, ip: ip, begun: metav1.Now(), phase: corev1.PodPending,
		dir: filepath.Join(k.fleet.state, "pods", string(pod.UID)), done: make(chan struct{}), tokens: map[string]time.Time{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	reason := "ContainerCreating"
	if len(pod.Spec.InitContainers) > 0 {
		reason = "PodInitializing"
	}
	earlier := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) // from before a restart of this program
	create := func(spec corev1.Container) *container {
		c := &container{spec: spec}
		c.state.Waiting = &corev1.ContainerStateWaiting{Reason: reason}
		c.image, c.unknown = k.fleet.images.find(spec.Image)
		for _, status := range earlier {
			if status.Name == spec.Name && status.ContainerID != "" {
				c.restarts, c.last.Terminated = status.RestartCount+1, status.State.Terminated
			}
		}
		return c
	}
	for _, spec := range pod.Spec.InitContainers {
		p.inits = append(p.inits, create(spec))
	}
	for _, spec := range pod.Spec.Containers {
		p.mains = append(p.mains, create(spec))
	}
	return p, nil
}

// run is the life of the pod.
func (p *podRun) run() {
	defer close(p.done)
	if !p.prepare() {
		return
	}
	defer p.fleet.hosts.remove(p.hostsFile())
	go p.refreshVolumes()

	sidecars, stopSidecars := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	succeeded := p.runInits(sidecars, &helpers)
	if succeeded {
		p.update(func() { p.initialized, p.phase = true, corev1.PodRunning })
		var group sync.WaitGroup
		for _, c := range p.mains {
			group.Go(func() { p.supervise(p.ctx, c, p.first.Spec.RestartPolicy) })
		}
		group.Wait()
		for _, c := range p.mains {
			succeeded = succeeded && c.succeeded()
		}
	}
	stopSidecars()
	helpers.Wait()
	p.update(func() {
		p.phase = corev1.PodFailed
		if succeeded {
			p.phase = corev1.PodSucceeded
		}
	})
}

// prepare makes the files of the pod; it tries until it can, and reports false if the pod must end before.
func (p *podRun) prepare() bool {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := p.writeVolumes()
		if err == nil {
			err = p.fleet.hosts.add(p.hostsFile(), p.first, p.ip)
		}
		if err == nil {
			break
		}
		if p.ctx.Err() == nil {
			p.event(corev1.EventTypeWarning, "FailedMount", err.Error())
		}
		p.update(func() { p.waiting = err.Error() })
		if !sleep(p.ctx, pause) {
			return false
		}
	}
	p.update(func() { p.waiting = "" })
	return true
}

// runInits runs the init containers in order; one with restartPolicy Always is a sidecar, which only has to
// start and then lives as long as the pod.
func (p *podRun) runInits(sidecars context.Context, helpers *sync.WaitGroup) bool {
	policy := p.first.Spec.RestartPolicy
	if policy == corev1.RestartPolicyAlways {
		policy = corev1.RestartPolicyOnFailure
	}
	for _, c := range p.inits {
		if c.spec.RestartPolicy != nil && *c.spec.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			helpers.Go(func() { p.supervise(sidecars, c, corev1.RestartPolicyAlways) })
			for p.ctx.Err() == nil && !p.isStarted(c) {
				sleep(p.ctx, 100*time.Millisecond)
			}
		} else if p.supervise(p.ctx, c, policy); !c.succeeded() {
			return false
		}
		if p.ctx.Err() != nil {
			return false
		}
	}
	return true
}

// supervise runs a container and restarts it, ever later, as its policy says.
func (p *podRun) supervise(ctx context.Context, c *container, policy corev1.RestartPolicy) {
	if c.unknown != nil {
		p.failToPull(ctx, c)
		return
	}
	backoff := time.Second
	for {
		began := time.Now()
		end := p.runOnce(ctx, c)
		p.update(func() {
			c.state = corev1.ContainerState{Terminated: end}
			c.started, c.ready, c.pid = false, false, 0
		})
		again := policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && end.ExitCode != 0
		if !again || ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			backoff = time.Second
		}
		message := fmt.Sprintf("back-off %s restarting container %s", backoff, c.spec.Name)
		p.event(corev1.EventTypeWarning, "BackOff", message)
		p.update(func() {
			c.last = c.state
			c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: message}}
		})
		if !sleep(ctx, backoff) {
			p.update(func() { c.state = c.last })
			return
		}
		backoff = min(2*backoff, time.Minute)
		p.update(func() { c.restarts++ })
	}
}

// failToPull is what a kubelet shows of an image that does not exist.
func (p *podRun) failToPull(ctx context.Context, c *container) {
	p.event(corev1.EventTypeWarning, "Failed", c.unknown.Error())
	wait := func(reason string) {
		p.update(func() {
			c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: c.unknown.Error()}}
		})
	}
	wait("ErrImagePull")
	if sleep(ctx, time.Second) {
		wait("ImagePullBackOff")
		<-ctx.Done()
	}
}

// remove ends the pod and deletes what it left.
func (p *podRun) remove() {
	p.cancel()
	<-p.done
	p.fleet.addresses.free(p.ip)
	os.RemoveAll(p.dir)
}

// patience is done when a process that was told to end must be killed.
func (p *podRun) patience() (context.Context, context.CancelFunc) {
	limit, cancel := context.WithTimeout(context.Background(), p.gracePeriod())
	go func() {
		select {
		case <-limit.Done():
		case <-p.kubelet.leaving:
			sleep(limit, leaveLimit)
			cancel()
		}
	}()
	return limit, cancel
}

func (p *podRun) gracePeriod() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	seconds := p.pod.DeletionGracePeriodSeconds
	if seconds == nil {
		seconds = p.pod.Spec.TerminationGracePeriodSeconds // never nil: the API server has a default
	}
	return time.Duration(*seconds) * time.Second
}

// replace takes over a newer object of the same pod.
func (p *podRun) replace(pod *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pod = pod
}

// current is the object as last seen; it is not to be changed.
func (p *podRun) current() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pod
}

func (p *podRun) isStarted(c *container) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.started
}

func (p *podRun) find(name string) *container {
	for _, c := range slices.Concat(p.mains, p.inits) {
		if c.spec.Name == name {
			return c
		}
	}
	return nil
}

func (p *podRun) event(kind, reason, message string) {
	p.kubelet.events.Event(p.first, kind, reason, message)
}

func hostname(pod *corev1.Pod) string {
	name := pod.Spec.Hostname
	if name == "" {
		name = pod.Name
	}
	return strings.TrimRight(name[:min(len(name), 63)], "-.")
}
