package main

import (
	"runtime/debug"
	"strings"
	_ "unsafe" // for linkname

	"k8s.io/component-base/version"
)

// Kubernetes' own builds set these by linker flags. Done here, every plain go build makes servers that
// clients (the kubeVersion of a chart, say) recognise, and no flag can be forgotten.
//
//go:linkname gitMajor k8s.io/component-base/version.gitMajor
var gitMajor string

//go:linkname gitMinor k8s.io/component-base/version.gitMinor
var gitMinor string

//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

func init() {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, module := range build.Deps {
		if module.Path != "k8s.io/kubernetes" {
			continue
		}
		numbers := strings.Split(strings.TrimPrefix(module.Version, "v"), ".")
		gitMajor, gitMinor, gitVersion = numbers[0], numbers[1], module.Version+"-eks-lab"
		if err := version.SetDynamicVersion(gitVersion); err != nil {
			panic(err)
		}
	}
}
