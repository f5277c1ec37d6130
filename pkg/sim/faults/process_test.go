package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// process is one program, running or ended.
type process struct {
	program string // shape, steer or serve
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd has ended
	stderr  *lockedBuffer // of the earlier starts, too
	log     string        // path of its log; "" without one
}

// files of a program, in the directory of the run; serve has none.
var (
	configs = map[string]string{"shape": "wan.yaml", "steer": "steering.yaml", "serve": "wan.yaml"}
	states  = map[string]string{"shape": "state/wan.json", "steer": "state/steering.json"}
	locks   = map[string]string{"shape": "run/wan.lock", "steer": "run/steering.lock"}
	logs    = map[string]string{"shape": "log/wan.log", "steer": "log/steering.log"}
)

func (f *Fault) program() string    { return or(f.Program, "shape") }
func (f *Fault) configFile() string { return configs[f.program()] }

// args are the arguments of a program.
func (r *run) args(program string) []string {
	switch program {
	case "serve":
		return append([]string{"serve", "--config-dir", ".", "--listen", "127.0.0.1:0"}, r.fault.Args...)
	case r.fault.program():
		return append([]string{program, "--config", configs[program], "-o", "jsonl"}, r.fault.Args...)
	}
	return []string{program, "--config", configs[program], "-o", "jsonl"}
}

// command is the program, in the network of the run.
func (r *run) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := append([]string{r.binary}, args...)
	if r.fault.Ulimit != "" {
		argv = append([]string{"sh", "-c", "ulimit " + r.fault.Ulimit + ` && exec "$0" "$@"`}, argv...)
	}
	argv = append(append([]string{}, r.fault.Wrap...), argv...)
	if r.net != nil {
		argv = append(r.net.enter(), argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), r.fault.Env...)
	return cmd
}

// starter runs functions on a thread that lives as long as this process: what Pdeathsig
// names is the end of the thread that has started a child, and those of namespaces end.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// begin starts cmd, which is killed when this process ends, however that does.
func begin(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	result := make(chan error)
	starter() <- func() { result <- cmd.Start() }
	return <-result
}

// startLoop starts the loop of the WAN beside the program under test.
func (r *run) startLoop(ctx context.Context) error {
	var err error
	r.loop, err = r.launch(ctx, "shape")
	if err != nil {
		return err
	}
	if err := r.awaitHealth(ctx, r.loop, "healthy", "", startWait); err != nil {
		return fmt.Errorf("start of the loop: %w; standard error: %s", err, tail(r.loop.stderr.String()))
	}
	return nil
}

// start starts the program under test, again where it has ended.
func (r *run) start(ctx context.Context) error {
	p, err := r.launch(ctx, r.fault.program())
	if err == nil {
		r.main = p
	}
	return err
}

func (r *run) launch(ctx context.Context, program string) (*process, error) {
	p := &process{program: program, ended: make(chan struct{}), stderr: &lockedBuffer{}}
	if r.main != nil && program == r.main.program {
		p.stderr = r.main.stderr
	}
	if name := logs[program]; name != "" {
		p.log = r.path(name)
		if _, err := os.Stat(p.log); err == nil { // a frozen disk does not even say that there is none to remove
			_ = os.Remove(p.log) // in which the address of this start is looked for
		}
	}
	p.cmd = r.command(ctx, r.args(program)...)
	p.cmd.Stderr = p.stderr
	var ends []*os.File
	if program == r.fault.program() {
		var err error
		if ends, err = r.leaveUnread(p.cmd); err != nil {
			return nil, err
		}
	}
	if err := begin(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its status is asked for
		for _, f := range ends {
			_ = f.Close()
		}
		close(p.ended)
	}()
	return p, nil
}

// leaveUnread gives cmd what nobody reads, and returns what to close after its end.
func (r *run) leaveUnread(cmd *exec.Cmd) ([]*os.File, error) {
	switch r.fault.Unread {
	case "stderr", "stdout":
		read, write, err := fullPipe()
		if err != nil {
			return nil, err
		}
		if r.fault.Unread == "stderr" {
			cmd.Stderr = write
		} else {
			cmd.Stdout = write
		}
		return []*os.File{read, write}, nil
	case "notify":
		fd, err := fullSocket(r.path("notify"))
		if err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+r.path("notify"))
		return []*os.File{fd}, nil
	}
	return nil, nil
}

func (p *process) isOver() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	if !p.isOver() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (r *run) killAll() {
	r.thaw() // what waits for a disk ends by no signal
	for _, p := range []*process{r.main, r.loop} {
		if p != nil {
			p.kill()
		}
	}
}

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// measure notes the peak of the resident memory of the program under test.
func (r *run) measure() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.main.cmd.Process.Pid))
	if m := peakLine.FindSubmatch(text); err == nil && m != nil {
		kib, _ := strconv.Atoi(string(m[1]))
		r.peak = max(r.peak, kib)
	}
}

// second runs another instance, which must end with the status.
func (r *run) second(ctx context.Context, status string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	return r.expectStatus(status, r.command(ctx, r.args(r.fault.program())...))
}

// expectStatus runs cmd, which must end with the status.
func (r *run) expectStatus(status string, cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := begin(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != status {
		r.problemf("%s ends with status %s, want %s: %s", strings.Join(cmd.Args[1:], " "), got, status, tail(out.String()))
	}
	return nil
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex // protects the following field
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
