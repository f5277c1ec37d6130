package state

import (
	"context"
	"log/slog"
	"time"
)

// Intervals of a Saver.
const (
	// MinInterval is the shortest time between two writes, except the last.
	MinInterval = 5 * time.Second
	// MaxInterval is the longest time a submitted state stays unwritten.
	MaxInterval = 60 * time.Second
)

// maxSaid bounds the errors that are remembered as logged.
const maxSaid = 16

// Snapshot is a state a Saver can write: WAN or Steering.
type Snapshot[T any] interface {
	worthSaving(saved T) bool
}

// Saver writes states to a file beside the loop that submits them. It writes
// soon when rates or states changed, at least every minute otherwise, never
// twice within MinInterval except for SaveNow, and a last time when it ends. A failed
// write is repeated later; each distinct error is logged once.
type Saver[T Snapshot[T]] struct {
	// dependencies
	save func(T) error
	log  *slog.Logger
	path string

	// slot holds the newest state that was not taken yet.
	slot  chan T
	now   chan urgent[T]
	ready chan struct{}
}

// NewSaver saves to f. log may be nil.
func NewSaver[T Snapshot[T]](f *File[T], log *slog.Logger) *Saver[T] {
	return newSaver(f.Save, f.Path(), log)
}

func newSaver[T Snapshot[T]](save func(T) error, path string, log *slog.Logger) *Saver[T] {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Saver[T]{save: save, log: log, path: path, slot: make(chan T, 1), now: make(chan urgent[T]), ready: make(chan struct{})}
	close(s.ready)
	return s
}

// Submit hands over the newest state. It never blocks and replaces one that
// was not taken yet. It may be called as often as every tick.
func (s *Saver[T]) Submit(v T) {
	select {
	case s.slot <- v:
		return
	default:
	}
	select {
	case <-s.slot:
	default: // Run took it meanwhile
	}
	select {
	case s.slot <- v:
	default: // another submission of the same moment is as new as v
	}
}

// urgent is a state that is written at once, and where its outcome goes.
type urgent[T any] struct {
	state T
	done  chan<- error
}

// SaveNow writes v at once, whenever the last state was written, and returns when that
// is done or ctx has ended. It is for what must not be forgotten, before it happens.
func (s *Saver[T]) SaveNow(ctx context.Context, v T) error {
	done := make(chan error, 1)
	select {
	case s.now <- urgent[T]{v, done}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run saves until ctx ends, then writes what is still unwritten and returns
// nil: a state that cannot be written is logged and is no reason to fail.
func (s *Saver[T]) Run(ctx context.Context) error {
	w := writer[T]{Saver: s, said: map[string]bool{}}
	timer := time.NewTimer(MaxInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			select {
			case w.newest = <-s.slot:
				w.pending = true
			default:
			}
			if w.pending {
				_ = w.write() // it is logged
			}
			return nil
		case w.newest = <-s.slot:
			w.pending = true
		case u := <-s.now:
			w.newest, w.pending = u.state, true
			u.done <- w.write()
			continue
		case <-timer.C:
		}
		if !w.pending {
			continue
		}
		if wait := time.Until(w.due()); wait > 0 {
			timer.Reset(wait)
			continue
		}
		if w.write() != nil {
			timer.Reset(time.Until(w.due()))
		}
	}
}

// Ready is closed from the start.
func (s *Saver[T]) Ready() <-chan struct{} { return s.ready }

func (s *Saver[T]) String() string { return "saver of " + s.path }

// writer is the state of Run.
type writer[T Snapshot[T]] struct {
	*Saver[T]
	newest  T
	pending bool // newest was not written

	saved    T // what the file holds
	wrote    bool
	tried    time.Time       // of the last attempt
	failures int             // since the last success
	said     map[string]bool // the errors logged since then
}

// due is when the newest state has to be written.
func (w *writer[T]) due() time.Time {
	switch {
	case w.failures > 0:
		// 5, 10, 20, 40, 60 s: a full disk does not get better by hammering.
		return w.tried.Add(min(MinInterval<<min(w.failures-1, 4), MaxInterval))
	case !w.wrote:
		return w.tried
	case w.newest.worthSaving(w.saved):
		return w.tried.Add(MinInterval)
	}
	return w.tried.Add(MaxInterval)
}

func (w *writer[T]) write() error {
	w.tried = time.Now()
	if err := w.save(w.newest); err != nil {
		w.failures++
		if text := err.Error(); !w.said[text] && len(w.said) < maxSaid {
			w.said[text] = true
			w.log.Error("state not saved", "error", err)
		}
		return err
	}
	if w.failures > 0 {
		w.log.Info("state is saved again", "file", w.path, "failures", w.failures)
	}
	w.saved, w.wrote, w.pending = w.newest, true, false
	w.failures = 0
	clear(w.said)
	return nil
}
