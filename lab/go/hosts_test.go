package main

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func service(namespace, name, clusterIP string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{ClusterIP: clusterIP}}
}

func endpoint(address, hostname string, ready *bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if hostname != "" {
		e.Hostname = &hostname
	}
	return e
}

func slice(namespace, service string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	http, port := "http", int32(8080)
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		Ports:      []discoveryv1.EndpointPort{{Name: &http, Port: &port}}, Endpoints: endpoints,
	}
}

func TestHostsText(t *testing.T) {
	services := []*corev1.Service{
		service("kafka", "bootstrap", "10.96.0.9"), service("kafka", "brokers", corev1.ClusterIPNone), service("default", "kubernetes", "10.96.0.1"),
		service("kafka", "outside", ""), // ExternalName
	}
	slices := []*discoveryv1.EndpointSlice{
		slice("kafka", "brokers", endpoint("10.244.1.3", "broker-1", nil), endpoint("10.244.1.2", "broker-0", new(bool))),
		slice("kafka", "bootstrap", endpoint("10.244.1.3", "", nil)), // behind a cluster IP
	}
	ready := true
	slices[0].Endpoints = append(slices[0].Endpoints, endpoint("10.244.1.4", "", &ready))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "client", Namespace: "kafka"}, Spec: corev1.PodSpec{
		HostAliases: []corev1.HostAlias{{IP: "10.9.9.9", Hostnames: []string{"one", "two"}}}}}
	want := `127.0.0.1 localhost
::1 localhost
10.244.1.9 client
10.9.9.9 one two
10.244.1.3 broker-1.brokers.kafka.svc.cluster.local broker-1.brokers.kafka.svc broker-1.brokers.kafka broker-1.brokers
10.244.1.3 brokers.kafka.svc.cluster.local brokers.kafka.svc brokers.kafka brokers
10.244.1.4 brokers.kafka.svc.cluster.local brokers.kafka.svc brokers.kafka brokers
10.96.0.1 kubernetes.default.svc.cluster.local kubernetes.default.svc kubernetes.default
10.96.0.9 bootstrap.kafka.svc.cluster.local bootstrap.kafka.svc bootstrap.kafka bootstrap
`
	if got := hostsText(ownLines(pod, "10.244.1.9"), "kafka", clusterNames(services, slices)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOwnLinesWithSubdomain(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod-x", Namespace: "kafka"}, Spec: corev1.PodSpec{Hostname: "broker-0", Subdomain: "brokers"}}
	want := "10.244.1.2 broker-0.brokers.kafka.svc.cluster.local broker-0\n"
	if got := ownLines(pod, "10.244.1.2"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHostsFilesFollowTheNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pod", "hosts")
	files := newHostsFiles()
	if err := files.add(path, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "a"}}, "10.244.1.2"); err != nil {
		t.Fatal(err)
	}
	empty := "127.0.0.1 localhost\n::1 localhost\n10.244.1.2 p\n"
	check := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	check(empty)
	files.write([]clusterName{{"10.96.0.2", "a", "web"}})
	check(empty + "10.96.0.2 web.a.svc.cluster.local web.a.svc web.a web\n")
	files.write(nil)
	check(empty)
	files.remove(path)
	files.write([]clusterName{{"10.96.0.2", "a", "web"}})
	check(empty)
}
