package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// disk is a writer that can be stuck, full or nearly full.
type disk struct {
	gate chan struct{} // Write waits until it can be received from; nil: does not wait

	mu   sync.Mutex // protects the following fields
	buf  bytes.Buffer
	room int // bytes that fit; negative: any number
}

func (d *disk) Write(p []byte) (int, error) {
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room >= 0 && len(p) > d.room {
		n := d.room
		d.buf.Write(p[:n])
		d.room = 0
		return n, syscall.ENOSPC
	}
	if d.room >= 0 {
		d.room -= len(p)
	}
	return d.buf.Write(p)
}

func (d *disk) setRoom(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

func (d *disk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.String()
}

func line(t *testing.T, l *Log, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...) + "\n"
	if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
}

func TestLogWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: -1}
		l := NewLog(d, LogOptions{})
		line(t, l, "one")
		synctest.Wait()
		if got := d.text(); got != "one\n" {
			t.Errorf("wrote %q before Close", got)
		}
		line(t, l, "two")
		if err := l.Reopen(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := d.text(); got != "one\ntwo\n" {
			t.Errorf("wrote %q", got)
		}
		if _, err := l.Write([]byte("x\n")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// A stuck disk costs the loop nothing but the lines that do not fit, and those
// are told of.
func TestLogOnStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: -1, gate: make(chan struct{})}
		l := NewLog(d, LogOptions{Size: 100})
		start := time.Now()
		line(t, l, "line 0000")
		synctest.Wait() // this one is stuck in the disk now
		for i := 1; i <= 25; i++ {
			line(t, l, "line %04d", i)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("writing took %v", took)
		}
		if lines, err := l.Lost(); lines != 15 || err != nil {
			t.Errorf("lost %d, %v, want 15", lines, err)
		}
		close(d.gate)
		synctest.Wait()
		line(t, l, "line 0026")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		var want strings.Builder
		for i := range 11 {
			fmt.Fprintf(&want, "line %04d\n", i)
		}
		want.WriteString(`time=2000-01-01T00:00:00.000Z level=WARN msg="log lines were lost here" lines=15 reason="too slow"` + "\nline 0026\n")
		if got := d.text(); got != want.String() {
			t.Errorf("wrote\n%s\nwant\n%s", got, want.String())
		}
	})
}

func TestLogOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 15} // the second line is torn
		l := NewLog(d, LogOptions{JSON: true})
		write := func(lines ...string) {
			for _, s := range lines {
				line(t, l, "%s", s)
			}
			synctest.Wait()
		}
		write(`{"n":"one"}`)
		write(`{"n":"two"}`)
		write(`{"n":"three"}`, `{"n":"four"}`)
		if lines, err := l.Lost(); lines != 3 || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("lost %d, %v", lines, err)
		}
		d.setRoom(-1)
		write(`{"n":"five"}`)
		if lines, err := l.Lost(); lines != 3 || err != nil {
			t.Errorf("lost %d, %v", lines, err)
		}
		write(`{"n":"six"}`)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		got := strings.Split(strings.TrimSpace(d.text()), "\n")
		if len(got) != 5 || got[0] != `{"n":"one"}` || got[1] != `{"n` || got[2] != `{"n":"five"}` || got[4] != `{"n":"six"}` {
			t.Fatalf("wrote %q", got)
		}
		var notice struct {
			Level, Msg, Reason string
			Lines              int
		}
		if err := json.Unmarshal([]byte(got[3]), &notice); err != nil || notice.Lines != 3 || notice.Reason != "no space left on device" {
			t.Errorf("notice %s, %v", got[3], err)
		}
	})
}

// The disk fills up while the notice of lost lines is written: it is told again.
func TestLogNoticeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 0}
		l := NewLog(d, LogOptions{})
		line(t, l, "one")
		synctest.Wait()
		d.setRoom(10) // for the next line, not for the notice behind it
		line(t, l, "two")
		synctest.Wait()
		if lines, _ := l.Lost(); lines != 1 {
			t.Errorf("lost %d, want 1", lines)
		}
		d.setRoom(-1)
		line(t, l, "three")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		got := d.text()
		if !strings.HasPrefix(got, "two\ntime=2\nthree\n") || strings.Count(got, "lines=1 ") != 1 {
			t.Errorf("wrote %q", got)
		}
	})
}

func TestLogCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: -1, gate: make(chan struct{})}
		l := NewLog(d, LogOptions{})
		line(t, l, "stuck")
		start := time.Now()
		if err := l.Close(); err == nil {
			t.Error("lost lines are no error")
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		close(d.gate)
	})
}

func TestLogWriteDoesNotAllocate(t *testing.T) {
	l := NewLog(io.Discard, LogOptions{})
	defer func() { _ = l.Close() }()
	text := bytes.Repeat([]byte("x"), 199)
	text = append(text, '\n')
	for range 5000 { // both buffers have their size then
		_, _ = l.Write(text)
	}
	if n := testing.AllocsPerRun(2000, func() { _, _ = l.Write(text) }); n >= 1 {
		t.Errorf("%v allocations a line", n)
	}
}

// Lines written while the log is rotated are in one of the files, whole and in
// order.
func TestLogRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "wanctl.log")
	l, err := OpenLog(path, LogOptions{Size: 10 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm()&0o027 != 0 {
		t.Errorf("mode %v", st.Mode())
	}
	const lines, rotations = 5000, 20
	var wg sync.WaitGroup
	wg.Go(func() {
		logger := slog.New(slog.NewTextHandler(l, nil))
		for i := range lines {
			logger.Info("tick", "n", i)
		}
	})
	for i := range rotations {
		if err := os.Rename(path, fmt.Sprintf("%s.%02d", path, i)); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i := range rotations {
		part, _ := os.ReadFile(fmt.Sprintf("%s.%02d", path, i))
		all.Write(part)
	}
	part, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all.Write(part)
	n := 0
	for text := range strings.Lines(all.String()) {
		if !strings.HasSuffix(text, fmt.Sprintf("msg=tick n=%d\n", n)) {
			t.Fatalf("line %d: %q", n, text)
		}
		n++
	}
	if n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
	if lost, _ := l.Lost(); lost != 0 {
		t.Errorf("lost %d", lost)
	}
}

func TestLogReopenKeepsOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	path := filepath.Join(dir, "x.log")
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept.log")
	if err := os.Rename(path, kept); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory was
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "old file") {
		t.Errorf("Reopen: %v", err)
	}
	line(t, l, "still here")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(kept); string(got) != "still here\n" {
		t.Errorf("old file holds %q", got)
	}
	if err := l.Reopen(); err == nil {
		t.Error("reopened after Close")
	}
	if _, err := OpenLog(path, LogOptions{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("OpenLog: %v", err)
	}
}

// A log that is no regular file is refused before it is opened.
func TestLogOfNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, "/dev/null"} {
		if _, err := OpenLog(path, LogOptions{}); !errors.Is(err, regfile.ErrNotRegular) || !strings.Contains(err.Error(), "set logging.main_log") {
			t.Errorf("%s: %v", path, err)
		}
	}
	// So is one that a rotation has put in the place of the file.
	path := filepath.Join(dir, "wan.log")
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, regfile.ErrNotRegular) || !strings.Contains(err.Error(), "going on with the old file") {
		t.Errorf("Reopen: %v", err)
	}
}

// A log that root begins by hand is the service's, in the service's directory; one that
// is not, by an earlier version, is named with the command that gives it back.
func TestLogOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const service = 4711
	dir := filepath.Join(t.TempDir(), "log")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, service, service)); err != nil { //nolint:gosec // as systemd makes it
		t.Fatal(err)
	}
	path := filepath.Join(dir, "wan.log")
	l, err := OpenLog(path, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	owner := func() uint32 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	if owner() != service {
		t.Errorf("the log belongs to user %d", owner())
	}
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLog(path, LogOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if owner() != 0 {
		t.Error("a log that was there changed its owner")
	}
}
