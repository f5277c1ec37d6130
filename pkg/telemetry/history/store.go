package history

import (
	"slices"
	"sync"
	"time"
)

// Store keeps a bounded number of samples and events. Its methods may be called
// from several goroutines.
type Store struct {
	now func() time.Time

	// mu protects the following fields.
	mu     sync.Mutex
	wans   map[string]*ring[Point]
	events [2]ring[Event] // those that matter, and the usual ones
	newest time.Time      // of all samples and events stamped here
}

// NewStore returns an empty Store.
func NewStore() *Store {
	return &Store{now: time.Now, wans: map[string]*ring[Point]{}, events: [2]ring[Event]{{most: MaxEvents}, {most: MaxEvents}}}
}

// AddWAN adds a WAN: windows name it, and what its feed sends is kept from then on.
func (s *Store) AddWAN(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wan(name)
}

// wan is called with mu held.
func (s *Store) wan(name string) *ring[Point] {
	r, known := s.wans[name]
	if !known {
		r = &ring[Point]{most: int(Span / Step)}
		s.wans[name] = r
	}
	return r
}

// RemoveWAN forgets the samples of one WAN.
func (s *Store) RemoveWAN(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wans, name)
}

// Add adds the history of another process with its own times.
func (s *Store) Add(x Window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, samples := range x.WANs {
		r := s.wan(name)
		for _, sample := range samples {
			r.add(sample)
		}
	}
	for _, e := range x.Events {
		s.addEvent(e)
	}
}

// stampPoint and stampEvent add what has just happened. The time is that at
// which it becomes visible, and increases: a reader that asks for everything
// after the newest time it has seen misses nothing. A point of a WAN that is not
// there, or not any more, is dropped.
func (s *Store) stampPoint(wan string, p Point) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.At = s.stamp()
	if r, known := s.wans[wan]; known {
		r.add(p)
	}
	return p.At
}

func (s *Store) stampEvent(e *Event) *Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.At = s.stamp()
	s.addEvent(*e)
	return e
}

// addEvent is called with mu held. What is usual does not push out what matters.
func (s *Store) addEvent(e Event) {
	if e.Usual() {
		s.events[1].add(e)
	} else {
		s.events[0].add(e)
	}
}

// stamp is called with mu held. When the clock is set back, times go back, too.
func (s *Store) stamp() time.Time {
	at := s.now().Round(0) // readers have no monotonic clock
	if behind := s.newest.Sub(at); behind >= 0 && behind < time.Second {
		at = s.newest.Add(1)
	}
	s.newest = at
	return at
}

// Since returns the history after t; the zero time asks for all, and so does a
// time in the future: the clock was set back. Samples and events with a time in
// the future, from before that, are left out.
func (s *Store) Since(t time.Time) Window {
	return s.window(t, func(string) bool { return true })
}

// Of is Since for one WAN alone.
func (s *Store) Of(wan string, t time.Time) Window {
	return s.window(t, func(name string) bool { return name == wan })
}

func (s *Store) window(after time.Time, wanted func(wan string) bool) Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	oldest, newest := now.Add(-Span-Step), now.Add(Step)
	if after.After(newest) {
		after = time.Time{}
	}
	x := Window{WANs: map[string][]Point{}, Events: []Event{}}
	asked := func(s *Point) bool { return s.At.After(after) && s.At.After(oldest) && !s.At.After(newest) }
	for name, r := range s.wans {
		if !wanted(name) {
			continue
		}
		n := 0 // with many WANs, exact sizes save much memory
		for sample := range r.all() {
			if asked(sample) {
				n++
			}
		}
		samples := make([]Point, 0, n)
		for sample := range r.all() {
			if asked(sample) {
				samples = append(samples, *sample)
			}
		}
		x.WANs[name] = samples
	}
	for i := range s.events {
		for e := range s.events[i].all() {
			if e.At.After(after) && !e.At.After(newest) && wanted(e.WAN) {
				x.Events = append(x.Events, *e)
			}
		}
	}
	// Events of several processes arrive out of order.
	slices.SortStableFunc(x.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	return x
}
