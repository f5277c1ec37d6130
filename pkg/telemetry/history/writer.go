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
	logs    [len(tiers) + 1]writerLog // the last is that of events
	open    [len(tiers)]Rollup        // what has not been written yet; that of the first is unused
	budget  int                       // of events in this minute
	skipped int
	failing int   // logs
	lastErr error // of any log
	buf     []byte
}

// events is the index of the log of events.
const events = len(tiers)

// writerLog is one log of a Writer.
type writerLog struct {
	*segment.Log
	added   bool // since the last flush
	failing bool
}

// record is a rollup of a second, or an event.
type record struct {
	rollup *Rollup
	event  *Event
}

// NewWriter returns a Writer to dir, which is made when it is needed.
func NewWriter(dir string, log *slog.Logger) *Writer {
	w := &Writer{dir: dir, log: log, in: make(chan record, waiting), budget: maxEventsAMinute}
	for i := range tiers {
		w.use(i, tiers[i].spec)
	}
	w.use(events, eventSpec)
	return w
}

// use has log i be that of spec.
func (w *Writer) use(i int, spec segment.Spec) {
	w.logs[i] = writerLog{Log: segment.NewLog(w.dir, spec)}
	w.logs[i].Aside = w.aside
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
	if err := w.recover(); err != nil {
		w.failed(0, err) // the seconds are the next to be written
	}
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	beat := 0
	for {
		select {
		case r := <-w.in:
			w.add(r)
		case <-ticker.C:
			w.flush(0)
			if beat++; beat%int(time.Minute/flushInterval) == 0 {
				w.nextMinute()
			}
		case <-ctx.Done():
			for len(w.in) > 0 {
				w.add(<-w.in)
			}
			_ = w.close() // logged
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
		if err := w.read(i-1, done.Add(-tiers[i-1].step/2), now, func(r *Rollup) { w.merge(i, r) }); err != nil {
			return err
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
func (w *Writer) Import(seconds iter.Seq[*Rollup], list ...Event) error {
	for i := range tiers {
		spec := tiers[i].spec
		spec.Sync = false // until the end
		w.use(i, spec)
	}
	for r := range seconds {
		w.add(record{rollup: r})
	}
	for i := range list {
		w.budget = maxEventsAMinute
		w.addEvent(&list[i])
	}
	_ = w.close() // sets lastErr
	if w.lastErr != nil {
		return fmt.Errorf("%s: not everything was written: %w", w.dir, w.lastErr)
	}
	return nil
}

func (w *Writer) add(r record) {
	if r.event != nil {
		w.addEvent(r.event)
		return
	}
	w.merge(1, r.rollup)
	r.rollup.Reflectors = r.rollup.Reflectors[:0] // known by the minute
	w.append(0, r.rollup)
	recycle(r.rollup)
}

// merge adds r to the open rollup of tier i, after it has written that if r does not
// belong to the same interval.
func (w *Writer) merge(i int, r *Rollup) {
	open := &w.open[i]
	if at := r.Start.Truncate(tiers[i].step); !open.Start.IsZero() && (!at.Equal(open.Start.Truncate(tiers[i].step)) || r.Start.Before(open.Start)) {
		w.write(i)
		if i+1 < len(tiers) {
			w.merge(i+1, open)
		}
		open.reset()
	}
	open.Merge(r)
}

// write writes the open rollup of tier i.
func (w *Writer) write(i int) {
	w.append(i, &w.open[i])
	w.flush(i)
}

func (w *Writer) append(i int, r *Rollup) {
	w.buf = r.encode(w.buf[:0])
	w.appendTo(i, r.Start, w.buf)
}

func (w *Writer) appendTo(i int, at time.Time, body []byte) {
	err := w.logs[i].Append(at, body)
	w.logs[i].added = err == nil
	if err != nil {
		w.failed(i, err)
	}
}

// flush writes what was added to log i. Only that shows whether the log still fails.
func (w *Writer) flush(i int) {
	if !w.logs[i].added {
		return
	}
	w.logs[i].added = false
	if err := w.logs[i].Flush(); err != nil {
		w.failed(i, err)
	} else {
		w.written(i)
	}
}

func (w *Writer) addEvent(e *Event) {
	if w.budget == 0 {
		w.skipped++
		return
	}
	w.budget--
	body, err := json.Marshal(e)
	if err != nil {
		w.failed(events, err)
		return
	}
	w.appendTo(events, e.At, body)
	w.flush(events)
}

// nextMinute renews the budget of events and reports what is missing.
func (w *Writer) nextMinute() {
	w.budget = maxEventsAMinute
	if w.skipped > 0 {
		n := w.skipped
		w.skipped = 0
		w.addEvent(&Event{At: time.Now().Round(0), Kind: "life", Text: fmt.Sprintf("%d more events within a minute are not kept", n)})
	}
	if n := w.lost.Swap(0); n > 0 {
		w.log.Warn("the disk is too slow for the history: a part of it is missing", "dir", w.dir, "seconds_or_events", n)
	}
}

// close writes the minute that has begun. The hour can be made of its minutes.
func (w *Writer) close() error {
	if !w.open[1].Start.IsZero() {
		w.write(1)
	}
	var errs []error
	for i := range w.logs {
		if err := w.logs[i].Close(); err != nil {
			w.failed(i, err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// failed logs the first error of many, whichever log has it.
func (w *Writer) failed(i int, err error) {
	w.lastErr = err
	if w.logs[i].failing {
		return
	}
	w.logs[i].failing = true
	if w.failing++; w.failing == 1 {
		w.log.Warn("the history cannot be kept: 'wanctl report' will lack this time", "dir", w.dir, "error", err)
	}
}

// written logs that errors have ended, those of all logs.
func (w *Writer) written(i int) {
	if !w.logs[i].failing {
		return
	}
	w.logs[i].failing = false
	if w.failing--; w.failing == 0 {
		w.log.Info("the history is kept again", "dir", w.dir)
	}
}
