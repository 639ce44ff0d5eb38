package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/probe"
	grpcprobe "k8s.io/kubernetes/pkg/probe/grpc"
)

// probe runs a container's probes until ctx is done: first the startup probe, then readiness and liveness side
// by side.
func (p *podRun) probe(ctx context.Context, c *container) {
	if c.spec.StartupProbe != nil {
		if !p.watch(ctx, c, "Startup", c.spec.StartupProbe) {
			return
		}
		p.update(func() { c.started, c.ready = true, c.spec.ReadinessProbe == nil })
	}
	if c.spec.ReadinessProbe != nil {
		go p.watch(ctx, c, "Readiness", c.spec.ReadinessProbe)
	}
	if c.spec.LivenessProbe != nil {
		p.watch(ctx, c, "Liveness", c.spec.LivenessProbe)
	}
}

// watch repeats one probe. It reports true when a startup probe has succeeded.
func (p *podRun) watch(ctx context.Context, c *container, kind string, probe *corev1.Probe) bool {
	good, bad := int32(0), int32(0)
	sleep(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second)
	for ctx.Err() == nil {
		timeout := time.Duration(max(probe.TimeoutSeconds, 1)) * time.Second
		limited, cancel := context.WithTimeout(ctx, timeout)
		err := p.check(limited, c, probe.ProbeHandler, timeout)
		cancel()
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
			p.event(corev1.EventTypeWarning, "Unhealthy", fmt.Sprintf("%s probe failed: %v", kind, err))
		}
		switch {
		case kind == "Startup" && err == nil:
			return true
		case kind == "Readiness" && good == max(probe.SuccessThreshold, 1):
			p.update(func() { c.ready = true })
		case kind == "Readiness" && bad == max(probe.FailureThreshold, 1):
			p.update(func() { c.ready = false })
		case kind != "Readiness" && bad == max(probe.FailureThreshold, 1):
			p.event(corev1.EventTypeNormal, "Killing", fmt.Sprintf("Container %s failed %s probe, will be restarted", c.spec.Name, kind))
			c.kill()
			return false
		}
		sleep(ctx, time.Duration(max(probe.PeriodSeconds, 1))*time.Second)
	}
	return false
}

func (p *podRun) check(ctx context.Context, c *container, handler corev1.ProbeHandler, timeout time.Duration) error {
	switch {
	case handler.Exec != nil:
		return p.enter(ctx, c, entry{args: handler.Exec.Command, out: io.Discard, errs: io.Discard})
	case handler.TCPSocket != nil:
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.probeAddress(c, handler.TCPSocket.Host, handler.TCPSocket.Port))
		if err == nil {
			conn.Close()
		}
		return err
	case handler.HTTPGet != nil:
		return checkHTTP(ctx, handler.HTTPGet, p.probeAddress(c, handler.HTTPGet.Host, handler.HTTPGet.Port))
	case handler.GRPC != nil:
		service := ""
		if handler.GRPC.Service != nil {
			service = *handler.GRPC.Service
		}
		result, output, err := grpcprobe.New().Probe(p.ip, service, int(handler.GRPC.Port), timeout)
		if err == nil && result != probe.Success {
			err = fmt.Errorf("%s: %s", result, output)
		}
		return err
	}
	return fmt.Errorf("the lab does not know this kind of probe")
}

func checkHTTP(ctx context.Context, get *corev1.HTTPGetAction, address string) error {
	scheme := "http"
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+get.Path, nil)
	if err != nil {
		return err
	}
	for _, header := range get.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
	}
	// As a kubelet: it has no way to know who signs a pod's certificate.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", request.URL, response.Status)
	}
	return nil
}

func (p *podRun) probeAddress(c *container, host string, port intstr.IntOrString) string {
	if host == "" {
		host = p.ip
	}
	return net.JoinHostPort(host, portNumber(c.spec.Ports, port))
}

// portNumber resolves a port that may be named.
func portNumber(ports []corev1.ContainerPort, port intstr.IntOrString) string {
	for _, p := range ports {
		if port.Type == intstr.String && p.Name == port.StrVal {
			return strconv.Itoa(int(p.ContainerPort))
		}
	}
	return port.String()
}
