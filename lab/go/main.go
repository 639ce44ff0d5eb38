// Command lab is a Kubernetes for one machine that needs neither containers nor root: the control
// plane and kubectl (components.go), worker nodes whose pods are local processes (nodes.go), a
// registry for charts (registry.go), and the sandbox that all of it runs in (sandbox.go).
package main

import (
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var commands = map[string]func(args []string) error{
	"container-init": containerInit,
	"nodes":          runNodes,
	"registry":       runRegistry,
	"sandbox":        runSandbox,
	"sandbox-init":   sandboxInit,
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if name := filepath.Base(os.Args[0]); components[name] != nil { // called through a symlink
		components[name]()
		return
	}
	if len(os.Args) > 1 && components[os.Args[1]] != nil {
		os.Args = os.Args[1:]
		components[os.Args[0]]()
		return
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		names := slices.Concat(slices.Sorted(maps.Keys(components)), []string{"nodes", "registry", "sandbox"})
		fmt.Fprintf(os.Stderr, "usage: lab %s [flags]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	err := commands[os.Args[1]](os.Args[2:])
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// exitStatus ends the program without a word: whoever failed has spoken.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
