package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestPortNumber(t *testing.T) {
	ports := []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "8081", ContainerPort: 1}}
	for name, test := range map[string]struct {
		port intstr.IntOrString
		want string
	}{
		"named":        {intstr.FromString("http"), "8080"},
		"a number":     {intstr.FromInt32(8081), "8081"},
		"unknown name": {intstr.FromString("grpc"), "grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := portNumber(ports, test.port); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
