package main

// The worker nodes. Whoever plays the cloud creates Node objects, with
//   - the label lab.kafka-eks/simulated=true, by which a virtual kubelet is run for them,
//   - the annotation lab.kafka-eks/capacity, a JSON object of quantities such as
//     {"cpu":"16","memory":"128Gi","pods":"58"} (these three at least): capacity and allocatable,
//   - the labels that the cloud gives: topology.kubernetes.io/zone (volumes need it), kubernetes.io/arch,
//
// and deletes them: then the node's processes end, and controller-manager's garbage collection removes its pods.
// Labels, taints and provider id stay as they were set; only the status is written here.
//
// Not played: securityContext, resource limits, lifecycle hooks other than preStop's exec and sleep, ephemeral
// containers, attach, UDP services, NetworkPolicies. All pods share one network, so a program must listen at
// its own pod's address only; it is told in the variable POD_IP.

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	vklog "github.com/virtual-kubelet/virtual-kubelet/log"
	"github.com/virtual-kubelet/virtual-kubelet/log/klogv2"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/nodeutil"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/cert"
	"k8s.io/component-base/version"
)

const (
	simulatedLabel     = "lab.kafka-eks/simulated"
	capacityAnnotation = "lab.kafka-eks/capacity"
)

func runNodes(args []string) error {
	flags := flag.NewFlagSet("nodes", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "`file` that says how to reach the API server")
	state := flags.String("state", "nodes", "`folder` for pods (emptied at the start) and volumes (kept)")
	images := flags.String("images", "images", "`folder` with NAME/image.json for runnable images and simulated.json")
	flags.Parse(args)

	vklog.L = klogv2.New(nil)
	os.Setenv("KUBECONFIG", *kubeconfig) // the virtual kubelet looks for one even where it is given a client
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	f, err := newFleet(ctx, *kubeconfig, *state, *images)
	if err != nil {
		return err
	}
	volumes, services := newProvisioner(f, filepath.Join(f.state, "volumes")), newServiceProxy(f)
	f.informers.Start(ctx.Done())
	f.informers.WaitForCacheSync(ctx.Done())
	go volumes.run(ctx)
	go services.run(ctx)
	f.run(ctx)
	return nil
}

// run plays every labelled node until ctx is done and the last process has ended.
func (f *fleet) run(ctx context.Context) {
	type life struct {
		end   context.CancelFunc
		ended chan struct{}
	}
	var group sync.WaitGroup
	lives := map[string]life{}
	begin := func(name string) {
		ctx, end := context.WithCancel(ctx)
		earlier, ended := lives[name].ended, make(chan struct{})
		lives[name] = life{end, ended}
		group.Go(func() {
			defer close(ended)
			if earlier != nil {
				<-earlier
			}
			for ; ctx.Err() == nil; sleep(ctx, 5*time.Second) {
				if err := f.runNode(ctx, name); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
					log.Printf("node %s: %v", name, err)
				}
			}
		})
	}
	factory := informers.NewSharedInformerFactoryWithOptions(f.client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.LabelSelector = simulatedLabel + "=true"
	}))
	factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { begin(object.(*corev1.Node).Name) },
		UpdateFunc: func(before, after any) {
			if after := after.(*corev1.Node); before.(*corev1.Node).UID != after.UID {
				lives[after.Name].end()
				begin(after.Name)
			}
		},
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			lives[object.(*corev1.Node).Name].end()
		},
	})
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown() // no handler starts a node any more
	group.Wait()
}

// runNode plays one node until ctx is done and its last process has ended.
func (f *fleet) runNode(ctx context.Context, name string) error {
	object, err := f.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	capacity, err := nodeCapacity(object)
	if err != nil {
		return err
	}
	address, err := f.addresses.takeNode()
	if err != nil {
		return err
	}
	defer f.addresses.free(address)
	certificate, err := servingCertificate(name, address)
	if err != nil {
		return err
	}
	kubelet := newKubelet(f, name, address, capacity)
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{pod}", kubelet.servePortForward)
	configure := func(config *nodeutil.NodeConfig) error {
		config.NodeSpec = nodeSpec(object, address, capacity)
		config.HTTPListenAddr = net.JoinHostPort(address, "10250")
		config.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		config.Handler = mux
		config.EventRecorder = &record.FakeRecorder{} // its events are not those of a kubelet; ours are
		config.SkipDownwardAPIResolution = true       // it does not know status.podIP
		config.StreamIdleTimeout = streamIdleTimeout
		config.StreamCreationTimeout = streamCreationTimeout
		config.NumWorkers = 4
		return nil
	}
	create := func(config nodeutil.ProviderConfig) (nodeutil.Provider, node.NodeProvider, error) {
		kubelet.lister = config.Pods
		return kubelet, nil, nil
	}
	virtual, err := nodeutil.NewNode(name, create, nodeutil.WithClient(f.client), configure, nodeutil.AttachProviderRoutes(mux))
	if err != nil {
		return err
	}
	log.Printf("node %s at %s", name, address)
	err = virtual.Run(ctx)
	kubelet.stop()
	log.Printf("node %s has stopped", name)
	return err
}

// nodeSpec is what the virtual kubelet reports. It names no labels and annotations, which it would
// restore whenever somebody removes one.
func nodeSpec(object *corev1.Node, address string, capacity corev1.ResourceList) corev1.Node {
	// The resource version keeps the virtual kubelet from creating a Node that has just been deleted.
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: object.Name, ResourceVersion: object.ResourceVersion}}
	n.Status = corev1.NodeStatus{
		Phase: corev1.NodePending, Capacity: capacity, Allocatable: capacity,
		// Nothing else: the API server prefers a name, which nobody resolves.
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		NodeInfo: corev1.NodeSystemInfo{
			KubeletVersion: version.Get().GitVersion, OperatingSystem: "linux", OSImage: "lab",
			Architecture: object.Labels[corev1.LabelArchStable], ContainerRuntimeVersion: "lab://processes",
		},
		Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory"},
			{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure"},
			{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID"},
			{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady"},
		},
	}
	return n
}

func nodeCapacity(object *corev1.Node) (corev1.ResourceList, error) {
	var capacity corev1.ResourceList
	if err := json.Unmarshal([]byte(object.Annotations[capacityAnnotation]), &capacity); err != nil {
		return nil, fmt.Errorf("its annotation %s is no JSON object of quantities: %w", capacityAnnotation, err)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourcePods} {
		if _, ok := capacity[name]; !ok {
			return nil, fmt.Errorf("its annotation %s does not say how much %s there is", capacityAnnotation, name)
		}
	}
	return capacity, nil
}

func servingCertificate(name, address string) (tls.Certificate, error) {
	certificate, key, err := cert.GenerateSelfSignedCertKey(name, []net.IP{net.ParseIP(address)}, nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certificate, key)
}

func (f *fleet) recorder(node string) record.EventRecorder {
	return f.events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})
}
