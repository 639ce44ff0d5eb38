package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// container is one container of a pod. What changes is guarded by podRun.mu.
type container struct {
	spec     corev1.Container
	image    *Image // nil: simulated
	unknown  error  // why there is no such image
	state    corev1.ContainerState
	last     corev1.ContainerState
	restarts int32
	started  bool // the startup probe, if any, has succeeded
	ready    bool
	pid      int // for nsenter; 0 when no process runs
	env      []string
	kill     context.CancelFunc // ends the present process (a failed liveness probe)
}

func (c *container) succeeded() bool {
	return c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

func (c *container) workdir() string {
	if c.spec.WorkingDir != "" || c.image == nil {
		return c.spec.WorkingDir
	}
	return c.image.Workdir
}

// runOnce runs a container until its end, or until ctx is done, and returns how it ended.
func (p *podRun) runOnce(ctx context.Context, c *container) *corev1.ContainerStateTerminated {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := metav1.Now()
	running := func(pid int, env []string) {
		p.update(func() {
			c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: begun}}
			c.pid, c.env, c.kill = pid, env, cancel
			c.started = c.image == nil || c.spec.StartupProbe == nil
			c.ready = c.image == nil || c.started && c.spec.ReadinessProbe == nil
		})
	}
	ended := func(code int32, reason, message string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message,
			StartedAt: begun, FinishedAt: metav1.Now(), ContainerID: p.containerID(c)}
	}
	if c.image == nil {
		running(0, nil)
		p.simulate(ctx, c)
		return ended(0, "Completed", "")
	}
	spec, err := p.initSpec(ctx, c)
	if err != nil {
		return ended(128, "CreateContainerConfigError", err.Error())
	}
	logs, err := newLineLog(p.logFile(c.spec.Name, c.restarts))
	if err != nil {
		return ended(128, "StartError", err.Error())
	}
	defer logs.Close()
	cmd, pid, err := p.fleet.launch(spec, logs)
	if err != nil {
		return ended(128, "StartError", err.Error())
	}
	running(pid, spec.Env)
	go p.probe(ctx, c)
	exited := make(chan struct{})
	go p.terminate(ctx, c, cmd.Process, exited)
	cmd.Wait() // its error adds nothing to the status
	close(exited)
	if code := exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus)); code != 0 {
		return ended(int32(code), "Error", "")
	}
	return ended(0, "Completed", "")
}

// simulate does nothing: for a moment in an init container or a Job's pod, else for ever.
func (p *podRun) simulate(ctx context.Context, c *container) {
	owner := metav1.GetControllerOf(p.first)
	ends := slices.Contains(p.inits, c) && c.spec.RestartPolicy == nil
	if ends || owner != nil && owner.Kind == "Job" {
		sleep(ctx, time.Second)
		return
	}
	<-ctx.Done()
}

// terminate ends a process when ctx is done: preStop, SIGTERM, grace period, SIGKILL.
func (p *podRun) terminate(ctx context.Context, c *container, process *os.Process, exited chan struct{}) {
	select {
	case <-exited:
		return
	case <-ctx.Done():
	}
	limit, cancel := p.patience()
	defer cancel()
	if c.spec.Lifecycle != nil && c.spec.Lifecycle.PreStop != nil {
		switch hook := c.spec.Lifecycle.PreStop; {
		case hook.Exec != nil:
			p.enter(limit, c, entry{args: hook.Exec.Command, out: io.Discard, errs: io.Discard})
		case hook.Sleep != nil:
			sleep(limit, time.Duration(hook.Sleep.Seconds)*time.Second)
		}
	}
	process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-limit.Done():
		process.Kill()
	}
}

// initSpec says what the container's process is to be.
func (p *podRun) initSpec(ctx context.Context, c *container) (*InitSpec, error) {
	env, err := p.environment(ctx, c)
	if err != nil {
		return nil, err
	}
	spec := &InitSpec{Root: filepath.Join(p.dir, "root", c.spec.Name), Hostname: hostname(p.first), Dir: c.workdir()}
	for _, host := range slices.Concat([]string{"/dev", "/sys"}, hostFolders, c.image.Host) {
		if _, err := os.Lstat(host); errors.Is(err, fs.ErrNotExist) && slices.Contains(hostFolders, host) {
			continue // such as /lib64, which not every architecture has
		}
		spec.Mounts = append(spec.Mounts, Mount{Source: host, Target: host, ReadOnly: host != "/dev", Split: true})
	}
	for target, source := range c.image.Root {
		spec.Mounts = append(spec.Mounts, Mount{Source: source, Target: target, ReadOnly: true, Split: true})
	}
	spec.Mounts = append(spec.Mounts, Mount{Source: p.hostsFile(), Target: "/etc/hosts"})
	for _, m := range c.spec.VolumeMounts {
		source, err := p.volumeSource(m, env)
		if err != nil {
			return nil, err
		}
		spec.Mounts = append(spec.Mounts, Mount{Source: source, Target: filepath.Clean(m.MountPath), ReadOnly: m.ReadOnly})
	}
	command := c.spec.Command
	if len(command) == 0 {
		command = c.image.Command
	}
	for _, arg := range slices.Concat(command, c.spec.Args) {
		spec.Args = append(spec.Args, expand(arg, env))
	}
	if len(spec.Args) == 0 {
		return nil, errors.New("neither the container nor its image gives a command")
	}
	for name, value := range env {
		spec.Env = append(spec.Env, name+"="+value)
	}
	return spec, nil
}

// launch starts a container's process and waits until it is what it is to be. It returns the process id, as
// /proc shows it, besides.
func (f *fleet) launch(spec *InitSpec, output io.Writer) (*exec.Cmd, int, error) {
	os.RemoveAll(spec.Root)
	if err := os.MkdirAll(spec.Root, 0o755); err != nil {
		return nil, 0, err
	}
	toChild, specWriter, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	reportReader, fromChild, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer reportReader.Close()
	cmd := exec.Command("/proc/self/exe", "container-init")
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{toChild, fromChild}
	cmd.SysProcAttr = isolation()
	cmd.WaitDelay = 2 * time.Second
	err = f.start(cmd)
	toChild.Close()
	fromChild.Close()
	if err == nil {
		err = json.NewEncoder(specWriter).Encode(spec)
	}
	specWriter.Close()
	if cmd.Process == nil {
		return nil, 0, err
	}
	report, readErr := io.ReadAll(reportReader)
	line, failure, _ := strings.Cut(string(report), "\n")
	pid, numberErr := strconv.Atoi(line)
	if failure != "" {
		err = errors.New(failure)
	}
	if err = errors.Join(err, readErr, numberErr); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, 0, err
	}
	return cmd, pid, nil
}

// expand replaces $(NAME) as Kubernetes does.
func expand(text string, env map[string]string) string {
	return expansion.Expand(text, expansion.MappingFuncFor(env))
}
