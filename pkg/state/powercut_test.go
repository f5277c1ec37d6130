//go:build amd64 || arm64

package state

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/powercut"
)

// powerPrograms are what is under way when the power is cut.
var powerPrograms = map[string]func(dir string) error{
	// The directory is made, a state saved again and again.
	"power-save": func(dir string) error {
		f := OpenWAN(stateIn(dir))
		for i := range 4 {
			if err := saveAs(f, i+1); err != nil {
				return err
			}
		}
		return nil
	},
	// A damaged file is found at the start.
	"power-damaged": func(dir string) error {
		path := stateIn(dir)
		f := OpenWAN(path)
		if err := errors.Join(saveAs(f, 1), saveAs(f, 2), damage(path)); err != nil {
			return err
		}
		f = OpenWAN(path)
		l, err := f.Load()
		if err != nil || !l.Found || l.Lost == nil {
			return fmt.Errorf("loaded %+v, %w", l, err)
		}
		return errors.Join(saveAs(f, 3), saveAs(f, 4))
	},
	// A damaged file is in the way of a save.
	"power-in-the-way": func(dir string) error {
		f := OpenWAN(stateIn(dir))
		return errors.Join(saveAs(f, 1), saveAs(f, 2), damage(stateIn(dir)), saveAs(f, 3))
	},
	// A damaged file is repaired, then the state is reset.
	"power-repair": func(dir string) error {
		path := stateIn(dir)
		f := OpenWAN(path)
		if err := errors.Join(saveAs(f, 1), saveAs(f, 2), damage(path)); err != nil {
			return err
		}
		if _, err := f.Repair(Rules[WAN]{}); err != nil {
			return err
		}
		err := f.Reset(sampleWAN(3))
		fmt.Println(3)
		return err
	},
	"power-lock": func(dir string) error {
		for range 2 {
			lock, err := Acquire(lockIn(dir))
			if err != nil {
				return err
			}
			if err := lock.Close(); err != nil {
				return err
			}
		}
		_, err := Acquire(lockIn(dir))
		return err
	},
	// A measurement changes two limits; first one of them is restored, then both.
	"power-journal": func(dir string) error {
		j := OpenJournal(stateIn(dir))
		for i, write := range []func(SavedLimits) error{j.Begin, j.Keep, j.Keep} {
			if err := write(SavedLimits{Limits: maps.Clone(journalSteps[i+1])}); err != nil {
				return err
			}
			fmt.Println(i + 1)
		}
		return nil
	},
}

// journalSteps are the contents of a journal, one after another.
var journalSteps = []map[string]bitrate.Rate{nil, {"down": 5, "up": 4}, {"up": 4}, nil}

func stateIn(dir string) string { return filepath.Join(dir, "lib", "wan_state.json") }
func lockIn(dir string) string  { return filepath.Join(dir, "run", "wan.lock") }

// saveAs saves state i and prints its number once that is done.
func saveAs(f *File[WAN], i int) error {
	if err := f.Save(sampleWAN(i)); err != nil {
		return err
	}
	fmt.Println(i)
	return nil
}

// damage is what another program, or a bad disk, may do.
func damage(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("{{{{"), 0)
	return errors.Join(err, f.Sync(), f.Close())
}

func exitOf(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// cutPower checks every disk that a power cut during the program may leave. saved is
// the number of the last state of which the program knew that it was saved.
func cutPower(t *testing.T, program string, check func(dir string, saved int) error) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), helperEnv+"="+program)
	recording, err := powercut.Record(cmd, dir)
	if errors.Is(err, powercut.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	most := 1000
	if testing.Short() {
		most = 60
	}
	tried, err := recording.Cuts(t.TempDir(), most, func(d powercut.Disk) error {
		saved := 0
		if lines := strings.Fields(d.Printed); len(lines) > 0 {
			if _, err := fmt.Sscan(lines[len(lines)-1], &saved); err != nil {
				return err
			}
		}
		return check(d.Dir, saved)
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d states of the disk", tried)
}

// Whenever the power is cut, the state is the last that was saved or the one being
// saved, whole, and the next save succeeds.
func TestPowerCutDuringSave(t *testing.T) {
	t.Parallel()
	cutPower(t, "power-save", func(dir string, saved int) error {
		f := OpenWAN(stateIn(dir))
		l, err := f.Load()
		if err != nil || l.Lost != nil {
			return fmt.Errorf("loaded %+v, %w", l, err)
		}
		if n := number(l); n < saved || n > saved+1 {
			return fmt.Errorf("state %d, and %d was saved", n, saved)
		}
		if r := f.Check(Rules[WAN]{}); r.Backup.Err != nil {
			return fmt.Errorf("backup: %w", r.Backup.Err)
		}
		return saveAgain(f)
	})
}

// number is that of a loaded sampleWAN; 0: none. It is -1 when it is of two.
func number(l Loaded[WAN]) int {
	n := l.State.Download.GreenStreak
	if l.Found && string(l.State.Law) != fmt.Sprintf(`{"n":%d}`, n) {
		return -1
	}
	return n
}

func saveAgain(f *File[WAN]) error {
	if err := f.Save(sampleWAN(9)); err != nil {
		return err
	}
	l, err := OpenWAN(f.Path()).Load()
	if n := number(l); n != 9 || l.Lost != nil {
		return fmt.Errorf("after the next save: %+v, %w", l, err)
	}
	return nil
}

// A damaged file costs one state, whenever the power is cut while it is dealt with.
func TestPowerCutAroundDamage(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"power-damaged", "power-in-the-way", "power-repair"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cutPower(t, program, func(dir string, saved int) error {
				f := OpenWAN(stateIn(dir))
				l, err := f.Load()
				n := number(l)
				switch {
				case err != nil:
					return err
				case n < saved-1 || n > saved+1 || saved > 2 && n < saved:
					return fmt.Errorf("state %d, and %d was saved: %w", n, saved, l.Lost)
				}
				return saveAgain(f)
			})
		})
	}
}

// A lock file that is left by a power cut keeps nobody out.
func TestPowerCutAroundLock(t *testing.T) {
	t.Parallel()
	cutPower(t, "power-lock", func(dir string, _ int) error {
		lock, err := Acquire(lockIn(dir))
		if err != nil {
			return err
		}
		return lock.Close()
	})
}

// Limits that are to be restored outlive a power cut, and those that are restored do not
// come back with it.
func TestPowerCutAroundJournal(t *testing.T) {
	t.Parallel()
	cutPower(t, "power-journal", func(dir string, done int) error {
		s, found, err := OpenJournal(stateIn(dir)).Load()
		if err != nil || found != (s.Limits != nil) {
			return fmt.Errorf("found %v, %w", found, err)
		}
		for i := done; i < min(done+2, len(journalSteps)); i++ {
			if maps.Equal(s.Limits, journalSteps[i]) {
				return nil
			}
		}
		return fmt.Errorf("limits %v after step %d", s.Limits, done)
	})
}
