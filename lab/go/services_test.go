package main

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestReadyEndpoints(t *testing.T) {
	ready := true
	all := []*discoveryv1.EndpointSlice{
		slice("kafka", "web", endpoint("10.244.1.2", "", nil), endpoint("10.244.1.3", "", new(bool))),
		slice("kafka", "web", endpoint("10.244.2.2", "", &ready)),
	}
	for port, want := range map[string][]string{
		"http":  {"10.244.1.2:8080", "10.244.2.2:8080"},
		"https": nil,
	} {
		t.Run(port, func(t *testing.T) {
			if got := readyEndpoints(all, port); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestIsServed(t *testing.T) {
	for name, test := range map[string]struct {
		ip     string
		labels map[string]string
		want   bool
	}{
		"cluster IP":    {"10.96.0.7", nil, true},
		"headless":      {"None", nil, false},
		"another proxy": {"10.96.0.7", map[string]string{proxyNameLabel: "none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Labels: test.labels}, Spec: corev1.ServiceSpec{ClusterIP: test.ip}}
			if got := isServed(service); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
