package main

import (
	"path/filepath"
	"testing"
)

func TestNeedsPathIn(t *testing.T) {
	dir := writeTree(t, map[string]string{"kafka/libs/a.jar": ""})
	kafka := Mount{Source: filepath.Join(dir, "kafka"), Target: "/opt/kafka"}
	for target, want := range map[string]bool{
		"/opt/kafka/libs": false, "/opt/kafka/data": true, "/opt/kafka/libs/b.jar": true, "/opt/kafka-data": false, "/opt": false,
	} {
		t.Run(target, func(t *testing.T) {
			spec := InitSpec{Mounts: []Mount{kafka, {Source: dir, Target: target}}}
			if got := spec.needsPathIn(kafka); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
