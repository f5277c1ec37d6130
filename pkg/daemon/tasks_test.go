package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/state"
)

// A lock file that is removed is there again within a second, and the loop goes on; one
// that another live process has made ends it.
func TestWatchLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "wan.lock")
	lock, err := state.Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ended := make(chan error, 1)
		go func() {
			ended <- WatchLock("lock", lock, slog.New(slog.NewTextHandler(&log, nil))).Run(context.Background())
		}()
		time.Sleep(10*time.Minute + lockWatch/2) // between two checks, so that none is under way
		for range 3 {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lockWatch)
			synctest.Wait()
			if _, err := os.Stat(path); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(log.String(), "made again"); got != 3 {
			t.Errorf("log: %s", &log)
		}
		if err := os.WriteFile(path+".other", []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".other", path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lockWatch)
		synctest.Wait()
		select {
		case err := <-ended:
			if !errors.Is(err, state.ErrLocked) {
				t.Error(err)
			}
		default:
			t.Fatal("it goes on beside another")
		}
	})
}
