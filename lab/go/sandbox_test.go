package main

import (
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestParseSandbox(t *testing.T) {
	for name, test := range map[string]struct {
		args  string
		want  sandboxSpec
		wrong string
	}{
		"everything": {
			args: "-publish 127.0.0.1:17400=127.0.0.1:17400 -publish 127.0.0.1:17401=10.244.0.1:6443 -local 10.244.0.1/16 -local 10.96.0.1/16 -- python3 -m lab.cloud -x",
			want: sandboxSpec{
				Publish: []publication{{"127.0.0.1:17400", "127.0.0.1:17400"}, {"127.0.0.1:17401", "10.244.0.1:6443"}},
				Local:   []string{"10.244.0.1/16", "10.96.0.1/16"}, Command: []string{"python3", "-m", "lab.cloud", "-x"},
			},
		},
		"a command alone":     {args: "true", want: sandboxSpec{Command: []string{"true"}}},
		"no command":          {args: "-local 10.244.0.1/16 --", wrong: "no command is given"},
		"seen by the network": {args: "-publish 0.0.0.0:80=127.0.0.1:80 -- true", wrong: "is not a loopback address"},
		"a name":              {args: "-publish localhost:80=127.0.0.1:80 -- true", wrong: "is not a loopback address"},
		"half a publication":  {args: "-publish 127.0.0.1:80 -- true", wrong: "-publish"},
		"no range":            {args: "-local 10.244.0.1 -- true", wrong: "-local"},
		"no such flag":        {args: "-public -- true", wrong: "-public"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseSandbox(strings.Fields(test.args))
			checkError(t, err, test.wrong)
			if err == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestSameIDs(t *testing.T) {
	got, err := sameIDs("         0     100000        1000\n      1000       1000          1\n")
	want := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1000}, {ContainerID: 1000, HostID: 1000, Size: 1}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %v, want %v", err, got, want)
	}
	_, err = sameIDs("0 zero 1\n")
	checkError(t, err, "0 zero 1")
}

func TestExitCode(t *testing.T) {
	for script, want := range map[string]exitStatus{"exit 7": 7, "true": 0, "kill -TERM $$": 143} {
		t.Run(script, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", script)
			cmd.Run() // the status is looked at below
			if got := exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus)); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}
}
