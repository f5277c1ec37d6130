package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/state"
)

// Tasks are the tasks of a daemon, or of one loop in it. They start together.
// The loops stop first, then their feeds, then the sinks: a loop uses its feeds
// and sinks until it has ended.
type Tasks struct {
	Loops []supervisor.Task // the purpose of the others: when all have ended, so has the daemon
	Feeds []supervisor.Task // what the loops measure with and read from
	Sinks []supervisor.Task // what stores and shows the results
}

func (t *Tasks) stages() [][]supervisor.Task {
	return [][]supervisor.Task{t.Loops, t.Feeds, t.Sinks}
}

// Run runs the tasks of one loop until ctx ends or the loop does. onReady is
// called when all are ready.
func (t *Tasks) Run(ctx context.Context, log *slog.Logger, onReady func()) error {
	s := supervisor.Supervisor{Stages: t.stages(), Log: log, OnReady: onReady}
	return s.Run(ctx)
}

// lockWatch is the time between two checks of a lock file. A check costs two
// system calls.
const lockWatch = time.Second

// WatchLock returns a task that makes the lock file again within a second when it was
// removed, and fails when another process has taken the lock by then: two controllers
// of one queue are worse than none. A file that cannot be made is tried again.
func WatchLock(name string, lock *state.Lock, log *slog.Logger) supervisor.Task {
	return supervisor.NewTask(name, nil, func(ctx context.Context) error {
		ticker := time.NewTicker(lockWatch)
		defer ticker.Stop()
		last := ""
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			switch restored, err := lock.Keep(); {
			case errors.Is(err, state.ErrLocked):
				return err
			case err != nil && err.Error() != last:
				last = err.Error()
				log.Warn("the lock file is gone: another instance could start", "error", err)
			case restored:
				last = ""
				log.Warn("the lock file was removed: made again", "hint", "nothing but wanctl should touch its lock files")
			}
		}
	})
}
