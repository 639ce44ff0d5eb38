package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	"golang.org/x/sys/unix"
	utilexec "k8s.io/utils/exec"
)

// entry is a command to run inside a running container.
type entry struct {
	args      []string
	in        io.Reader // nil: none
	out, errs io.Writer
	terminal  <-chan api.TermSize // of a client with a terminal: its sizes
}

// RunInContainer is kubectl exec.
func (k *kubelet) RunInContainer(ctx context.Context, namespace, name, container string, args []string, attach api.AttachIO) error {
	p, c, err := k.container(namespace, name, container)
	if err != nil {
		return err
	}
	e := entry{args: args, in: attach.Stdin(), out: attach.Stdout(), errs: attach.Stderr()}
	if attach.TTY() {
		e.terminal = attach.Resize()
	}
	err = p.enter(ctx, c, e)
	var failure *exec.ExitError
	if errors.As(err, &failure) {
		return utilexec.CodeExitError{Err: err, Code: failure.ExitCode()}
	}
	return err
}

// enter runs a command inside a running container, as exec and the exec probes do.
func (p *podRun) enter(ctx context.Context, c *container, e entry) error {
	p.mu.Lock()
	pid, env := c.pid, c.env
	p.mu.Unlock()
	if pid == 0 {
		return fmt.Errorf("container %s has no process (it is simulated, or not running)", c.spec.Name)
	}
	args := []string{"-t", fmt.Sprint(pid), "-m", "-u", "-i", "-p", "--", "/bin/sh", "-c", `cd "$0" && exec "$@"`, c.workdir()}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, e.args...)...)
	cmd.Env = env
	cmd.WaitDelay = 2 * time.Second
	// The command is a child of nsenter: the signal goes to both.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if e.terminal != nil {
		return p.enterTerminal(cmd, e)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Stdout, cmd.Stderr = e.out, e.errs
	if e.in != nil {
		// Not cmd.Stdin: Wait would wait for a client that keeps its side open.
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			io.Copy(stdin, e.in)
			stdin.Close()
		}()
	}
	if err := p.fleet.start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// enterTerminal runs the command on a terminal of its own.
func (p *podRun) enterTerminal(cmd *exec.Cmd, e entry) error {
	master, slave, err := openTerminal()
	if err != nil {
		return fmt.Errorf("no terminal: %w", err)
	}
	defer master.Close()
	cmd.Env = append(slices.Clone(cmd.Env), "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true, Setctty: true}
	err = p.fleet.start(cmd)
	slave.Close()
	if err != nil {
		return err
	}
	go func() {
		for size := range e.terminal {
			unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
		}
	}()
	if e.in != nil {
		go io.Copy(master, e.in)
	}
	io.Copy(e.out, master) // ends with an error when the last process has closed the terminal
	return cmd.Wait()
}

func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
	}
	return master, slave, err
}
