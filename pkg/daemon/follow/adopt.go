package follow

import (
	"context"
	"errors"
	"fmt"
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
	local, paths := f.local(), f.own(config.Files(f.o.ConfigDir))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bad.Problems = append(bad.Problems, config.LiteralSecrets(files[name], name)...)
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

// own returns those of paths that are files of the host, not of the set in use.
func (f *Follower) own(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool { return filepath.Dir(path) == config.CurrentSet(f.o.Directory) })
}

// local returns the names of the host's own files, without suffix.
func (f *Follower) local() map[string]bool {
	names := map[string]bool{}
	for _, path := range f.own(config.Paths(f.o.ConfigDir)) {
		names[baseName(path)] = true
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
