package main

import (
	"flag"
	"io"
	"log"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

// runRegistry serves an OCI registry without authentication. Whoever starts it fills it: it forgets what it has.
func runRegistry(args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	address := flags.String("addr", "127.0.0.1:5000", "loopback `HOST:PORT` to listen at")
	flags.Parse(args)

	listener, err := listenLoopback(*address)
	if err != nil {
		return err
	}
	return http.Serve(listener, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
}
