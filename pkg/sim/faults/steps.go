package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/router"
)

// Steps lists the steps of a fault. Paths are relative to the directory of the run;
// run/wan.lock, state/wan.json, log/wan.log and wan.yaml are what the program uses.
const Steps = `router COMMAND      a command of 'wanctl sim control', such as: router fault reset times=3
signal NAME         HUP, TERM, INT, STOP, CONT, ABRT, QUIT, USR1, USR2, PIPE
kill                SIGKILL, and a new start
start               a new start, after it has ended
second STATUS       another instance, which must end with the status
ceiling MBPS        the configuration with another ceiling of the download, and SIGHUP
reload              SIGHUP
write PATH TEXT     a file with the text, in the place of what is there
remove PATH         file or directory
fifo PATH           a pipe in the place of the file
dir PATH            a directory in its place
link PATH TARGET    a symbolic link in its place
truncate PATH SIZE  the first bytes of the file
chmod PATH MODE     octal
queues N            so many further queues on the router
load MBPS           the download's queue carries so much until the end
clients KIND N      hostile clients of the health port until the end: ` + ClientKinds + `
await PATH TEXT     until the file has the text, at most 20 s
wait DURATION       for what is about time; otherwise await its effect`

// step carries out one of Steps.
func (r *run) step(ctx context.Context, line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	args := strings.Fields(rest)
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	var err error
	switch verb {
	case "router":
		err = r.router.Control(rest)
	case "signal":
		err = r.signal(arg(0))
	case "kill":
		r.kill()
		err = r.start(ctx)
	case "start":
		err = r.start(ctx)
	case "second":
		err = r.second(ctx, arg(0))
	case "ceiling":
		err = r.setCeiling(arg(0))
	case "reload":
		err = r.signal("HUP")
	case "queues":
		err = r.addQueues(arg(0))
	case "load":
		err = r.load(ctx, arg(0))
	case "clients":
		err = r.startClients(ctx, arg(0), arg(1))
	case "await":
		_, text, _ := strings.Cut(rest, " ")
		err = r.awaitText(r.path(arg(0)), text)
	case "wait":
		var d time.Duration
		if d, err = time.ParseDuration(arg(0)); err == nil {
			time.Sleep(d)
		}
	default:
		err = r.changeFile(verb, r.path(arg(0)), args)
	}
	if err != nil {
		return fmt.Errorf("step %q: %w", line, err)
	}
	return nil
}

func (r *run) signal(name string) error {
	number := unix.SignalNum("SIG" + name)
	if number == 0 {
		return errors.New("no such signal")
	}
	return r.cmd.Process.Signal(number)
}

// awaitText waits until the file has the text.
func (r *run) awaitText(path, text string) error {
	var content []byte
	var err error
	has := func() bool {
		content, err = os.ReadFile(path)
		return strings.Contains(string(content), text)
	}
	if !r.wait(has, startWait) {
		return fmt.Errorf("not there after %v: %w", startWait, errors.Join(err, errors.New(tail(string(content)))))
	}
	return nil
}

// second runs another instance, which must end with the status.
func (r *run) second(ctx context.Context, status string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	cmd := r.command(ctx, "shape", "--config", "wan.yaml")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != status {
		r.problemf("a second instance ends with status %s, want %s: %s", got, status, tail(string(out)))
	}
	return nil
}

// setCeiling writes the configuration with another ceiling of the download, and has it
// read.
func (r *run) setCeiling(mbps string) error {
	n, err := strconv.Atoi(mbps)
	if err != nil {
		return err
	}
	merge(r.config, map[string]any{"continuous_monitoring": map[string]any{"download": map[string]any{"ceiling_mbps": n}}})
	if err := r.writeConfig(); err != nil {
		return err
	}
	return r.signal("HUP")
}

// addQueues adds n queues to the router.
func (r *run) addQueues(n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	var script strings.Builder
	script.WriteString("/queue tree\n")
	for i := range count {
		fmt.Fprintf(&script, "add name=WAN-Download-%d parent=bridge1 max-limit=1M\n", i+1000)
	}
	return r.router.Run(script.String())
}

// load has the counters of the download's queue count until ctx ends.
func (r *run) load(ctx context.Context, mbps string) error {
	n, err := strconv.ParseUint(mbps, 10, 32)
	if err != nil {
		return err
	}
	start := time.Now()
	r.clients.Go(func() {
		for pause(ctx, 50*time.Millisecond) == nil {
			bytes := uint64(time.Since(start).Seconds() * float64(n) * 1e6 / 8)
			_ = r.router.SetCounters("WAN-Download-1", router.Counters{Bytes: bytes, Packets: bytes / 1500})
		}
	})
	return nil
}

// changeFile carries out a step about a file.
func (r *run) changeFile(verb, path string, args []string) error {
	rest := ""
	if len(args) > 1 {
		rest = strings.Join(args[1:], " ")
	}
	replace := func(what func() error) error { return errors.Join(os.RemoveAll(path), what()) }
	switch verb {
	case "remove":
		return os.RemoveAll(path)
	case "write":
		return replace(func() error { return os.WriteFile(path, []byte(rest), 0o600) })
	case "fifo":
		return replace(func() error { return unix.Mkfifo(path, 0o600) })
	case "dir":
		return replace(func() error { return os.MkdirAll(path, 0o755) })
	case "link":
		return replace(func() error { return os.Symlink(rest, path) })
	case "truncate":
		size, err := strconv.ParseInt(rest, 10, 64)
		return errors.Join(err, os.Truncate(path, size))
	case "chmod":
		mode, err := strconv.ParseUint(rest, 8, 32)
		return errors.Join(err, os.Chmod(path, os.FileMode(mode)))
	}
	return fmt.Errorf("unknown; one of:\n%s", Steps)
}

// fullPipe returns a pipe into which nothing more can be written.
func fullPipe() (read, write *os.File, err error) {
	if read, write, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	fd := int(write.Fd()) //nolint:gosec // a file descriptor
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, nil, err
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = unix.Write(fd, block)
	}
	if !errors.Is(err, syscall.EAGAIN) {
		return nil, nil, err
	}
	return read, write, unix.SetNonblock(fd, false)
}

// fullSocket returns a socket of datagrams whose queue is full and which nobody reads.
func fullSocket(path string) (*os.File, error) {
	_ = os.Remove(path)
	socket := func() (int, error) {
		return unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	}
	reader, err := socket()
	if err != nil {
		return nil, err
	}
	addr := &unix.SockaddrUnix{Name: path}
	if err := unix.Bind(reader, addr); err != nil {
		return nil, err
	}
	writer, err := socket()
	if err != nil {
		return nil, err
	}
	for err == nil {
		err = unix.Sendto(writer, []byte("STATUS=x"), 0, addr)
	}
	return os.NewFile(uintptr(reader), filepath.Base(path)), unix.Close(writer) //nolint:gosec // a file descriptor
}
