package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// InitSpec tells container-init what to become.
type InitSpec struct {
	Root     string // an empty folder that becomes /
	Hostname string
	Mounts   []Mount
	Dir      string
	Args     []string
	Env      []string
}

// Mount shows a folder or file of this machine at an absolute path of the container.
type Mount struct {
	Source, Target string
	ReadOnly       bool
	Split          bool // show the children one by one where another mount needs a new path among them
}

// isolation is the set of namespaces of a container. The network is the sandbox's.
func isolation() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL, // and the end of PID 1 ends its whole PID namespace
		Setpgid:    true,
	}
}

// containerInit runs in the new namespaces. It reads an InitSpec from file descriptor 3, builds the root file
// system and turns into the command. On descriptor 4 it tells its process id and, if it fails, why.
func containerInit([]string) error {
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	report := os.NewFile(4, "report")
	// Not getpid: who enters the container looks it up in a /proc that may be of an outer PID namespace.
	pid, err := os.Readlink("/proc/self")
	fmt.Fprintln(report, pid)
	var spec InitSpec
	if err == nil {
		err = json.NewDecoder(os.NewFile(3, "spec")).Decode(&spec)
	}
	if err == nil {
		err = spec.become()
	}
	fmt.Fprint(report, err)
	return exitStatus(1)
}

// become returns only if it fails.
func (spec *InitSpec) become() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount(spec.Root, spec.Root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", spec.Root, err)
	}
	// Parents before what is mounted in them.
	slices.SortStableFunc(spec.Mounts, func(a, b Mount) int { return strings.Compare(a.Target, b.Target) })
	for _, m := range spec.Mounts {
		if err := spec.mount(m); err != nil {
			return fmt.Errorf("mount %s at %s: %w", m.Source, m.Target, err)
		}
	}
	if err := spec.mountProc(); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(spec.Root, "tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	if err := os.Chdir(spec.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return err
	}
	if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
		return err
	}
	if err := os.Chdir(spec.Dir); err != nil {
		return err
	}
	for _, pair := range spec.Env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok {
			os.Setenv("PATH", path) // for LookPath
		}
	}
	program, err := exec.LookPath(spec.Args[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, spec.Args, spec.Env)
}

// mountProc shows the container's own processes; a host that is itself a container may refuse that: then the
// sandbox's.
func (spec *InitSpec) mountProc() error {
	target := filepath.Join(spec.Root, "proc")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	err := unix.Mount("proc", target, "proc", 0, "")
	if errors.Is(err, fs.ErrPermission) {
		return spec.mount(Mount{Source: "/proc", Target: "/proc"})
	}
	return err
}

// mount binds one mount under the new root.
func (spec *InitSpec) mount(m Mount) error {
	target, err := securejoin.SecureJoin(spec.Root, m.Target)
	if err != nil {
		return err
	}
	info, err := os.Lstat(m.Source)
	if err != nil {
		return err
	}
	switch {
	case m.Split && info.Mode()&os.ModeSymlink != 0: // such as /bin -> usr/bin
		link, err := os.Readlink(m.Source)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.Symlink(link, target)
	case m.Split && info.IsDir() && spec.needsPathIn(m):
		return spec.mountChildren(m, target)
	case info.IsDir():
		err = os.MkdirAll(target, 0o755)
	default:
		err = makeFile(target)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(m.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if m.ReadOnly {
		return unix.MountSetattr(-1, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	}
	return nil
}

func (spec *InitSpec) mountChildren(m Mount, target string) error {
	children, err := os.ReadDir(m.Source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for _, child := range children {
		part := m
		part.Source, part.Target = filepath.Join(m.Source, child.Name()), filepath.Join(m.Target, child.Name())
		if err := spec.mount(part); err != nil {
			return err
		}
	}
	return nil
}

// makeFile makes an empty file to mount on, where there is nothing yet.
func makeFile(name string) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, nil, 0o644)
}

// needsPathIn reports whether some mount point lies below m but does not exist in its source.
func (spec *InitSpec) needsPathIn(m Mount) bool {
	for _, other := range spec.Mounts {
		if rest, below := strings.CutPrefix(other.Target, strings.TrimSuffix(m.Target, "/")+"/"); below {
			if _, err := os.Stat(filepath.Join(m.Source, rest)); err != nil {
				return true
			}
		}
	}
	return false
}
