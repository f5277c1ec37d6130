package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CommandConfig is a program that gets each event as JSON on its standard input.
type CommandConfig struct {
	Path    string // absolute
	Args    []string
	Timeout time.Duration
}

// Command runs a program for each event, one at a time. The program is not a shell's, has
// a process group of its own that ends with it, and an environment without the secrets of
// this one.
type Command struct {
	cfg       CommandConfig
	log       *slog.Logger
	killAfter time.Duration
}

const (
	// killAfter is the time between SIGTERM and SIGKILL.
	killAfter = time.Second
	// tempFail is EX_TEMPFAIL of sysexits.h, by which a program wants the event again.
	tempFail = 75
	// outputKept is how much of the output of a program is logged.
	outputKept = 1024
)

// inheritedEnv are the variables of this process that a program has, too.
var inheritedEnv = []string{"PATH", "LANG", "TZ", "TMPDIR"}

// NewCommand returns the receiver of a program. log gets what it prints.
func NewCommand(cfg CommandConfig, log *slog.Logger) *Command {
	return &Command{cfg, log, killAfter}
}

// Name implements Receiver.
func (*Command) Name() string { return "command" }

// CheckProgram returns why the file at path is not one to run: it does not exist, is no
// executable file, or somebody other than its owner may write to it or put another one in
// its place.
func CheckProgram(path string) error {
	st, err := os.Stat(path)
	var inPath *fs.PathError
	switch {
	case errors.As(err, &inPath):
		return fmt.Errorf("%s: %w", path, inPath.Err)
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	case st.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s may be written by others than its owner; run: chmod go-w %[1]s", path)
	case st.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is not executable; run: chmod +x %[1]s", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return errors.Join(checkDirectories(path), checkDirectories(target))
}

// checkDirectories returns why somebody may replace the file at path. Groups are trusted:
// some distributions have one for /usr/local.
func checkDirectories(path string) error {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		switch st, err := os.Stat(dir); {
		case err != nil:
			return err
		case st.Mode().Perm()&0o002 != 0 && st.Mode()&os.ModeSticky == 0:
			return fmt.Errorf("%s may be replaced by everybody; run: chmod o-w %s", path, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// Send implements Receiver. A program that fails is not run again for the same event, since
// what it has done by then is not known, unless it asks for that. One that cannot be run
// has done nothing, and is tried again.
func (c *Command) Send(ctx context.Context, e Event) error {
	if err := CheckProgram(c.cfg.Path); err != nil {
		return err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return &Refusal{err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, fmt.Errorf("it has not ended within %v", c.cfg.Timeout))
	defer cancel()
	var out head
	cmd := exec.CommandContext(ctx, c.cfg.Path, c.cfg.Args...)
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = environment(e)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = c.killAfter
	if err = startWithoutCapabilities(cmd); err != nil {
		return fmt.Errorf("%s: %w", c.cfg.Path, err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it has started ends with it; nothing is left as a rule
	for _, line := range out.lines() {
		c.log.Info("notify command", "output", line)
	}
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it has ended well, but for what it has started
		return nil
	case ctx.Err() != nil:
		return refusal("%s: ended: %w", c.cfg.Path, context.Cause(ctx))
	case cmd.ProcessState.ExitCode() == tempFail:
		return fmt.Errorf("%s: %w", c.cfg.Path, err)
	}
	return refusal("%s: %w", c.cfg.Path, err)
}

// startWithoutCapabilities starts cmd without the capabilities that a unit gives to all
// that the service executes (AmbientCapabilities): they are for probes.
func startWithoutCapabilities(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which has lost them, ends with the goroutine
		// The error would be that of a kernel without them.
		_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		started <- cmd.Start()
	}()
	return <-started
}

// environment returns the variables of a program.
func environment(e Event) []string {
	var env []string
	for _, name := range inheritedEnv {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return append(env,
		"WANCTL_WAN="+e.WAN, "WANCTL_EVENT="+string(e.Kind), "WANCTL_DIRECTION="+e.Direction,
		"WANCTL_OLD="+e.Old, "WANCTL_NEW="+e.New, "WANCTL_SUMMARY="+printable(e.Summary))
}

// head keeps the beginning of what is written to it.
type head struct{ text []byte }

// Write implements io.Writer. It never fails: a program may print what it wants.
func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), outputKept-len(h.text))]...)
	return len(p), nil
}

// lines returns the first lines.
func (h *head) lines() (lines []string) {
	const most = 5
	for line := range strings.Lines(string(h.text)) {
		if line = printable(strings.TrimSpace(line)); line != "" && len(lines) < most {
			lines = append(lines, line)
		}
	}
	return lines
}

// printable replaces what is not to reach a log or an environment.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
