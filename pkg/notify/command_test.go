package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script writes a program of sh, and returns its path.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// sample returns a complete event.
func sample() Event {
	s := *healthy(0, red)
	return Complete(Event{Time: epoch, Kind: State, Direction: "download", Old: "GREEN", New: "RED", Reason: "delay", Status: s}, "cable", "v1")
}

// run sends an event to a program; it returns what was logged, too.
func run(t *testing.T, cfg CommandConfig) (log string, err error) {
	t.Helper()
	var b bytes.Buffer
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	c := NewCommand(cfg, slog.New(slog.NewTextHandler(&b, nil)))
	c.killAfter = 100 * time.Millisecond
	err = c.Send(t.Context(), sample())
	return b.String(), err
}

func TestCommand(t *testing.T) {
	t.Setenv("ROUTER_PASSWORD", "s3cret")
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	dir := t.TempDir()
	hook := script(t, `cat > "$1/event"; env > "$1/env"; echo "$2"; echo second >&2; pwd > "$1/pwd"`)
	log, err := run(t, CommandConfig{Path: hook, Args: []string{dir, "$HOME * two"}})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var e Event
	if err := json.Unmarshal([]byte(read("event")), &e); err != nil || e.Summary != "cable: download RED, was GREEN: delay" || !e.Time.Equal(epoch) {
		t.Errorf("standard input: %v, %+v", err, e)
	}
	env := read("env")
	for _, want := range []string{"WANCTL_WAN=cable", "WANCTL_EVENT=state", "WANCTL_DIRECTION=download", "WANCTL_OLD=GREEN", "WANCTL_NEW=RED", "WANCTL_SUMMARY=" + e.Summary} {
		if !strings.Contains(env, want+"\n") {
			t.Errorf("no %s in the environment:\n%s", want, env)
		}
	}
	if strings.Contains(env, "s3cret") || strings.Contains(env, "NOTIFY_SOCKET") {
		t.Errorf("the environment has what is none of the program's business:\n%s", env)
	}
	if !strings.Contains(log, `output="$HOME * two"`) || !strings.Contains(log, "output=second") || read("pwd") != "/\n" {
		t.Errorf("log:\n%s", log)
	}
}

func TestCommandFails(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		again              bool
	}{
		{"exit status", "echo no such user; exit 3", "exit status 3", false},
		{"EX_TEMPFAIL", "exit 75", "exit status 75", true},
		{"killed", "kill -9 $$", "signal: killed", false},
		{"no interpreter", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			hook := script(t, c.script)
			if c.script == "" {
				if err := os.WriteFile(hook, []byte("#!/no/such/interpreter\n"), 0o700); err != nil {
					t.Fatal(err)
				}
				c.want = "no such file"
			}
			_, err := run(t, CommandConfig{Path: hook})
			if err == nil || errors.As(err, new(*Refusal)) == c.again || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), hook) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheckProgram(t *testing.T) {
	hook := script(t, "touch ran")
	for _, c := range []struct {
		name, path string
		mode       os.FileMode
		want       string
	}{
		{"fine", hook, 0o755, ""},
		{"absent", hook + "x", 0, "no such file"},
		{"a directory", filepath.Dir(hook), 0o700, "is not a file"},
		{"everybody may write", hook, 0o757, "chmod go-w " + hook},
		{"a group may write", hook, 0o775, "chmod go-w " + hook},
		{"not executable", hook, 0o644, "chmod +x " + hook},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.mode != 0 {
				if err := os.Chmod(c.path, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			err := CheckProgram(c.path)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
			if c.want != "" { // and it is not run either, until that is mended
				if _, err := run(t, CommandConfig{Path: c.path}); err == nil || errors.As(err, new(*Refusal)) {
					t.Errorf("running it: %v", err)
				}
			}
		})
	}
}

// Who may write to a directory may put another program in the place of this one: there, or
// where a link leads to.
func TestCheckProgramDirectories(t *testing.T) {
	hook := script(t, "true")
	open := filepath.Join(t.TempDir(), "open")
	link := filepath.Join(open, "hook")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Symlink(hook, link)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, open, path string
		mode             os.FileMode
		fine             bool
	}{
		{"of a link, closed", open, link, 0o755, true},
		{"of a link", open, link, 0o777, false},
		{"with the sticky bit", open, link, 0o777 | os.ModeSticky, true},
		{"of its target", filepath.Dir(hook), link, 0o777, false},
		{"of the program", filepath.Dir(hook), hook, 0o777, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Chmod(c.open, c.mode); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = os.Chmod(c.open, 0o700) }()
			if err := CheckProgram(c.path); (err == nil) != c.fine || err != nil && !strings.Contains(err.Error(), "chmod o-w "+c.open) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Programs that do not end by themselves are ended with all they have started, and are no
// zombies then.
func TestCommandEnds(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"sleeps", "echo $$ > $1/pids; sleep 1000", "has not ended within"},
		{"ignores SIGTERM", "trap '' TERM; echo $$ > $1/pids; sleep 1000; sleep 1000", "has not ended within"},
		{"forks and waits", "sleep 1000 & echo $! $$ > $1/pids; wait", "has not ended within"},
		{"leaves a child with its output", "sleep 1000 & echo $! $$ > $1/pids", ""},
		{"leaves a child without", "sleep 1000 >/dev/null 2>&1 & echo $! $$ > $1/pids", ""},
		{"prints for ever", "echo $$ > $1/pids; while :; do echo more and more and more of it; done", "has not ended within"},
		{"does not read", "echo $$ > $1/pids; exec <&-", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := CommandConfig{Path: script(t, c.script), Args: []string{dir}}
			if c.want != "" {
				cfg.Timeout = 300 * time.Millisecond
			}
			log, err := run(t, cfg)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
			if len(log) > 2*outputKept {
				t.Errorf("%d bytes of log", len(log))
			}
			pids, _ := os.ReadFile(filepath.Join(dir, "pids")) // absent if it was ended before
			for field := range strings.FieldsSeq(string(pids)) {
				pid, err := strconv.Atoi(field)
				if err != nil {
					t.Fatal(err)
				}
				awaitEnd(t, pid)
			}
		})
	}
}

// awaitEnd waits until a process has ended and, as a child of this one, was collected.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		orphan := err == nil && strings.Contains(string(stat), ") Z ") && !strings.Contains(string(stat), ") Z "+strconv.Itoa(os.Getpid())+" ")
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || orphan { // which is for init to collect
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

// The end of the daemon ends a program that still runs.
func TestCommandCancelled(t *testing.T) {
	c := NewCommand(CommandConfig{Path: script(t, "sleep 1000"), Timeout: time.Hour}, slog.New(slog.DiscardHandler))
	c.killAfter = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, sample()); err == nil {
		t.Error("it ended well")
	}
}
