package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Loop is one controller of a daemon: of one WAN, or of steering. It is used
// once; for another run, make another one.
type Loop interface {
	// Name is unique within a process.
	Name() string
	// Open takes all that the loop needs and holds until Close: lock, state,
	// sessions, metrics and history. After an error it holds nothing.
	Open(ctx context.Context) error
	// Run controls until ctx ends, which is a normal end.
	Run(ctx context.Context) error
	// Ready is closed when everything of the loop runs.
	Ready() <-chan struct{}
	// Close releases what Open has taken. Run must have returned.
	Close() error
}

const (
	// openSlots bounds the loops that are being opened at a time: so many logins and
	// TLS handshakes at once leave the loops that run their processor.
	openSlots = 32
	// openSlotTime is how long a loop keeps its slot. One that takes longer waits for a
	// router that does not answer, and does not hold up the others.
	openSlotTime = time.Second
)

// LoopSet runs loops, each of which can be stopped and replaced while the others
// run. It is a task. There is no limit to their number.
//
// Loops that Open has opened run once: when one fails, or all have ended, so does
// the set. Loops that Start has added are opened and run again after a failure.
type LoopSet struct {
	log   *slog.Logger
	slots chan struct{} // one for each loop that is being opened
	ended chan struct{} // capacity 1: a loop has ended
	ready chan struct{}

	mu      sync.Mutex // protects the following fields
	members []*member
	retry   chan struct{}   // Retry closes and replaces it
	ctx     context.Context // of Run; nil before
}

// LoopState is a loop of a set, and how it is.
type LoopState struct {
	Loop  Loop // the present one, or the last
	Open  bool // it has been opened and not been closed
	Err   error
	Since time.Time // of the first attempt to open it, or of the failure Err
}

type member struct {
	name     string
	make     func() Loop        // nil: the loop runs once
	cancel   context.CancelFunc // nil until it runs
	tried    chan struct{}      // closed by setTried: it is ready or has failed for the first time
	setTried func()
	done     chan struct{} // closed when it has ended
	err      error         // of a loop that runs once; set before done is closed
	state    LoopState     // protected by the set's mu
	stopped  bool          // by Stop; protected by it too
}

var _ supervisor.Task = (*LoopSet)(nil)

// NewLoopSet returns a LoopSet without loops. It logs the failures of loops that
// are started again; log may be nil.
func NewLoopSet(log *slog.Logger) *LoopSet {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &LoopSet{
		log: log, slots: make(chan struct{}, openSlots), ended: make(chan struct{}, 1),
		ready: make(chan struct{}), retry: make(chan struct{}),
	}
}

// Open opens loops side by side and adds them, to be run once by Run. After an
// error, which is that of the first of them to fail in their order, none is added
// and none is left open.
func (s *LoopSet) Open(ctx context.Context, loops ...Loop) error {
	errs := make([]error, len(loops))
	var opening errgroup.Group
	for i, l := range loops {
		opening.Go(func() error {
			errs[i] = s.open(ctx, l)
			return nil
		})
	}
	_ = opening.Wait() // the errors are in errs
	failed := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	for i, l := range loops {
		switch {
		case failed < 0:
			if err := s.add(&member{name: l.Name(), state: LoopState{Loop: l, Open: true, Since: time.Now()}}); err != nil {
				errs[i] = errors.Join(err, l.Close())
			}
		case errs[i] == nil:
			_ = l.Close() // the first error is the one to report
		}
	}
	if failed >= 0 {
		return errs[failed]
	}
	return errors.Join(errs...)
}

// Start adds a loop by the function that makes it. It is opened and run as soon as
// the set runs, and made anew after each failure.
func (s *LoopSet) Start(name string, create func() Loop) error {
	return s.add(&member{name: name, make: create, state: LoopState{Loop: create(), Since: time.Now()}})
}

func (s *LoopSet) add(m *member) error {
	m.tried, m.done = make(chan struct{}), make(chan struct{})
	m.setTried = sync.OnceFunc(func() { close(m.tried) })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.index(m.name) >= 0:
		return fmt.Errorf("a loop of %s runs already", m.name)
	case s.ctx != nil && s.ctx.Err() != nil:
		return s.ctx.Err() // the set has ended
	}
	s.members = append(s.members, m)
	if s.ctx != nil {
		s.run(m)
	}
	return nil
}

// index is called with mu held.
func (s *LoopSet) index(name string) int {
	return slices.IndexFunc(s.members, func(m *member) bool { return m.name == name })
}

// Stop ends the loop called name and releases what it holds. It returns the error
// that a loop which runs once has ended with.
func (s *LoopSet) Stop(name string) error {
	s.mu.Lock()
	i := s.index(name)
	if i < 0 {
		s.mu.Unlock()
		return fmt.Errorf("no loop of %s runs", name)
	}
	m := s.members[i]
	m.stopped = true
	cancel := m.cancel
	if cancel == nil { // Run has not begun
		s.members = slices.Delete(s.members, i, i+1)
		s.mu.Unlock()
		return s.close(m)
	}
	s.mu.Unlock()
	cancel()
	<-m.done // it is a member until then: its name is not free
	err := errors.Join(m.err, s.close(m))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = slices.DeleteFunc(s.members, func(x *member) bool { return x == m })
	return err
}

// Close releases what the loops hold. Run must have returned, or never be called.
func (s *LoopSet) Close() error {
	s.mu.Lock()
	members := slices.Clone(s.members)
	s.mu.Unlock()
	var errs []error
	for _, m := range members {
		errs = append(errs, s.close(m))
	}
	return errors.Join(errs...)
}

// close closes the loop of m if it is open.
func (s *LoopSet) close(m *member) error {
	s.mu.Lock()
	open := m.state.Open
	m.state.Open = false
	s.mu.Unlock()
	if !open {
		return nil
	}
	return m.state.Loop.Close()
}

// States returns the loops in the order in which they were added.
func (s *LoopSet) States() []LoopState {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]LoopState, len(s.members))
	for i, m := range s.members {
		states[i] = m.state
	}
	return states
}

// State returns the loop called name; ok is false when there is none.
func (s *LoopSet) State(name string) (state LoopState, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(name); i >= 0 {
		return s.members[i].state, true
	}
	return LoopState{}, false
}

// Loops returns the loops that are open and of type L.
func Loops[L Loop](s *LoopSet) []L {
	var loops []L
	for _, st := range s.States() {
		if l, ok := st.Loop.(L); ok && st.Open {
			loops = append(loops, l)
		}
	}
	return loops
}

// Retry ends the pauses of the loops that have failed.
func (s *LoopSet) Retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.retry)
	s.retry = make(chan struct{})
}

// Run runs the loops until ctx ends. It ends by itself when a loop that runs once
// fails, or when all loops do so and have ended.
func (s *LoopSet) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	for _, m := range s.members {
		s.run(m)
	}
	first := slices.Clone(s.members)
	s.mu.Unlock()
	go s.awaitReady(first)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.ended:
			if s.over() {
				cancel()
			}
		}
	}
	s.mu.Lock()
	members := slices.Clone(s.members)
	s.mu.Unlock()
	var errs []error
	for _, m := range members {
		<-m.done
		errs = append(errs, m.err)
	}
	return errors.Join(errs...)
}

// over reports whether a loop has failed, or all have ended. Those that Stop has
// removed do not count.
func (s *LoopSet) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	running, ended := 0, 0
	for _, m := range s.members {
		select {
		case <-m.done:
			if m.stopped {
				continue
			}
			if m.err != nil {
				return true
			}
			ended++
		default:
			running++
		}
	}
	return running == 0 && ended > 0
}

// Ready is closed when the loops that were added before Run are ready or have
// failed.
func (s *LoopSet) Ready() <-chan struct{} { return s.ready }

// String is empty: the errors of loops name their loop.
func (s *LoopSet) String() string { return "" }

func (s *LoopSet) awaitReady(members []*member) {
	for _, m := range members {
		select {
		case <-m.tried:
		case <-m.done:
		}
	}
	close(s.ready)
}
