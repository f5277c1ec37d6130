package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

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

// LoopSet runs loops, each of which can be stopped and replaced while the others
// run. It is a task. There is no limit to their number.
type LoopSet struct {
	ended chan struct{} // capacity 1: a loop has ended
	ready chan struct{}

	change sync.Mutex // held by Start, Stop and Close: one change at a time

	mu      sync.Mutex // protects the following fields
	members []*member
	ctx     context.Context // of Run; nil before
}

type member struct {
	loop   Loop
	cancel context.CancelFunc // nil until it runs
	done   chan struct{}      // closed when it has ended
	err    error              // of Run; set before done is closed
}

var _ supervisor.Task = (*LoopSet)(nil)

// NewLoopSet returns a LoopSet without loops.
func NewLoopSet() *LoopSet {
	return &LoopSet{ended: make(chan struct{}, 1), ready: make(chan struct{})}
}

// Start opens a loop, and runs it as soon as the set runs.
func (s *LoopSet) Start(ctx context.Context, l Loop) error {
	s.change.Lock()
	defer s.change.Unlock()
	if slices.ContainsFunc(s.Loops(), func(x Loop) bool { return x.Name() == l.Name() }) {
		return fmt.Errorf("a loop of %s runs already", l.Name())
	}
	if err := l.Open(ctx); err != nil {
		return err
	}
	m := &member{loop: l, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = append(s.members, m)
	if s.ctx != nil {
		s.run(m)
	}
	return nil
}

// Stop ends the loop called name and releases what it holds. It returns the error
// the loop has ended with.
func (s *LoopSet) Stop(name string) error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	i := slices.IndexFunc(s.members, func(m *member) bool { return m.loop.Name() == name })
	if i < 0 {
		s.mu.Unlock()
		return fmt.Errorf("no loop of %s runs", name)
	}
	m := s.members[i]
	s.members = slices.Delete(s.members, i, i+1)
	s.mu.Unlock()
	if m.cancel != nil {
		m.cancel()
		<-m.done
	}
	return errors.Join(m.err, m.loop.Close())
}

// Close releases what the loops hold. Run must have returned, or never be called.
func (s *LoopSet) Close() error {
	s.change.Lock()
	defer s.change.Unlock()
	var errs []error
	for _, l := range s.Loops() {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Loops returns the loops in the order in which they were started.
func (s *LoopSet) Loops() []Loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	loops := make([]Loop, len(s.members))
	for i, m := range s.members {
		loops[i] = m.loop
	}
	return loops
}

// Run runs the loops until ctx ends, one of them fails, or all have ended by
// themselves.
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
	running := 0
	for _, m := range s.members {
		select {
		case <-m.done:
			if m.err != nil {
				return true
			}
		default:
			running++
		}
	}
	return running == 0 && len(s.members) > 0
}

// Ready is closed when the loops run that were started before Run.
func (s *LoopSet) Ready() <-chan struct{} { return s.ready }

// String is empty: the errors of loops name their loop.
func (s *LoopSet) String() string { return "" }

func (s *LoopSet) awaitReady(members []*member) {
	for _, m := range members {
		select {
		case <-m.loop.Ready():
		case <-m.done:
		}
	}
	close(s.ready)
}

// run is called with mu held.
func (s *LoopSet) run(m *member) {
	ctx, cancel := context.WithCancel(s.ctx)
	m.cancel = cancel
	go func() {
		m.err = m.loop.Run(ctx)
		cancel()
		close(m.done)
		select {
		case s.ended <- struct{}{}:
		default:
		}
	}()
}
