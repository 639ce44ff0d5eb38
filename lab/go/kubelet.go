package main

import (
	"context"
	"errors"
	"io"
	"log"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// kubelet is what the virtual kubelet of one node asks: its provider.
type kubelet struct {
	fleet    *fleet
	name     string
	address  string
	capacity corev1.ResourceList
	events   record.EventRecorder
	lister   listers.PodLister
	notify   func(*corev1.Pod)
	leaving  chan struct{} // closed when the node ends

	mu   sync.Mutex
	pods map[string]*podRun // by namespace/name
}

func newKubelet(f *fleet, name, address string, capacity corev1.ResourceList) *kubelet {
	return &kubelet{fleet: f, name: name, address: address, capacity: capacity, events: f.recorder(name),
		notify: func(*corev1.Pod) {}, leaving: make(chan struct{}), pods: map[string]*podRun{}}
}

func (k *kubelet) get(namespace, name string) *podRun {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pods[namespace+"/"+name]
}

// container finds a container by name, for logs and exec.
func (k *kubelet) container(namespace, name, container string) (*podRun, *container, error) {
	if p := k.get(namespace, name); p != nil {
		if c := p.find(container); c != nil {
			return p, c, nil
		}
	}
	return nil, nil, errdefs.NotFoundf("container %s of pod %s/%s is not on node %s", container, namespace, name, k.name)
}

func (k *kubelet) CreatePod(ctx context.Context, pod *corev1.Pod) error {
	p, err := newPodRun(k, pod)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.pods[pod.Namespace+"/"+pod.Name] = p
	k.mu.Unlock()
	go p.run()
	return nil
}

// UpdatePod takes over new labels and annotations. A pod of the same name with another UID is a new pod: the
// virtual kubelet does not tell the two apart.
func (k *kubelet) UpdatePod(ctx context.Context, pod *corev1.Pod) error {
	p := k.get(pod.Namespace, pod.Name)
	if p == nil || p.first.UID != pod.UID {
		if p != nil {
			p.remove()
		}
		return k.CreatePod(ctx, pod)
	}
	p.replace(pod)
	return nil
}

// DeletePod ends the pod in the background and then deletes it from the API server, as the virtual kubelet
// itself would wait for the whole grace period.
func (k *kubelet) DeletePod(ctx context.Context, pod *corev1.Pod) error {
	p := k.get(pod.Namespace, pod.Name)
	if p == nil || p.first.UID != pod.UID {
		return errdefs.NotFoundf("pod %s/%s is not on node %s", pod.Namespace, pod.Name, k.name)
	}
	p.replace(pod) // has the deletion's grace period
	go func() {
		p.remove()
		k.mu.Lock()
		if k.pods[pod.Namespace+"/"+pod.Name] == p {
			delete(k.pods, pod.Namespace+"/"+pod.Name)
		}
		k.mu.Unlock()
		now := metav1.DeleteOptions{GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
		err := k.fleet.client.CoreV1().Pods(pod.Namespace).Delete(context.Background(), pod.Name, now)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			log.Printf("deleting pod %s/%s: %v", pod.Namespace, pod.Name, err)
		}
	}()
	return nil
}

// stop ends all pods of the node, quickly; their objects stay, as when a machine is switched off.
func (k *kubelet) stop() {
	close(k.leaving)
	k.mu.Lock()
	defer k.mu.Unlock()
	var group sync.WaitGroup
	for _, p := range k.pods {
		group.Go(p.remove)
	}
	group.Wait()
}

// report sends a pod's status. Metadata and foreign conditions come from the newest object known, because the
// virtual kubelet overwrites all of it.
func (k *kubelet) report(status corev1.PodStatus, pod *corev1.Pod) {
	latest, err := k.lister.Pods(pod.Namespace).Get(pod.Name)
	if err != nil || latest.UID != pod.UID {
		latest = pod
	}
	updated := latest.DeepCopy()
	for _, c := range updated.Status.Conditions {
		if findCondition(status.Conditions, c.Type) == nil {
			status.Conditions = append(status.Conditions, c)
		}
	}
	updated.Status = status
	k.notify(updated)
}

func (k *kubelet) NotifyPods(_ context.Context, notify func(*corev1.Pod)) { k.notify = notify }

func (k *kubelet) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p := k.get(namespace, name)
	if p == nil {
		return nil, errdefs.NotFoundf("pod %s/%s is not on node %s", namespace, name, k.name)
	}
	return p.object(), nil
}

func (k *kubelet) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := k.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

func (k *kubelet) GetPods(context.Context) (pods []*corev1.Pod, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		pods = append(pods, p.object())
	}
	return pods, nil
}

func (k *kubelet) GetContainerLogs(ctx context.Context, namespace, name, container string, opts api.ContainerLogOpts) (io.ReadCloser, error) {
	p, c, err := k.container(namespace, name, container)
	if err != nil {
		return nil, err
	}
	return p.readLogs(ctx, c, opts)
}

func (k *kubelet) AttachToContainer(context.Context, string, string, string, api.AttachIO) error {
	return errors.New("the lab has no attach: use exec")
}

func (k *kubelet) GetStatsSummary(context.Context) (*stats.Summary, error) {
	return &stats.Summary{Node: stats.NodeStats{NodeName: k.name}}, nil
}

func (k *kubelet) GetMetricsResource(context.Context) ([]*dto.MetricFamily, error) { return nil, nil }
