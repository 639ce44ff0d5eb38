package main

import (
	"strings"
	"testing"

	"k8s.io/component-base/version"
)

// Charts and clients refuse a server that calls itself v0.0.0.
func TestServersKnowTheirVersion(t *testing.T) {
	info := version.Get()
	if !strings.HasPrefix(info.GitVersion, "v"+info.Major+"."+info.Minor+".") || !strings.HasSuffix(info.GitVersion, "-eks-lab") || info.Major != "1" {
		t.Errorf("version: %+v", info)
	}
}
