package host

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// kept is what one daemon has done, as far as somebody looked on: it outlives
// the daemon.
type kept struct {
	// mu protects the following fields.
	mu     sync.Mutex
	store  *history.Store
	newest time.Time // of all that came
}

func newKept() *kept { return &kept{store: history.NewStore()} }

// fetch asks the daemon for what is new. Of one that does not answer, what
// was known stays.
func (k *kept) fetch(ctx context.Context, m *member) {
	k.mu.Lock()
	since := k.newest
	k.mu.Unlock()
	x, err := m.client().History(ctx, since)
	if err != nil {
		return
	}
	if m.steering != nil {
		x.WANs = nil // the loop of that WAN has them
	} else {
		x.WANs = map[string][]history.Sample{m.wan.Name: x.WANs[m.wan.Name]}
	}
	oldest, newest := ends(x)
	k.mu.Lock()
	defer k.mu.Unlock()
	if newest.IsZero() {
		return
	}
	if !oldest.After(since) { // the clock was set back: the daemon has told all anew
		k.store = history.NewStore()
	}
	k.store.Add(x)
	k.newest = newest
}

// ends are the first and the last time in x; zero when there is none.
func ends(x history.Excerpt) (oldest, newest time.Time) {
	take := func(t time.Time) {
		if oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
		if t.After(newest) {
			newest = t
		}
	}
	for _, samples := range x.WANs {
		for i := range samples {
			take(samples[i].At)
		}
	}
	for i := range x.Events {
		take(x.Events[i].At)
	}
	return oldest, newest
}

// History is what all daemons did after since; the zero time asks for all.
func (h *Host) History(ctx context.Context, since time.Time) history.Excerpt {
	members := h.list()
	h.past.get(ctx, func(ctx context.Context) struct{} {
		var wg sync.WaitGroup
		for _, m := range h.survey(ctx).answering() {
			wg.Go(func() { m.kept.fetch(ctx, m) })
		}
		wg.Wait()
		return struct{}{}
	})
	all := history.Excerpt{WANs: map[string][]history.Sample{}, Events: []history.Event{}}
	for _, m := range members {
		if m.wan != nil {
			all.WANs[m.wan.Name] = []history.Sample{}
		}
		m.kept.mu.Lock()
		store := m.kept.store
		m.kept.mu.Unlock()
		x := store.Since(since)
		maps.Copy(all.WANs, x.WANs)
		all.Events = append(all.Events, x.Events...)
	}
	slices.SortStableFunc(all.Events, func(a, b history.Event) int { return a.At.Compare(b.At) })
	if n := len(all.Events) - history.MaxEvents; n > 0 {
		all.Events = all.Events[n:]
	}
	return all
}
