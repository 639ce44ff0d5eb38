package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNodeCapacity(t *testing.T) {
	for name, test := range map[string]struct{ annotation, wrong string }{
		"good":           {`{"cpu":"16","memory":"128Gi","pods":"58"}`, ""},
		"and more":       {`{"cpu":"16","memory":"128Gi","pods":"58","ephemeral-storage":"80Gi"}`, ""},
		"none":           {"", "is no JSON object of quantities"},
		"no quantity":    {`{"cpu":"many","memory":"128Gi","pods":"58"}`, "is no JSON object of quantities"},
		"without memory": {`{"cpu":"16","pods":"58"}`, "does not say how much memory there is"},
	} {
		t.Run(name, func(t *testing.T) {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{capacityAnnotation: test.annotation}}}
			capacity, err := nodeCapacity(node)
			checkError(t, err, test.wrong)
			if err == nil && (capacity.Cpu().String() != "16" || capacity.Memory().String() != "128Gi") {
				t.Errorf("got %v", capacity)
			}
		})
	}
}

func TestNodeSpecLeavesLabelsAlone(t *testing.T) {
	object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", ResourceVersion: "7", Labels: map[string]string{corev1.LabelArchStable: "arm64"}}}
	spec := nodeSpec(object, "10.244.1.1", nil)
	if spec.Labels != nil || spec.ResourceVersion == "" {
		t.Errorf("metadata: %+v", spec.ObjectMeta)
	}
	if spec.Status.NodeInfo.Architecture != "arm64" {
		t.Errorf("architecture: %q", spec.Status.NodeInfo.Architecture)
	}
}

func TestAddressPool(t *testing.T) {
	pool := newAddressPool()
	take := func(from func() (string, error), want string) {
		t.Helper()
		if got, err := from(); err != nil || got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
	pod := func(node string) func() (string, error) { return func() (string, error) { return pool.takePod(node) } }
	take(pool.takeNode, "10.244.1.1")
	take(pool.takeNode, "10.244.2.1")
	take(pod("10.244.2.1"), "10.244.2.2")
	take(pod("10.244.2.1"), "10.244.2.3")
	pool.free("10.244.1.1")
	pool.free("10.244.2.2")
	take(pool.takeNode, "10.244.1.1")
	take(pod("10.244.2.1"), "10.244.2.2")
	for range 251 {
		pool.takePod("10.244.2.1")
	}
	_, err := pool.takePod("10.244.2.1")
	checkError(t, err, "no address for another pod")
}
