package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Whenever the saver is killed, a state is there, it is whole, and it is the
// newest or the one before.
func TestKilledSaver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 15 {
		cmd := helper(t, "save", path, true)
		timer := time.AfterFunc(time.Duration(rng.IntN(15_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		timer.Stop()
		f := OpenWAN(path)
		got, err := f.Load()
		if err != nil || !got.Found || got.Lost != nil {
			t.Fatalf("round %d: Load = %+v, %v", round, got, err)
		}
		n := got.State.Download.GreenStreak
		if want := fmt.Sprintf(`{"n":%d}`, n); string(got.State.Law) != want {
			t.Fatalf("round %d: state %d with law %s", round, n, got.State.Law)
		}
		if r := f.Check(Rules[WAN]{}); r.Backup.Err != nil {
			t.Fatalf("round %d: backup: %v", round, r.Backup.Err)
		}
	}
	if got, _ := filepath.Glob(path + ".corrupt"); got != nil {
		t.Error("something was found damaged")
	}
}

// Two writers and a reader: nobody sees a half-written file, and each save
// builds upon the one before, whoever made that.
func TestTwoWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	if err := OpenWAN(path).Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			f := OpenWAN(path) // its own File, as in another process
			saves := 0         // a field that grows by one with every save
			counter := countField("saves", &saves)
			counter.value = func() any { return saves + 1 }
			f.bind = func(w *WAN) binding {
				b := w.bind()
				b.fields = append(b.fields, counter)
				return b
			}
			for i := 0; i < 60; {
				switch err := f.Save(sampleWAN(1000*w + i + 1)); {
				case err == nil:
					i++
				case !errors.Is(err, ErrBusy): // the other saves without a pause, and may be quicker for seconds
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for f := OpenWAN(path); ; {
		w, err := f.ReadOnly()
		if err != nil || string(w.Law) != fmt.Sprintf(`{"n":%d}`, w.Download.GreenStreak) {
			t.Fatalf("ReadOnly = %+v, %v", w, err)
		}
		select {
		case <-done:
			if text := read(t, path); !strings.Contains(text, `"saves":120,`) {
				t.Errorf("a save was lost: %s", text)
			}
			return
		default:
		}
	}
}

// A full and a read-only file system, in a mount namespace of our own.
func TestFullAndReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), helperEnv+"=disk")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 77, err != nil && !errors.As(err, &exit):
		t.Skipf("no file system can be mounted here: %v %s", err, out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
}

// onSmallDisk is TestFullAndReadOnlyDisk in the child.
func onSmallDisk(dir string) int {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Println(err)
		return 77
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		fmt.Println(err)
		return 77
	}
	path := filepath.Join(dir, "s.json")
	f := OpenWAN(path)
	fail := func(format string, args ...any) int {
		fmt.Printf(format+"\n", args...)
		return 1
	}
	for i := range 2 {
		if err := f.Save(sampleWAN(i + 1)); err != nil {
			return fail("saving with room: %v", err)
		}
	}
	intact := func() error {
		w, err := f.ReadOnly()
		if err != nil || w.Download.GreenStreak != 2 {
			return fmt.Errorf("former state is %d, %w", w.Download.GreenStreak, err)
		}
		if r := f.Check(Rules[WAN]{}); r.Backup.Err != nil || !r.Backup.Exists {
			return fmt.Errorf("backup: %+v", r.Backup)
		}
		entries, _ := os.ReadDir(dir)
		if len(entries) > 3 {
			return fmt.Errorf("left behind: %v", entries)
		}
		return nil
	}

	filler := filepath.Join(dir, "filler")
	_ = os.WriteFile(filler, make([]byte, 1<<20), 0o600)
	err := f.Save(sampleWAN(3))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "df -h") {
		return fail("saving to a full disk: %v", err)
	}
	if err := intact(); err != nil {
		return fail("full disk: %v", err)
	}
	if got, err := f.Load(); err != nil || got.Lost != nil || got.State.Download.GreenStreak != 2 {
		return fail("loading from a full disk: %+v, %v", got, err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		return fail("%v", err)
	}
	if err := os.WriteFile(path, good[:len(good)/2], 0o600); err != nil { // takes no more room
		return fail("%v", err)
	}
	if _, err := f.Repair(Rules[WAN]{}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "df -h") {
		return fail("repairing on a full disk: %v", err)
	}
	if half, err := os.ReadFile(path); err != nil || string(half) != string(good[:len(good)/2]) {
		return fail("a repair that failed changed the file: %s, %v", half, err)
	}
	if err := os.Remove(filler); err != nil {
		return fail("%v", err)
	}
	if _, err := f.Repair(Rules[WAN]{}); err != nil {
		return fail("repairing with room again: %v", err)
	}
	if err := errors.Join(os.Remove(path+".corrupt"), os.WriteFile(path, good, 0o600)); err != nil {
		return fail("%v", err)
	}

	if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		fmt.Println(err)
		return 77
	}
	err = f.Save(sampleWAN(4))
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "state_file") {
		return fail("saving read-only: %v", err)
	}
	if err := intact(); err != nil {
		return fail("read-only: %v", err)
	}
	if got, err := f.Load(); err != nil || got.State.Download.GreenStreak != 2 {
		return fail("loading read-only: %+v, %v", got, err)
	}
	if r := f.Check(Rules[WAN]{}); r.Healthy() || !strings.Contains(fmt.Sprint(r.Findings), "the file system is read-only") {
		return fail("checking read-only: %+v", r.Findings)
	}
	if _, err := Acquire(filepath.Join(dir, "x.lock")); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "lock_file") {
		return fail("locking read-only: %v", err)
	}
	return 0
}
