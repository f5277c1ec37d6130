package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history/segment"
)

const (
	// flushInterval is how long seconds wait for each other before they are written.
	flushInterval = 10 * time.Second
	// maxEventsAMinute bounds the events that are kept on disk.
	maxEventsAMinute = 30
)

// Writer keeps the history of one WAN on disk, in a goroutine of its own: a disk that is
// slow or full costs history and nothing else.
type Writer struct {
	dir  string
	log  *slog.Logger
	in   chan record
	lost atomic.Uint64 // that found in full

	// Of the goroutine of Run.
	logs    [len(tiers)]*segment.Log
	open    [len(tiers)]Rollup // what has not been written yet; that of the first is unused
	events  *segment.Log
	budget  int // of events in this minute
	skipped int
	failing bool
	buf     []byte
}

// record is a rollup of a second, or an event.
type record struct {
	rollup *Rollup
	event  *Event
}

// NewWriter returns a Writer to dir, which is made when it is needed.
func NewWriter(dir string, log *slog.Logger) *Writer {
	w := &Writer{dir: dir, log: log, in: make(chan record, waiting), events: segment.NewLog(dir, eventSpec), budget: maxEventsAMinute}
	for i := range tiers {
		w.logs[i] = segment.NewLog(dir, tiers[i].spec)
	}
	for _, l := range append(w.logs[:], w.events) {
		l.Aside = w.aside
	}
	return w
}

func (w *Writer) aside(path, to string) {
	w.log.Warn("a file of the history is of an unknown version or kind: it was renamed, and a new one is begun", "file", path, "kept_as", to)
}

// put queues r, or counts it as lost. It never blocks. r is the Writer's from then on.
func (w *Writer) put(r record) {
	select {
	case w.in <- r:
	default:
		w.lost.Add(1)
	}
}

// Run writes what is queued until ctx ends, and what is queued then.
func (w *Writer) Run(ctx context.Context) error {
	w.report(w.recover())
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	beat := 0
	for {
		select {
		case r := <-w.in:
			w.add(r)
		case <-ticker.C:
			w.report(w.logs[0].Flush())
			if beat++; beat%int(time.Minute/flushInterval) == 0 {
				w.nextMinute()
			}
		case <-ctx.Done():
			for len(w.in) > 0 {
				w.add(<-w.in)
			}
			w.report(w.close())
			return nil
		}
	}
}

// recover puts into longer rollups what an earlier process has not: the coarsest first,
// for the rollups that become complete go on to the next tier.
func (w *Writer) recover() error {
	now := time.Now()
	for i := len(tiers) - 1; i > 0; i-- {
		done := now.Add(-2 * tiers[i].step)
		if err := w.read(i, now.Add(-tiers[i].spec.Keep), now, func(r *Rollup) { done = r.end() }); err != nil {
			return err
		}
		var mergeErr error
		if err := w.read(i-1, done.Add(-tiers[i-1].step/2), now, func(r *Rollup) {
			if mergeErr == nil {
				mergeErr = w.merge(i, r)
			}
		}); err != nil || mergeErr != nil {
			return errors.Join(err, mergeErr)
		}
	}
	return nil
}

func (w *Writer) read(i int, from, to time.Time, each func(*Rollup)) error {
	return tiers[i].spec.Read(w.dir, from, to, func(record []byte) bool {
		r := new(Rollup)
		if r.decode(record) == nil && !r.Start.Before(from) && r.Start.Before(to) {
			each(r)
		}
		return true
	})
}

// Import writes seconds that have their own starts, in their order, and events, instead of
// Run: those of a simulation.
func (w *Writer) Import(seconds iter.Seq[*Rollup], events ...Event) error {
	for i := range tiers {
		spec := tiers[i].spec
		spec.Sync = false // until the end
		w.logs[i] = segment.NewLog(w.dir, spec)
	}
	for r := range seconds {
		w.add(record{rollup: r})
	}
	for i := range events {
		w.budget = maxEventsAMinute
		w.report(w.addEvent(&events[i]))
	}
	if err := w.close(); err != nil || w.failing {
		return fmt.Errorf("%s: not everything was written: %w", w.dir, err)
	}
	return nil
}

func (w *Writer) add(r record) {
	if r.event != nil {
		w.report(w.addEvent(r.event))
		return
	}
	err := w.merge(1, r.rollup)
	r.rollup.Reflectors = r.rollup.Reflectors[:0] // known by the minute
	err = errors.Join(err, w.append(0, r.rollup))
	recycle(r.rollup)
	w.report(err)
}

// merge adds r to the open rollup of tier i, after it has written that if r does not
// belong to the same interval.
func (w *Writer) merge(i int, r *Rollup) error {
	open := &w.open[i]
	var err error
	if at := r.Start.Truncate(tiers[i].step); !open.Start.IsZero() && (!at.Equal(open.Start.Truncate(tiers[i].step)) || r.Start.Before(open.Start)) {
		err = w.write(i)
		if i+1 < len(tiers) {
			err = errors.Join(err, w.merge(i+1, open))
		}
		open.reset()
	}
	open.Merge(r)
	return err
}

// write writes the open rollup of tier i.
func (w *Writer) write(i int) error {
	err := errors.Join(w.append(i, &w.open[i]), w.logs[i].Flush())
	if err == nil {
		w.written()
	}
	return err
}

func (w *Writer) append(i int, r *Rollup) error {
	w.buf = r.encode(w.buf[:0])
	return w.logs[i].Append(r.Start, w.buf)
}

func (w *Writer) addEvent(e *Event) error {
	if w.budget == 0 {
		w.skipped++
		return nil
	}
	w.budget--
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return errors.Join(w.events.Append(e.At, body), w.events.Flush())
}

// nextMinute renews the budget of events and reports what is missing.
func (w *Writer) nextMinute() {
	w.budget = maxEventsAMinute
	if w.skipped > 0 {
		n := w.skipped
		w.skipped = 0
		w.report(w.addEvent(&Event{At: time.Now().Round(0), Kind: "life", Text: fmt.Sprintf("%d more events within a minute are not kept", n)}))
	}
	if n := w.lost.Swap(0); n > 0 {
		w.log.Warn("the disk is too slow for the history: a part of it is missing", "dir", w.dir, "seconds_or_events", n)
	}
}

// close writes the minute that has begun. The hour can be made of its minutes.
func (w *Writer) close() error {
	var errs []error
	if !w.open[1].Start.IsZero() {
		errs = append(errs, w.write(1))
	}
	for _, l := range append(w.logs[:], w.events) {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// report logs the first error of many.
func (w *Writer) report(err error) {
	if err != nil && !w.failing {
		w.failing = true
		w.log.Warn("the history cannot be kept: 'wanctl report' will lack this time", "dir", w.dir, "error", err)
	}
}

// written logs that errors have ended.
func (w *Writer) written() {
	if w.failing {
		w.failing = false
		w.log.Info("the history is kept again", "dir", w.dir)
	}
}
