//go:build linux

package labrun

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long a program may take to end after SIGTERM.
const stopTimeout = 10 * time.Second

// process is a program under test.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	stderr  tail
	exited  chan struct{}
	peak    uint64 // bytes
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, started: time.Now(), exited: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting controller: %w", err)
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // the status is in cmd.ProcessState
	}()
	return p, nil
}

// sample keeps the peak of its memory. The kernel's own high-water mark of an
// ended process will not do: it counts the memory of whoever forked it.
func (p *process) sample() {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return // it has ended
	}
	for line := range bytes.Lines(status) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "VmHWM:" {
			if kB, err := strconv.ParseUint(string(f[1]), 10, 64); err == nil {
				p.peak = max(p.peak, kB<<10)
			}
		}
	}
}

// stop asks the program to end and says what it cost.
func (p *process) stop() Usage {
	p.sample()
	wall := time.Since(p.started)
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a scenario that failed may have left it stopped
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	state := p.cmd.ProcessState
	return Usage{
		Ran:        true,
		ExitStatus: state.ExitCode(),
		CPU:        state.UserTime() + state.SystemTime(),
		Wall:       wall,
		PeakRSS:    p.peak,
		Output:     p.stderr.String(),
	}
}

// signal sends a signal to the program. Without a program nothing happens: a
// stall of the controller is none of the link's.
func (p *process) signal(s syscall.Signal) error {
	if p == nil || !p.running() {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("sending %v to the controller: %w", s, err)
	}
	return nil
}

// running says whether the program has not ended by itself.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

var errDied = errors.New("the controller ended before the scenario did")

// tail keeps the last of what is written to it.
type tail struct {
	mu sync.Mutex // protects the following
	b  []byte
}

const tailLen = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - tailLen; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
