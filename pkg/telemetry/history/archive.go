package history

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history/segment"
)

// tier is the rollups of one length.
type tier struct {
	step time.Duration
	spec segment.Spec
}

const day = 24 * time.Hour

// tiers are what an archive keeps, the finest first: an hour of seconds, 35 days of
// minutes, 400 days of hours. A month of all of them together is at most 20 MB.
var tiers = [...]tier{
	{time.Second, segment.Spec{Name: "1s", Period: 10 * time.Minute, Keep: time.Hour, MaxBytes: 2 << 20}},
	{time.Minute, segment.Spec{Name: "1m", Period: day, Keep: 35 * day, MaxBytes: 14 << 20, Sync: true}},
	{time.Hour, segment.Spec{Name: "1h", Period: 10 * day, Keep: 400 * day, MaxBytes: 24 << 20, Sync: true}},
}

// eventSpec is the log of events.
var eventSpec = segment.Spec{Name: "events", Period: 10 * day, Keep: 400 * day, MaxBytes: 8 << 20, Sync: true}

// Archive is the history of a WAN or of steering on disk, for reading. It is complete
// up to a few seconds ago while a Writer runs. Its methods may be called from several
// goroutines.
type Archive struct{ dir string }

// NewArchive returns the archive in dir, which may be absent.
func NewArchive(dir string) *Archive { return &Archive{dir} }

// Rollups passes what began from one moment up to another to yield, the oldest first,
// until yield returns false. No rollup is longer than step, except that none is shorter
// than a second; the newest ones are those that are not in longer ones yet. The rollup
// is valid during the call only.
func (a *Archive) Rollups(from, to time.Time, step time.Duration, yield func(*Rollup) bool) error {
	more := true
	r := new(Rollup)
	for i := len(tiers) - 1; i >= 0 && more; i-- {
		if tiers[i].step > step && i > 0 {
			continue
		}
		newest := from
		err := tiers[i].spec.Read(a.dir, from, to, func(record []byte) bool {
			r.reset()
			if r.decode(record) != nil || r.Start.Before(from) || !r.Start.Before(to) {
				return true
			}
			if r.end().After(newest) {
				newest = r.end()
			}
			more = yield(r)
			return more
		})
		if err != nil {
			return err
		}
		if from = newest; i > 0 { // times are kept in ms
			from = from.Add(-tiers[i-1].step / 2)
		}
	}
	return nil
}

// Total returns everything from one moment up to another as one rollup.
func (a *Archive) Total(from, to time.Time, step time.Duration) (*Rollup, error) {
	total := new(Rollup)
	err := a.Rollups(from, to, step, func(r *Rollup) bool {
		total.Merge(r)
		return true
	})
	return total, err
}

// Grouped returns what began from one moment up to another as rollups of step, the
// oldest first. Empty ones are left out.
func (a *Archive) Grouped(from, to time.Time, step time.Duration) ([]*Rollup, error) {
	groups := map[time.Time]*Rollup{}
	err := a.Rollups(from, to, step, func(r *Rollup) bool {
		at := r.Start.Truncate(step)
		if groups[at] == nil {
			groups[at] = &Rollup{Start: at}
		}
		groups[at].Merge(r)
		return true
	})
	list := make([]*Rollup, 0, len(groups))
	for _, g := range groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *Rollup) int { return a.Start.Compare(b.Start) })
	return list, err
}

// Points returns what began from one moment up to another as points of step, the oldest
// first. Those of a second are as they were measured.
func (a *Archive) Points(from, to time.Time, step time.Duration) ([]Point, error) {
	if step <= Step {
		var points []Point
		err := a.Rollups(from, to, step, func(r *Rollup) bool {
			points = append(points, r.point())
			return true
		})
		return points, err
	}
	groups, err := a.Grouped(from, to, step)
	points := make([]Point, len(groups))
	for i, g := range groups {
		points[i] = g.point()
	}
	return points, err
}

// Events returns the events from one moment up to another, the oldest first.
func (a *Archive) Events(from, to time.Time) ([]Event, error) {
	var events []Event
	err := eventSpec.Read(a.dir, from, to, func(record []byte) bool {
		var e Event
		if json.Unmarshal(record, &e) == nil && !e.At.Before(from) && e.At.Before(to) {
			events = append(events, e)
		}
		return true
	})
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events, err
}

// Kept is an archive and what it is about.
type Kept struct {
	WAN      string // of steering: the primary WAN
	Steering bool
	*Archive
}
