package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
)

// lineLog writes what a container prints, each line with the time in front.
type lineLog struct {
	out     io.WriteCloser
	now     func() time.Time
	midLine bool
}

func newLineLog(name string) (*lineLog, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &lineLog{out: file, now: time.Now}, err
}

func (l *lineLog) Write(data []byte) (int, error) {
	stamp := l.now().UTC().Format(time.RFC3339Nano) + " "
	var stamped bytes.Buffer
	for line := range bytes.Lines(data) {
		if !l.midLine {
			stamped.WriteString(stamp)
		}
		stamped.Write(line)
		l.midLine = line[len(line)-1] != '\n'
	}
	if _, err := l.out.Write(stamped.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}

func (l *lineLog) Close() error { return l.out.Close() }

func (p *podRun) logFile(container string, restart int32) string {
	return filepath.Join(p.dir, "logs", container, fmt.Sprint(restart)+".log")
}

// readLogs serves kubectl logs with -f, -p, --tail, --since and --timestamps.
func (p *podRun) readLogs(ctx context.Context, c *container, opts api.ContainerLogOpts) (io.ReadCloser, error) {
	if c.image == nil {
		if c.unknown != nil {
			return nil, c.unknown
		}
		return io.NopCloser(strings.NewReader("(simulated container, image " + c.spec.Image + ")\n")), nil
	}
	p.mu.Lock()
	restart := c.restarts
	p.mu.Unlock()
	if opts.Previous {
		restart--
	}
	file, err := os.Open(p.logFile(c.spec.Name, restart))
	if os.IsNotExist(err) {
		return nil, errdefs.NotFound("no log: the container has not started (or has no previous instance)")
	}
	if err != nil {
		return nil, err
	}
	if opts.Tail > 0 {
		data, err := io.ReadAll(file)
		if err == nil {
			_, err = file.Seek(tailOffset(data, opts.Tail), io.SeekStart)
		}
		if err != nil {
			file.Close()
			return nil, err
		}
	}
	since := opts.SinceTime
	if opts.SinceSeconds > 0 {
		since = time.Now().Add(-time.Duration(opts.SinceSeconds) * time.Second)
	}
	more := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return opts.Follow && c.restarts == restart && c.state.Running != nil && ctx.Err() == nil
	}
	reader, writer := io.Pipe()
	go func() {
		defer file.Close()
		writer.CloseWithError(copyLines(writer, file, since, opts.Timestamps, more))
	}()
	var out io.Reader = reader
	if opts.LimitBytes > 0 {
		out = io.LimitReader(reader, int64(opts.LimitBytes))
	}
	return struct {
		io.Reader
		io.Closer
	}{out, reader}, nil
}

// copyLines copies the lines of a lineLog from a time on. At the end of the file it asks whether more may come.
func copyLines(out io.Writer, in io.Reader, since time.Time, stamps bool, more func() bool) error {
	lines, part, last := bufio.NewReader(in), "", false
	for {
		text, err := lines.ReadString('\n')
		part += text
		if err == io.EOF && !last {
			if last = !more(); !last {
				time.Sleep(100 * time.Millisecond)
			}
			continue // once more after the end, for what came in between
		}
		if err != nil && err != io.EOF {
			return err
		}
		stamp, line, ok := strings.Cut(part, " ")
		at, _ := time.Parse(time.RFC3339Nano, stamp)
		if stamps {
			line = part
		}
		if part = ""; ok && !at.Before(since) {
			if _, err := io.WriteString(out, line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// tailOffset is where the last n lines begin.
func tailOffset(data []byte, n int) int64 {
	at := len(bytes.TrimSuffix(data, []byte("\n")))
	for ; n > 0 && at >= 0; n-- {
		at = bytes.LastIndexByte(data[:at], '\n')
	}
	return int64(at + 1)
}
