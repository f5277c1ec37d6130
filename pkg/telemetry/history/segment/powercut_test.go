//go:build amd64 || arm64

package segment

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/powercut"
)

// The test binary is also the program that is under way when the power is cut.
const helperEnv = "SEGMENT_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) == "" {
		os.Exit(m.Run())
	}
	if err := writeSome(filepath.Join(os.Args[len(os.Args)-1], "history")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeSome makes the directory, begins several files, ends and goes on, and prints the
// number of each record that is written.
func writeSome(dir string) error {
	for run := range 2 {
		l := NewLog(dir, spec)
		for i := run * 5; i < run*5+5; i++ {
			at := noon.Add(time.Duration(i) * 25 * time.Minute)
			if err := errors.Join(l.Append(at, fmt.Appendf(nil, "record %d", i)), l.Flush()); err != nil {
				return err
			}
			fmt.Println(i)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Whenever the power is cut, every record that was written is there, and no other one;
// more can be added.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	recording, err := powercut.Record(cmd, dir)
	if errors.Is(err, powercut.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	most := 1000
	if testing.Short() {
		most = 100
	}
	tried, err := recording.Cuts(t.TempDir(), most, func(d powercut.Disk) error {
		written := len(strings.Fields(d.Printed))
		dir := filepath.Join(d.Dir, "history")
		got := read(t, dir, spec)
		if len(got) < written || !slices.Equal(got, numbered(0, len(got))) {
			return fmt.Errorf("%d were written, and there are %q", written, got)
		}
		l := NewLog(dir, spec)
		if err := errors.Join(l.Append(noon.Add(400*time.Minute), []byte("one more")), l.Close()); err != nil {
			return err
		}
		if after := read(t, dir, spec); len(after) != len(got)+1 {
			return fmt.Errorf("then one more is added: %q", after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d states of the disk", tried)
}
