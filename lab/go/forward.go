package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// listenLoopback opens a port that only this machine can reach.
func listenLoopback(address string) (net.Listener, error) {
	if err := requireLoopback(address); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: end that one, or choose another port (LAB_PORT)", address)
	}
	return listener, err
}

func requireLoopback(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("%q is not a loopback address with a port, such as 127.0.0.1:17400: the lab serves nothing else", address)
	}
	return nil
}

// forward connects each client of a listener with the address that target names at that moment; "" refuses it.
func forward(listener net.Listener, target func() string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			server, err := net.DialTimeout("tcp", target(), 5*time.Second)
			if err != nil {
				client.Close()
				return
			}
			pipe(server, client)
		}()
	}
}

// pipe copies both ways until both directions have ended; one side may end long before the other.
func pipe(conn net.Conn, stream io.ReadWriteCloser) {
	defer conn.Close()
	defer stream.Close()
	back := make(chan struct{})
	go func() {
		io.Copy(stream, conn)
		closeWrite(stream)
		close(back)
	}()
	io.Copy(conn, stream)
	closeWrite(conn)
	<-back
}

func closeWrite(end any) {
	if half, ok := end.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
