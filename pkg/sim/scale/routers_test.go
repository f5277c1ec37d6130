package scale

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// Routers runs simulated routers for that many WANs until in ends. It writes the port of
// each to out, one a line.
func Routers(ctx context.Context, wans int, in io.Reader, out io.Writer) error {
	for first := 0; first < wans; first += wansPerRouter {
		var script strings.Builder
		script.WriteString("/queue tree\n")
		for i := first; i < min(wans, first+wansPerRouter); i++ {
			fmt.Fprintf(&script, "add name=wan%04d-down parent=global max-limit=100M\nadd name=wan%04[1]d-up parent=global max-limit=20M\n", i)
		}
		script.WriteString("/user group add name=wanctl policy=read,write,api\n/user add name=wanctl group=wanctl password=wanctl\n")
		r, err := simrouter.New(simrouter.Config{Script: script.String(), ScriptName: "scale", Backend: busyLinks{time.Now()}})
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		if err := r.StartService(ctx, simrouter.APISSL, "127.0.0.1:0"); err != nil {
			return err
		}
		_, port := r.HostPortOf(simrouter.APISSL)
		if _, err := fmt.Fprintln(out, port); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

// busyLinks is a Backend whose queues all send 5 Mbit/s.
type busyLinks struct{ since time.Time }

// SetMaxLimit implements simrouter.Backend.
func (busyLinks) SetMaxLimit(string, bitrate.Rate) error { return nil }

// Counters implements simrouter.Backend.
func (b busyLinks) Counters(string) (router.Counters, error) {
	bytes := uint64(time.Since(b.since).Seconds() * 5e6 / 8)
	return router.Counters{Bytes: bytes, Packets: bytes / 1000}, nil
}

// startRouters starts the command that runs Routers, and returns their ports and
// the process.
func startRouters(ctx context.Context, command []string, wans int) (ports []int, pid int, stop func(), err error) {
	p := exec.CommandContext(ctx, command[0], append(command[1:], strconv.Itoa(wans))...)
	p.Stderr = os.Stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.StdinPipe()
	if err != nil {
		return nil, 0, nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, 0, nil, err
	}
	if err := p.Start(); err != nil {
		return nil, 0, nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = p.Wait()
	}
	lines := bufio.NewScanner(out)
	for len(ports)*wansPerRouter < wans {
		if !lines.Scan() {
			stop()
			return nil, 0, nil, fmt.Errorf("the simulated routers have ended after %d of them", len(ports))
		}
		port, err := strconv.Atoi(lines.Text())
		if err != nil {
			stop()
			return nil, 0, nil, err
		}
		ports = append(ports, port)
	}
	return ports, p.Process.Pid, stop, nil
}
