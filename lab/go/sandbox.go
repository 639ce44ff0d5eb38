package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const sandboxUsage = "usage: lab sandbox [-publish HOST:PORT=HOST:PORT]... [-local ADDRESS/BITS]... -- COMMAND..."

// stopLimit is how long everything in the sandbox has to end after the first signal.
const stopLimit = 10 * time.Second

// sandboxSpec says what the sandbox is to be.
type sandboxSpec struct {
	Publish []publication
	Local   []string // addresses with a prefix, whose whole range is local
	Command []string
}

// publication makes an address inside the sandbox reachable at one outside.
type publication struct{ Outside, Inside string }

func parseSandbox(args []string) (sandboxSpec, error) {
	var spec sandboxSpec
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says all, once
	flags.Func("publish", "", func(text string) error {
		outside, inside, _ := strings.Cut(text, "=")
		spec.Publish = append(spec.Publish, publication{outside, inside})
		if err := requireLoopback(outside); err != nil {
			return err
		}
		_, err := netip.ParseAddrPort(inside)
		return err
	})
	flags.Func("local", "", func(text string) error {
		spec.Local = append(spec.Local, text)
		_, err := netip.ParsePrefix(text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return spec, err
	}
	if spec.Command = flags.Args(); len(spec.Command) == 0 {
		return spec, errors.New("no command is given; " + sandboxUsage)
	}
	return spec, nil
}

// runSandbox runs a command in a network of its own, in which whole address ranges are local, and in a PID
// namespace that ends with it: however this process ends, nothing of the sandbox outlives it.
func runSandbox(args []string) error {
	runtime.LockOSThread() // Pdeathsig fires at the end of the thread, not of the process, that started the child
	spec, err := parseSandbox(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Println(sandboxUsage)
		return nil
	}
	if err != nil {
		return err
	}
	var sockets []*os.File
	for _, p := range spec.Publish {
		// A socket belongs to the network it was made in, whoever accepts on it.
		listener, err := listenLoopback(p.Outside)
		if err != nil {
			return err
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		listener.Close()
		sockets = append(sockets, file)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	cmd, err := startSandbox(spec, sockets)
	if err != nil {
		return err
	}
	for _, socket := range sockets {
		socket.Close()
	}
	go func() {
		cmd.Process.Signal(<-signals)
		select {
		case <-signals: // an impatient caller
		case <-time.After(stopLimit):
		}
		cmd.Process.Kill()
	}()
	cmd.Wait()
	return exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus))
}

// startSandbox starts PID 1 of the sandbox: in a user namespace, which needs no rights on most hosts and
// takes them away from root, or, as root on a host that forbids those, without one.
func startSandbox(spec sandboxSpec, sockets []*os.File) (*exec.Cmd, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	start := func(user bool) (*exec.Cmd, error) {
		cmd := exec.Command("/proc/self/exe", "sandbox-init", string(text))
		cmd.ExtraFiles = sockets
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC,
			Pdeathsig:  syscall.SIGKILL,
		}
		if user {
			if err := mapUsers(cmd.SysProcAttr); err != nil {
				return nil, err
			}
		}
		return cmd, cmd.Start()
	}
	cmd, err := start(true)
	if forbidden(err) && os.Geteuid() == 0 {
		cmd, err = start(false)
	}
	if forbidden(err) {
		err = noNamespaces(err)
	}
	return cmd, err
}

// mapUsers makes the caller root in a new user namespace. A caller who is root keeps all users it has, since
// it may work on files of others.
func mapUsers(attr *syscall.SysProcAttr) error {
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	if os.Geteuid() != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		return nil
	}
	attr.GidMappingsEnableSetgroups = true
	for name, mappings := range map[string]*[]syscall.SysProcIDMap{"uid_map": &attr.UidMappings, "gid_map": &attr.GidMappings} {
		data, err := os.ReadFile("/proc/self/" + name)
		if err != nil {
			return err
		}
		if *mappings, err = sameIDs(string(data)); err != nil {
			return err
		}
	}
	return nil
}

// sameIDs maps each id of a uid_map or gid_map to itself.
func sameIDs(table string) (mappings []syscall.SysProcIDMap, _ error) {
	for line := range strings.Lines(table) {
		var first, outside, size int
		if _, err := fmt.Sscan(line, &first, &outside, &size); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		mappings = append(mappings, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: size})
	}
	return mappings, nil
}

// forbidden reports whether an error is a host's refusal to make namespaces: no right, a limit of 0, not built in.
func forbidden(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS)
}

func noNamespaces(err error) error {
	return fmt.Errorf("this host does not let its users make namespaces (%w): set the sysctls kernel.unprivileged_userns_clone=1, "+
		"user.max_user_namespaces=10000 and kernel.apparmor_restrict_unprivileged_userns=0 (those that it has), or run the lab as root", err)
}

// sandboxInit is PID 1 of the sandbox.
func sandboxInit(args []string) error {
	var spec sandboxSpec
	if err := json.Unmarshal([]byte(args[0]), &spec); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return noNamespaces(err) // AppArmor lets users make a namespace, but gives no rights in it
	}
	// A host that is itself a container may refuse a /proc that shows more than its own: then the old one stays.
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := ip("link", "set", "lo", "up"); err != nil {
		return err
	}
	for _, local := range spec.Local {
		if err := ip("addr", "add", local, "dev", "lo"); err != nil {
			return err
		}
	}
	for i, p := range spec.Publish {
		file := os.NewFile(uintptr(3+i), p.Outside)
		listener, err := net.FileListener(file)
		if err != nil {
			return err
		}
		file.Close()
		go forward(listener, func() string { return p.Inside })
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	cmd := exec.Command(spec.Command[0], spec.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			cmd.Process.Signal(s)
		}
	}()
	return reap(cmd.Process.Pid)
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// reap takes the exit status of every process that ends, orphans too, until the main one has ended.
func reap(main int) error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case pid == main:
			return exitCode(status)
		case err != nil && !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// exitCode is a shell's view of how a process ended.
func exitCode(status syscall.WaitStatus) exitStatus {
	if status.Signaled() {
		return exitStatus(128 + status.Signal())
	}
	return exitStatus(status.ExitStatus())
}
