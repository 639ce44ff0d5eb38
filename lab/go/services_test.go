package main

import (
	"slices"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
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
