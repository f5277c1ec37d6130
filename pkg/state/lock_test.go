package state

import (
	"github.com/google/go-cmp/cmp"

	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/regfile"
)

func TestLockHoldsPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "wanctl", "spectrum.lock")
	lock, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	// What int(text) of the earlier system sees.
	if pid, err := strconv.Atoi(strings.TrimSpace(read(t, path))); err != nil || pid != os.Getpid() {
		t.Errorf("lock file holds PID %d, %v, want %d", pid, err, os.Getpid())
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, want -rw-r--r--", st.Mode())
	}
	if restored, err := lock.Keep(); restored || err != nil {
		t.Errorf("Keep: %v, %v", restored, err)
	}
	owner, held, err := Holder(path)
	if err != nil || !held || owner.PID != os.Getpid() {
		t.Errorf("Holder = %v, %v, %v", owner, held, err)
	}
	_, err = Acquire(path)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("second Acquire: %v, want ErrLocked", err)
	}
	for _, want := range []string{path, fmt.Sprintf("PID %d", os.Getpid()), "kill"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, held, err := Holder(path); held || err != nil {
		t.Errorf("Holder after Close: held %v, %v", held, err)
	}
}

func TestAcquireOverOldFile(t *testing.T) {
	live := helper(t, "idle", "", true).Process.Pid
	zombie := startZombie(t)
	dead := exec.Command("/bin/true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		text  string
		fresh bool
		ahead bool // the clock went back since
		held  bool
	}{
		{name: "live PID of another process", text: strconv.Itoa(live), held: true},
		{name: "live PID and newline", text: fmt.Sprintf("%d\n", live), held: true},
		{name: "live PID of another user's process", text: "1\n", held: true},
		{name: "dead PID", text: strconv.Itoa(dead.Process.Pid)},
		{name: "our own PID after a restart", text: fmt.Sprintf("%d\n", os.Getpid())},
		{name: "a crashed wanctl's PID, reused", text: fmt.Sprintf("%d%s", live, ourMark)},
		{name: "zombie", text: strconv.Itoa(zombie)},
		{name: "thread of a process", text: strconv.Itoa(otherThread(t))},
		{name: "PID not written yet", fresh: true, held: true},
		{name: "PID never written"},
		{name: "PID never written, and the clock went back", ahead: true},
		{name: "no number", text: "hello\n"},
		{name: "negative", text: "-1"},
		{name: "beyond any PID", text: "99999999999999999999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.lock")
			write(t, path, tt.text)
			if !tt.fresh {
				old := time.Now().Add(-time.Hour)
				if tt.ahead {
					old = time.Now().Add(time.Hour)
				}
				if err := os.Chtimes(path, old, old); err != nil {
					t.Fatal(err)
				}
			}
			if _, held, err := Holder(path); held != tt.held || err != nil {
				t.Errorf("Holder: held %v, %v, want %v", held, err, tt.held)
			}
			lock, err := Acquire(path)
			if tt.held {
				if !errors.Is(err, ErrLocked) {
					t.Fatalf("error %v, want ErrLocked", err)
				}
				if got := read(t, path); got != tt.text {
					t.Errorf("their lock file changed to %q", got)
				}
				if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
					t.Errorf("left behind: %v", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != string(lockText()) {
				t.Errorf("lock file holds %q, want %q", got, lockText())
			}
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLockedNamesCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	cmd := helper(t, "hold", path, true)
	_, err := Acquire(path)
	if !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("PID %d", cmd.Process.Pid), filepath.Base(os.Args[0])} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
	// The kernel gives the lock back, whatever the file says.
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	lock, err := Acquire(path)
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	_ = lock.Close()
}

// A process in another container: its flock is visible, its PID is not.
func TestLockedByUnknownPID(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	write(t, path, "4194304"+ourMark)
	fl := flock.New(path)
	if ok, err := fl.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer fl.Close()
	if _, err := Acquire(path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "4194304") {
		t.Errorf("error %v, want ErrLocked with the PID", err)
	}
	if _, held, err := Holder(path); !held || err != nil {
		t.Errorf("Holder: held %v, %v", held, err)
	}
}

// A lock file that was removed, or replaced by one that nobody holds, is made again;
// one that another live process has made is left to it.
func TestKeep(t *testing.T) {
	other := helper(t, "idle", "", true).Process.Pid
	for _, tt := range []struct {
		name     string
		lose     func(path string) error
		restored bool
		locked   bool
	}{
		{name: "untouched", lose: func(string) error { return nil }},
		{name: "removed", lose: os.Remove, restored: true},
		{name: "directory removed", lose: func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, restored: true},
		{name: "of a dead process", lose: replaceBy("4194304" + ourMark), restored: true},
		{name: "with our own PID", lose: replaceBy(string(lockText())), restored: true},
		{name: "without a PID yet", lose: replaceBy("")},
		{name: "of a live process", lose: replaceBy(strconv.Itoa(other)), locked: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run", "x.lock")
			lock, err := Acquire(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.lose(path); err != nil {
				t.Fatal(err)
			}
			restored, err := lock.Keep()
			if restored != tt.restored || errors.Is(err, ErrLocked) != tt.locked || err != nil != tt.locked {
				t.Fatalf("Keep = %v, %v", restored, err)
			}
			if tt.locked && !strings.Contains(err.Error(), fmt.Sprintf("PID %d", other)) {
				t.Errorf("error %q does not name PID %d", err, other)
			}
			if tt.restored {
				if _, err := Acquire(path); !errors.Is(err, ErrLocked) {
					t.Errorf("Acquire by another: %v, want ErrLocked", err)
				}
			}
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(path); tt.locked != (err == nil) && tt.name != "without a PID yet" {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

func replaceBy(text string) func(path string) error {
	return func(path string) error {
		return errors.Join(os.WriteFile(path+".other", []byte(text), 0o600), os.Rename(path+".other", path))
	}
}

// Nothing but a regular file is opened: a pipe would wait for its other end, a device
// would fill the memory.
func TestNotRegular(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, path := range []string{pipe, socket, dir, "/dev/zero"} {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, link} {
			if _, err := Acquire(path); !errors.Is(err, regfile.ErrNotRegular) || !strings.Contains(err.Error(), "set lock_file") {
				t.Errorf("Acquire(%s): %v", path, err)
			}
			if _, _, err := Holder(path); !errors.Is(err, regfile.ErrNotRegular) {
				t.Errorf("Holder(%s): %v", path, err)
			}
			if pid, _, known := readOwner(path); known {
				t.Errorf("readOwner(%s) = %d", path, pid)
			}
			file := OpenWAN(path)
			if _, err := file.Load(); !errors.Is(err, regfile.ErrNotRegular) {
				t.Errorf("Load(%s): %v", path, err)
			}
			if err := file.Save(WAN{}); !errors.Is(err, regfile.ErrNotRegular) {
				t.Errorf("Save(%s): %v", path, err)
			}
		}
	}
}

func TestAcquireErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	if err := os.Mkdir(filepath.Join(dir, "dir.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"directory is a file", filepath.Join(dir, "file", "x.lock"), "lock_file"},
		{"lock file is a directory", filepath.Join(dir, "dir.lock"), "dir.lock: not a regular file"},
	} {
		_, err := Acquire(tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that names %s", tt.name, err, tt.want)
		}
	}
}

// Goroutines of one process exclude each other: flock belongs to the open file.
// Holders that end properly make the next ones create the file, holders that
// crash make them take it over.
func TestCompetingGoroutines(t *testing.T) {
	for name, release := range map[string]func(*Lock) error{
		"close": (*Lock).Close,
		"crash": func(l *Lock) error { return l.fl.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.lock")
			var inside, entered atomic.Int32
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						lock, err := Acquire(path)
						if errors.Is(err, ErrLocked) {
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}
						if inside.Add(1) != 1 {
							t.Error("two holders at once")
						}
						entered.Add(1)
						inside.Add(-1)
						if err := release(lock); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if entered.Load() == 0 {
				t.Error("nobody ever got the lock")
			}
		})
	}
}

// The file is replaced between opening and locking it.
func TestLockOfReplacedFile(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".new", path) },
	} {
		path := filepath.Join(t.TempDir(), "x.lock")
		write(t, path, "")
		write(t, path+".new", "")
		fl := flock.New(path)
		if ok, err := fl.TryRLock(); !ok || err != nil { // opens it
			t.Fatal(ok, err)
		}
		if err := replace(path); err != nil {
			t.Fatal(err)
		}
		if ok, err := lockNamed(fl, path); ok || !errors.Is(err, errReplaced) {
			t.Errorf("%s: locked %v, %v", name, ok, err)
		}
		if fl.Locked() {
			t.Errorf("%s: a worthless lock is kept", name)
		}
		_ = fl.Close()
	}
}

func TestCompetingProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	write(t, path, "4194304") // stale: the first ones compete for taking it over
	var cmds []*exec.Cmd
	for range 3 {
		cmds = append(cmds, helper(t, "compete", path, false))
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	inside, entered := "", 0
	for line := range strings.Lines(read(t, path+".trace")) {
		line = strings.TrimSpace(line)
		switch {
		case line[0] == '+' && inside == "":
			inside = line[1:]
			entered++
		case line[0] == '-' && inside == line[1:]:
			inside = ""
		default:
			t.Fatalf("%q while %q is inside", line, inside)
		}
	}
	if entered < 10 {
		t.Errorf("only %d entries", entered)
	}
}

// startZombie is a child that ended and is not waited for.
func startZombie(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	pid := cmd.Process.Pid
	// Waits for the end without taking the zombie away.
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return pid
}

// otherThread is the ID of a thread of this process that is not the process.
func otherThread(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip(err)
	}
	for _, task := range tasks {
		if tid, _ := strconv.Atoi(task.Name()); tid != os.Getpid() {
			return tid
		}
	}
	t.Skip("only one thread")
	return 0
}

// What starters left that were killed is removed, and what one makes now is not.
func TestAcquireSweeps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.lock")
	long, now, other := filepath.Join(dir, ".x.lock.new-1"), filepath.Join(dir, ".x.lock.new-2"), filepath.Join(dir, ".y.lock.new-3")
	hourAgo := time.Now().Add(-time.Hour)
	for _, p := range []string{long, now, other} {
		write(t, p, "1")
		if p == now {
			continue
		}
		if err := os.Chtimes(p, hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{".x.lock.new-2", ".y.lock.new-3", "x.lock"}, left); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
