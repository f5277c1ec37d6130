package daemon

import (
	"context"
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

// WatchLock returns a task that fails within a second when the lock file is not
// ours any more: an older program judges it by the PID inside and may have removed
// it. Two controllers on one queue are worse than none.
func WatchLock(name string, lock *state.Lock) supervisor.Task {
	return supervisor.NewTask(name, nil, func(ctx context.Context) error {
		ticker := time.NewTicker(lockWatch)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				if err := lock.Verify(); err != nil {
					return err
				}
			}
		}
	})
}
