package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	redisPort     = "6379"
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// runRedis serves Redis' protocol at the pod's own address, as the repository server does and why.
func runRedis() error {
	server := miniredis.NewMiniRedis()
	if password := passwordIn(os.Args[1:]); password != "" {
		server.RequireAuth(password)
	}
	if err := server.StartAddr(os.Getenv("POD_IP") + ":" + redisPort); err != nil {
		return err
	}
	defer server.Close()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	for tick := time.Tick(time.Second); ; {
		select {
		case <-tick:
			server.FastForward(time.Second) // its keys would never expire: it does not move its clock itself
		case <-ended:
			return nil
		}
	}
}

// passwordIn finds it as the chart gives it: option and value are one argument.
func passwordIn(args []string) string {
	for _, arg := range args {
		if password, ok := strings.CutPrefix(arg, "--requirepass "); ok {
			return password
		}
	}
	return ""
}

// runCommandLine does what the chart asks of Argo CD's command line before it installs anything else.
func runCommandLine() error {
	if !slices.Equal(os.Args[1:], []string{"admin", "redis-initial-password"}) {
		return fmt.Errorf("of its commands the lab has only: admin redis-initial-password")
	}
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "argocd-redis", Namespace: string(namespace)},
		StringData: map[string]string{"auth": rand.Text()},
	}
	_, err = client.CoreV1().Secrets(string(namespace)).Create(context.Background(), secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
