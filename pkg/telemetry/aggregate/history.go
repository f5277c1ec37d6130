package aggregate

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// past is the history of one daemon as far as it was fetched. It outlives the
// daemon.
type past struct {
	// mu protects the following fields.
	mu     sync.Mutex
	store  *history.Store
	newest time.Time // of all samples and events
	read   time.Time // when the archive was read
}

func newPast() *past { return &past{store: history.NewStore()} }

// fetch adds the new part of the daemon's history. If the daemon does not
// answer, the history stays as it is.
func (p *past) fetch(ctx context.Context, m *member) {
	p.mu.Lock()
	since := p.newest
	p.mu.Unlock()
	x, err := m.client().History(ctx, since)
	if err != nil {
		return
	}
	if w, ok := m.daemon.(*WAN); ok {
		x.WANs = map[string][]history.Point{w.Name: x.WANs[w.Name]}
	} else {
		x.WANs = nil // the loop of that WAN has them
	}
	oldest, newest := ends(x)
	p.mu.Lock()
	defer p.mu.Unlock()
	if newest.IsZero() {
		return
	}
	if !oldest.After(since) { // the clock was set back: the daemon has sent everything again
		p.store = history.NewStore()
	}
	p.store.Add(x)
	p.newest = newest
}

// readInterval is the time between two readings of the archive of a daemon that does not
// run: one that was killed has left its last seconds there.
const readInterval = 5 * time.Second

// load adds what the archive has beyond what was fetched.
func (p *past) load(m *member, now time.Time) {
	archive := m.kept().Archive
	p.mu.Lock()
	defer p.mu.Unlock()
	if archive == nil || now.Sub(p.read).Abs() < readInterval {
		return
	}
	p.read = now
	from := now.Add(-history.Span)
	if p.newest.After(from) {
		from = p.newest.Add(time.Millisecond)
	}
	// What cannot be read is left out: health reports the loop that does not run.
	points, _ := archive.Points(from, now, history.Step)
	events, _ := archive.Events(from, now)
	if p.newest.IsZero() {
		events, _ = archive.Events(now.AddDate(0, -1, 0), now)
	}
	x := history.Window{Events: events}
	if w, ok := m.daemon.(*WAN); ok {
		x.WANs = map[string][]history.Point{w.Name: points}
	}
	if _, newest := ends(x); !newest.IsZero() {
		p.store.Add(x)
		p.newest = newest
	}
}

// ends returns the first and the last time in x; zero when it is empty.
func ends(x history.Window) (oldest, newest time.Time) {
	include := func(t time.Time) {
		if oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
		if t.After(newest) {
			newest = t
		}
	}
	for _, samples := range x.WANs {
		for i := range samples {
			include(samples[i].At)
		}
	}
	for i := range x.Events {
		include(x.Events[i].At)
	}
	return oldest, newest
}

// History returns the history of all daemons after since; the zero time asks
// for all.
func (h *Host) History(ctx context.Context, since time.Time) history.Window {
	members := h.list()
	h.history.get(ctx, func(ctx context.Context) struct{} {
		var wg sync.WaitGroup
		for _, v := range h.survey(ctx).views {
			if v.running {
				wg.Go(func() { v.member.past.fetch(ctx, v.member) })
			} else {
				wg.Go(func() { v.member.past.load(v.member, h.now()) })
			}
		}
		wg.Wait()
		return struct{}{}
	})
	all := history.Window{WANs: map[string][]history.Point{}, Events: []history.Event{}}
	for _, m := range members {
		if w, ok := m.daemon.(*WAN); ok {
			all.WANs[w.Name] = []history.Point{}
		}
		m.past.mu.Lock()
		store := m.past.store
		m.past.mu.Unlock()
		x := store.Since(since)
		maps.Copy(all.WANs, x.WANs)
		all.Events = append(all.Events, x.Events...)
	}
	slices.SortStableFunc(all.Events, func(a, b history.Event) int { return a.At.Compare(b.At) })
	all.Events = newestEvents(all.Events)
	return all
}

// newestEvents bounds those that matter and the usual ones, each.
func newestEvents(events []history.Event) []history.Event {
	var left [2]int
	kept := slices.DeleteFunc(reversed(events), func(e history.Event) bool {
		i := 0
		if e.Usual() {
			i = 1
		}
		left[i]++
		return left[i] > history.MaxEvents
	})
	slices.Reverse(kept)
	return kept
}

func reversed(events []history.Event) []history.Event {
	slices.Reverse(events)
	return events
}

// Kept returns the archives of all daemons, whether they run or not.
func (h *Host) Kept() []history.Kept {
	var list []history.Kept
	for _, m := range h.list() {
		if k := m.kept(); k.Archive != nil {
			list = append(list, k)
		}
	}
	return list
}
