// Package follow has a host use the configurations that its fleet pushes to it: it fetches
// the set of its stage, refuses what is not signed or not valid, keeps what it uses on disk,
// has the loops reloaded, goes back where they fall ill, and reports. The loops do not wait
// for it, and run from the disk without it.
package follow

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/fleet/release"
)

// Options says whom to follow, and for whom.
type Options struct {
	Verify func(signature string, document []byte) (who string, err error)

	Node, Site, Stage, Version string

	ConfigDir string // of the host's own files, which win
	Directory string // in which sets are kept
	Config    config.Options

	// Loops returns how the loops are, by name.
	Loops func(ctx context.Context) map[string]release.Condition
	// Reload has the loops use what is in the directories now.
	Reload func() error
	// Stands, if set, is called with the revision in use and how the node stands.
	Stands func(revision uint64, result release.Result)
	Log    *slog.Logger
}

const (
	look    = time.Second      // between two looks at the loops
	recheck = time.Minute      // between two looks at the release, of whose changes the store tells
	again   = 10 * time.Second // between two attempts at what has failed
	starts  = 3                // of the process in a trial, until it counts as the set's fault
)

// Follower is a host that follows its fleet.
type Follower struct {
	o     Options
	store release.Store // while Run runs
	keys  release.Keys
	disk  disk
	mem   memory

	tried  uint64
	result release.Result
	reason string

	trial *release.Trial
	since time.Time // of the trial

	sent     []byte // the last report
	sentAt   time.Time
	version  uint64 // of its key
	nextSend time.Time
}

// Open returns a follower with what is kept on disk. A trial that a crash interrupted goes
// on, or has ended where the process crashes again and again.
func Open(o Options) *Follower { return open(o, disk{dir: o.Directory}) }

func open(o Options, d disk) *Follower {
	if abs, err := filepath.Abs(o.ConfigDir); err == nil {
		o.ConfigDir = abs
	}
	f := &Follower{o: o, disk: d, keys: release.Keys{Verify: o.Verify}, result: release.Waiting,
		reason: "nothing has been read from the fleet since the start"}
	var err error
	if f.mem, err = f.disk.load(o.Stage); err != nil {
		o.Log.Error("what is kept of the fleet's configuration", "error", err)
	}
	in := f.disk.current()
	if in != "" {
		f.stand(release.Applied, revisionOf(in), "")
	}
	t := f.mem.Trial
	switch {
	case t == nil:
	case t.Set != in: // it was never in use, or is not any more
		f.mem.Trial = nil
		f.remember()
	case f.mem.Returned == t.Revision:
		f.goBack(f.mem.Reason)
	default:
		if t.Starts++; t.Starts >= starts {
			f.goBack(fmt.Sprintf("the process has started %d times within %v of the change", starts, release.TrialTime))
			break
		}
		f.remember()
		f.begin()
	}
	if f.mem.Returned != 0 && f.mem.Trial == nil && f.mem.Seen[o.Stage] == f.mem.Returned {
		f.stand(release.Returned, f.mem.Returned, f.mem.Reason)
	}
	return f
}

// Run follows what is in a store until ctx ends.
func (f *Follower) Run(ctx context.Context, store release.Store) {
	f.store = store
	changed := make(chan struct{}, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		f.watch(ctx, changed)
	}()
	defer func() { <-watched }()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			due = time.Now()
		case <-ticker.C:
		}
		if !time.Now().Before(due) {
			due = time.Now().Add(f.check(ctx))
		}
		f.observe(ctx)
		f.report(ctx)
	}
}

// watch sends to changed whenever the release may have changed.
func (f *Follower) watch(ctx context.Context, changed chan<- struct{}) {
	for ctx.Err() == nil {
		_ = f.store.Watch(ctx, release.ReleaseKey(f.o.Stage), func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// stand sets how the node stands, and logs what is new.
func (f *Follower) stand(result release.Result, tried uint64, reason string) {
	if f.result == result && f.tried == tried && f.reason == reason {
		return
	}
	f.result, f.tried, f.reason = result, tried, reason
	log := f.o.Log.With("revision", tried, "stage", f.o.Stage)
	switch result {
	case release.Waiting:
		log.Info("no configuration of the fleet yet", "reason", reason)
	case release.OnTrial:
		log.Info("a configuration of the fleet is in use, and is taken back if the loops fall ill", "within", release.TrialTime)
	case release.Applied:
		log.Info("a configuration of the fleet is in use")
	case release.Refused:
		log.Error("a configuration of the fleet is refused", "reason", reason)
	case release.Failed:
		log.Warn("a configuration of the fleet cannot be used yet: trying again", "reason", reason)
	case release.Returned:
		log.Error("a configuration of the fleet has been taken back", "reason", reason)
	}
}

// remember writes what must not be forgotten, and reports whether it could.
func (f *Follower) remember() bool {
	if err := f.disk.save(f.mem); err != nil {
		f.o.Log.Error("the state of the fleet's configuration cannot be kept", "error", err)
		return false
	}
	return true
}

func (f *Follower) reload() {
	if err := f.o.Reload(); err != nil {
		f.o.Log.Error("the configurations cannot be read: the loops go on as they are", "error", err)
	}
}

// begin begins the trial that is remembered, or begins it again.
func (f *Follower) begin() {
	f.trial, f.since = release.NewTrial(f.mem.Trial.Before), time.Now()
	f.stand(release.OnTrial, f.mem.Trial.Revision, "")
}

// observe looks at the loops of a trial, and ends it.
func (f *Follower) observe(ctx context.Context) {
	if f.trial == nil {
		return
	}
	ended, why := f.trial.Observe(time.Since(f.since), f.o.Loops(ctx))
	switch {
	case !ended || ctx.Err() != nil:
	case why != "":
		if f.goBack(why) {
			f.reload()
		}
	default:
		f.disk.prune(f.mem.Trial.Set, f.mem.Trial.Previous)
		f.stand(release.Applied, f.mem.Trial.Revision, "")
		f.mem.Trial, f.trial = nil, nil
		f.remember()
	}
}

// goBack uses the set before that on trial, and reports whether it could. It first writes
// that it does: a crash in the middle does not bring the set back.
func (f *Follower) goBack(why string) bool {
	t := f.mem.Trial
	f.mem.Returned, f.mem.Reason = t.Revision, why
	f.remember()
	if err := f.disk.use(t.Previous); err != nil {
		f.stand(release.Failed, t.Revision, fmt.Sprintf("%s, and the set before cannot be used: %v", why, err))
		return false
	}
	f.mem.Trial, f.trial = nil, nil
	f.remember()
	f.stand(release.Returned, t.Revision, why)
	return true
}
