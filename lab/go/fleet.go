package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
)

// fleet is what all simulated nodes share.
type fleet struct {
	client    kubernetes.Interface
	informers informers.SharedInformerFactory
	events    record.EventBroadcaster
	state     string
	images    *imageTable
	addresses *addressPool
	hosts     *hostsFiles
	spawn     chan func()
}

func newFleet(ctx context.Context, kubeconfig, state, images string) (*fleet, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = config.ContentType + ",application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	table, err := readImages(images, os.LookupEnv)
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if state, err = filepath.Abs(state); err != nil {
		return nil, err
	}
	// No process outlives this program, so what an earlier one left of its pods is rubbish.
	if err := os.RemoveAll(filepath.Join(state, "pods")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	f := &fleet{
		client: client, informers: informers.NewSharedInformerFactory(client, 0),
		events: record.NewBroadcaster(record.WithContext(ctx)), state: state, images: table,
		addresses: newAddressPool(), hosts: newHostsFiles(), spawn: make(chan func()),
	}
	f.events.StartRecordingToSink(&typedv1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	// Pdeathsig ends a child with the *thread* that started it: all are started by one that never ends.
	go func() {
		runtime.LockOSThread()
		for start := range f.spawn {
			start()
		}
	}()
	return f, nil
}

// start starts a command on the thread that outlives all children.
func (f *fleet) start(cmd *exec.Cmd) error {
	result := make(chan error)
	f.spawn <- func() { result <- cmd.Start() }
	return <-result
}

// onChange calls a function after changes of what some informers see, never twice at a time, and now and then
// anyway, so that it need not mind what failed.
func onChange(ctx context.Context, act func(), watched ...cache.SharedIndexInformer) {
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range watched {
		informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { note() },
			UpdateFunc: func(any, any) { note() },
			DeleteFunc: func(any) { note() },
		})
	}
	for ctx.Err() == nil {
		act()
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(2 * time.Second):
		}
	}
}

// sleep waits, and reports false if ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
