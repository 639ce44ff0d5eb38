package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
)

const (
	streamIdleTimeout     = 4 * time.Hour // as a kubelet; the virtual kubelet's 30 s cuts quiet streams
	streamCreationTimeout = 30 * time.Second
)

// servePortForward is the kubelet's own handler: the virtual kubelet's drops the ports of a websocket request,
// which is what clients other than kubectl send.
func (k *kubelet) servePortForward(w http.ResponseWriter, req *http.Request) {
	options, err := portforward.NewV4Options(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	target := forwarder{k, req.PathValue("namespace")}
	portforward.ServePortForward(w, req, target, req.PathValue("pod"), "", options, streamIdleTimeout, streamCreationTimeout, portforward.SupportedProtocols)
}

// forwarder knows the namespace, which the handler does not pass on.
type forwarder struct {
	kubelet   *kubelet
	namespace string
}

func (f forwarder) PortForward(ctx context.Context, name string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	return f.kubelet.PortForward(ctx, f.namespace, name, port, stream)
}

// PortForward connects a stream with a port of the pod.
func (k *kubelet) PortForward(ctx context.Context, namespace, name string, port int32, stream io.ReadWriteCloser) error {
	p := k.get(namespace, name)
	if p == nil {
		return errdefs.NotFoundf("pod %s/%s is not on node %s", namespace, name, k.name)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(p.ip, fmt.Sprint(port)))
	if err != nil {
		return err
	}
	pipe(conn, stream)
	return nil
}
