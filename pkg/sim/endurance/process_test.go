package endurance

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is one start of the daemon.
type process struct {
	cmd      *exec.Cmd
	logFile  string
	started  time.Time
	decided  chan struct{} // closed with the first decision
	controls time.Time     // when that was
	ended    chan struct{}
	stderr   bytes.Buffer // to be read when it has ended
}

func (k *Kills) start(ctx context.Context) (*process, error) {
	p := &process{logFile: k.path("log/wan.log"), decided: make(chan struct{}), ended: make(chan struct{})}
	if err := os.RemoveAll(p.logFile); err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(ctx, k.Binary, "shape", "--config", k.path("wan.yaml"), "-o", "jsonl")
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if p.controls.IsZero() && bytes.Contains(lines.Bytes(), []byte(`"event":"decision"`)) {
				p.controls = time.Now()
				close(p.decided)
			}
		}
		_ = p.cmd.Wait() // it is killed
	}()
	return p, nil
}

// decides waits for the first decision.
func (p *process) decides(ctx context.Context) bool {
	select {
	case <-p.decided:
		return true
	case <-p.ended:
	case <-ctx.Done():
	case <-time.After(startWait):
	}
	return false
}

// errors returns standard error once the process has ended.
func (p *process) errors() string {
	select {
	case <-p.ended:
		return p.stderr.String()
	default:
		return "it still runs"
	}
}

func (p *process) log() string {
	text, _ := os.ReadFile(p.logFile)
	return string(text)
}
