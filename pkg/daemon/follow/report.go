package follow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/release"
)

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
