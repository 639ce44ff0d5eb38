package main

import (
	"runtime/debug"
	"strings"
	_ "unsafe" // for linkname
)

// Argo CD's own builds set it by a linker flag. Done here, no flag can be forgotten.
//
//go:linkname version github.com/argoproj/argo-cd/v3/common.version
var version string

func init() {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, module := range build.Deps {
		if module.Path == "github.com/argoproj/argo-cd/v3" {
			version = strings.TrimPrefix(module.Version, "v")
		}
	}
}
