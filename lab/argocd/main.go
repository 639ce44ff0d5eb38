// Command argocd is the real Argo CD without its images: one program that is what its name says, as the programs in
// Argo CD's own image are. Redis, which no Go module has, is miniredis.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

var programs = map[string]func() error{
	"argocd":                        runCommandLine,
	"argocd-application-controller": func() error { return controller.NewCommand().Execute() },
	"argocd-repo-server":            runRepositoryServer,
	"redis-server":                  runRedis,
}

func main() {
	name := filepath.Base(os.Args[0])
	run := programs[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "%s is not implemented on the lab, only %s\n", name, strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// runRepositoryServer listens at the pod's own address: all pods of the lab share one network, in which the service's own
// port of another address is taken.
func runRepositoryServer() error {
	for _, name := range []string{"ARGOCD_REPO_SERVER_LISTEN_ADDRESS", "ARGOCD_REPO_SERVER_METRICS_LISTEN_ADDRESS"} {
		if err := os.Setenv(name, os.Getenv("POD_IP")); err != nil {
			return err
		}
	}
	return reposerver.NewCommand().Execute()
}
