package main

import (
	"context"
	"log"
	"math/rand/v2"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// proxyNameLabel names another proxy than this one: a program of which the pods listen at all addresses could not
// start beside it.
const proxyNameLabel = "service.kubernetes.io/service-proxy-name"

// serviceProxy plays kube-proxy and the cluster's DNS. It listens at the cluster IP of every service, which the
// sandbox makes a local address, and forwards each connection to a ready endpoint; names go into hosts files.
type serviceProxy struct {
	*fleet
	listeners map[string]net.Listener
}

func newServiceProxy(f *fleet) *serviceProxy {
	f.informers.Core().V1().Services().Informer()
	f.informers.Discovery().V1().EndpointSlices().Informer()
	return &serviceProxy{f, map[string]net.Listener{}}
}

func (s *serviceProxy) run(ctx context.Context) {
	core, discovery := s.informers.Core().V1(), s.informers.Discovery().V1()
	onChange(ctx, func() {
		services, _ := core.Services().Lister().List(labels.Everything())
		slices, _ := discovery.EndpointSlices().Lister().List(labels.Everything())
		s.hosts.write(clusterNames(services, slices))
		s.listen(services)
	}, core.Services().Informer(), discovery.EndpointSlices().Informer())
}

// listen opens what is missing and closes what is not wanted any more.
func (s *serviceProxy) listen(services []*corev1.Service) {
	wanted := map[string]bool{}
	for _, service := range services {
		if !isServed(service) {
			continue
		}
		for _, port := range service.Spec.Ports {
			address := net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(port.Port)))
			wanted[address] = true
			if s.listeners[address] != nil || port.Protocol != corev1.ProtocolTCP {
				continue
			}
			listener, err := net.Listen("tcp", address)
			if err != nil {
				log.Printf("service %s/%s: %v", service.Namespace, service.Name, err)
				continue
			}
			s.listeners[address] = listener
			go forward(listener, func() string { return s.endpoint(service.Namespace, service.Name, port.Name) })
		}
	}
	for address, listener := range s.listeners {
		if !wanted[address] {
			listener.Close()
			delete(s.listeners, address)
		}
	}
}

// endpoint picks a ready endpoint of a service's port at random, "" if there is none.
func (s *serviceProxy) endpoint(namespace, service, port string) string {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service})
	slices, _ := s.informers.Discovery().V1().EndpointSlices().Lister().EndpointSlices(namespace).List(selector)
	if found := readyEndpoints(slices, port); len(found) > 0 {
		return found[rand.IntN(len(found))]
	}
	return ""
}

// readyEndpoints are the addresses behind a port.
func readyEndpoints(slices []*discoveryv1.EndpointSlice, port string) (found []string) {
	for _, slice := range slices {
		for _, p := range slice.Ports {
			if p.Name == nil || *p.Name != port || p.Port == nil {
				continue
			}
			for _, e := range slice.Endpoints {
				if isReady(e) {
					found = append(found, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	return found
}

// isReady is a slice's view, in which an endpoint of unknown state is ready.
func isReady(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }

// isServed reports whether this proxy is the one that a service is for.
func isServed(service *corev1.Service) bool {
	_, elsewhere := service.Labels[proxyNameLabel]
	return hasClusterIP(service) && !elsewhere
}

func hasClusterIP(service *corev1.Service) bool {
	return service.Spec.ClusterIP != "" && service.Spec.ClusterIP != corev1.ClusterIPNone
}
