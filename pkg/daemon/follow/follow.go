// Package follow has a host use the configurations that its fleet pushes to it: it fetches
// the set of its stage, refuses what is not signed or not valid, keeps what it uses on disk,
// has the loops reloaded, goes back where they fall ill, and reports. The loops do not wait
// for it, and run from the disk without it.
package follow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
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

// check looks at the release of the stage, and returns when to look again.
func (f *Follower) check(ctx context.Context) time.Duration {
	e, err := f.store.Get(ctx, release.ReleaseKey(f.o.Stage))
	switch {
	case errors.Is(err, release.ErrNotFound):
		if f.disk.current() == "" {
			f.stand(release.Waiting, 0, "nothing has been pushed to the stage "+f.o.Stage)
		}
		return recheck
	case err != nil: // what is in use stays so
		return again
	}
	r, who, err := f.keys.OpenRelease(f.o.Stage, e.Value)
	if err != nil {
		f.stand(release.Refused, release.ClaimedRevision(e.Value), err.Error())
		return recheck
	}
	seen, in := f.mem.Seen[f.o.Stage], f.disk.current()
	switch {
	case r.Revision < seen:
		f.stand(release.Refused, r.Revision, fmt.Sprintf("revision %d is lower than %d, which this node has seen; push or roll back, which makes a higher one", r.Revision, seen))
	case r.Revision == seen && f.mem.SeenSet[f.o.Stage] != "" && f.mem.SeenSet[f.o.Stage] != r.Set:
		f.stand(release.Refused, r.Revision, fmt.Sprintf("revision %d has other files than when this node saw it; push again", r.Revision))
	case r.Revision == f.mem.Returned:
		f.stand(release.Returned, r.Revision, f.mem.Reason)
	case setName(r.Revision, f.o.Site) != in:
		f.mem.Seen[f.o.Stage], f.mem.SeenSet[f.o.Stage] = r.Revision, r.Set
		return f.adopt(ctx, r, who)
	case f.mem.Trial == nil:
		f.stand(release.Applied, r.Revision, "")
	}
	return recheck
}

// adopt fetches the set of a release and uses it, and returns when to look again.
func (f *Follower) adopt(ctx context.Context, r *release.Release, who string) time.Duration {
	failed := func(err error) time.Duration {
		f.stand(release.Failed, r.Revision, err.Error())
		return again
	}
	files, err := f.fetch(ctx, r)
	var refused *release.RefusedError
	switch {
	case errors.As(err, &refused):
		f.remember()
		f.stand(release.Refused, r.Revision, err.Error())
		return recheck
	case err != nil:
		return failed(err)
	}
	set, in := setName(r.Revision, f.o.Site), f.disk.current()
	if err := f.disk.put(set, files, f.o.ConfigDir); err != nil {
		return failed(err)
	}
	if err := f.validate(set, files); err != nil {
		f.disk.prune(f.kept(in)...)
		f.remember()
		f.stand(release.Refused, r.Revision, err.Error())
		return recheck
	}
	unchanged := in != "" && f.disk.same(in, files)
	trial := &onTrial{Revision: r.Revision, Set: set, Previous: in, Before: f.o.Loops(ctx)}
	if old := f.mem.Trial; old != nil { // what is in use has not proved itself
		trial.Previous, trial.Before = old.Previous, old.Before
		unchanged = false
	}
	if trial.Previous == "" || unchanged {
		trial = nil
	}
	f.mem.Trial, f.trial = trial, nil
	if err := f.disk.save(f.mem); err != nil {
		return failed(err)
	}
	if err := f.disk.use(set); err != nil {
		return failed(err)
	}
	f.o.Log.Info("a configuration of the fleet has come", "revision", r.Revision, "signed_by", who, "files", len(files))
	f.reload()
	if trial != nil {
		f.begin()
		return recheck
	}
	f.stand(release.Applied, r.Revision, "")
	f.disk.prune(set, in)
	return recheck
}

// kept returns the sets that are not to be pruned beside the one in use.
func (f *Follower) kept(in string) []string {
	if f.mem.Trial != nil {
		return []string{in, f.mem.Trial.Previous}
	}
	return []string{in}
}

// fetch returns the files of this node by their names on it.
func (f *Follower) fetch(ctx context.Context, r *release.Release) (map[string][]byte, error) {
	set, err := f.keys.ReadSet(ctx, f.store, r.Revision, r.Set)
	if err != nil {
		return nil, err
	}
	names := set.ForSite(f.o.Site)
	if len(names) == 0 {
		return nil, &release.RefusedError{Cause: fmt.Errorf("revision %d has no file for the site %s, to which this node belongs by fleet.labels.site", r.Revision, f.o.Site)}
	}
	files := map[string][]byte{}
	for name, inSet := range names {
		content, err := release.Content(ctx, f.store, inSet, set.Files[inSet])
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	return files, nil
}

// validate returns what keeps a set from being used: what 'wanctl config validate' says of
// its files beside those of the host, and secrets.
func (f *Follower) validate(set string, files map[string][]byte) error {
	var bad config.Error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bad.Problems = append(bad.Problems, config.LiteralSecrets(files[name], name)...)
	}
	local := f.local()
	var paths []string
	for _, path := range config.Files(f.o.ConfigDir) {
		if filepath.Dir(path) != config.CurrentSet(f.o.Directory) {
			paths = append(paths, path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !local[baseName(name)] {
			paths = append(paths, filepath.Join(f.disk.path(set), name))
		}
	}
	results, err := configdir.Validate(paths, f.o.Config, nil)
	if err != nil {
		return err
	}
	for _, r := range results {
		if filepath.Dir(r.File) != f.disk.path(set) {
			continue
		}
		for _, p := range r.Errors() {
			p.File = strings.TrimPrefix(p.File, f.disk.path(set)+"/")
			bad.Problems = append(bad.Problems, p)
		}
	}
	if len(bad.Problems) == 0 {
		return nil
	}
	text := bad.Problems[0].String()
	if more := len(bad.Problems) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return errors.New(text)
}

func baseName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// local returns the names of the host's own files, without suffix.
func (f *Follower) local() map[string]bool {
	names := map[string]bool{}
	for _, path := range config.Paths(f.o.ConfigDir) {
		if filepath.Dir(path) != config.CurrentSet(f.o.Directory) {
			names[baseName(path)] = true
		}
	}
	return names
}

// replaced returns the files of the set in use that files of the host replace.
func (f *Follower) replaced() (names []string) {
	entries, _ := os.ReadDir(config.CurrentSet(f.o.Directory))
	local := f.local()
	for _, e := range entries {
		if local[baseName(e.Name())] {
			names = append(names, e.Name())
		}
	}
	return names
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

// report sends what the node has to say: what is new, and every minute.
func (f *Follower) report(ctx context.Context) {
	if f.o.Stands != nil {
		f.o.Stands(revisionOf(f.disk.current()), f.result)
	}
	now := time.Now()
	if now.Before(f.nextSend) {
		return
	}
	f.nextSend = now.Add(5 * look)
	text := release.NewReport(f.now(ctx))
	if bytes.Equal(text, f.sent) && now.Sub(f.sentAt) < release.ReportTime {
		return
	}
	key := release.NodeKey(f.o.Node)
	version, err := f.store.Put(ctx, key, text, f.version)
	if errors.Is(err, release.ErrConflict) {
		e, getErr := f.store.Get(ctx, key)
		if getErr != nil && !errors.Is(getErr, release.ErrNotFound) {
			return
		}
		version, err = f.store.Put(ctx, key, text, e.Version)
	}
	if err == nil {
		f.version, f.sent, f.sentAt = version, text, now
	}
}

func (f *Follower) now(ctx context.Context) release.Report {
	loops := f.o.Loops(ctx)
	r := release.Report{
		Node: f.o.Node, Site: f.o.Site, Stage: f.o.Stage, Version: f.o.Version,
		Revision: revisionOf(f.disk.current()), Seen: f.mem.Seen[f.o.Stage],
		Tried: f.tried, Result: cmp.Or(f.result, release.Waiting), Reason: f.reason,
		Loops: len(loops), Local: f.replaced(),
	}
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		if loops[name] == release.Unwell {
			r.Unwell++
			r.Degraded = append(r.Degraded, name)
		}
	}
	return r
}
