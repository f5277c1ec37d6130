package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/router"
)

// steadyAfter is how long a loop has to run for its next failure to count as the
// first one.
const steadyAfter = time.Minute

// errEnded is the failure of a loop that has ended by itself without an error.
var errEnded = errors.New("it has ended by itself")

// run is called with mu held.
func (s *LoopSet) run(m *member) {
	ctx, cancel := context.WithCancel(s.ctx)
	m.cancel = cancel
	go func() {
		if m.make == nil {
			m.err = runLoop(ctx, m.state.Loop, m.setTried) // Stop or Close closes it
		} else {
			s.keep(ctx, m)
		}
		cancel()
		close(m.done)
		select {
		case s.ended <- struct{}{}:
		default:
		}
	}()
}

// open opens a loop when it has a slot. A panic is an error.
func (s *LoopSet) open(ctx context.Context, l Loop) error {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	slot := time.AfterFunc(openSlotTime, func() { <-s.slots })
	defer func() {
		if slot.Stop() {
			<-s.slots
		}
	}()
	return supervisor.Recover(func() error { return l.Open(ctx) })
}

// runLoop runs a loop that is open, and calls onReady when it is ready.
func runLoop(ctx context.Context, l Loop, onReady func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.Ready():
			onReady()
		case <-ctx.Done():
		}
	}()
	return l.Run(ctx)
}

// keep opens and runs the loop of m, again after each failure, until ctx ends.
func (s *LoopSet) keep(ctx context.Context, m *member) {
	failures, last := 0, ""
	for l := m.state.Loop; ; l = m.make() {
		began := time.Now()
		failed := last != ""
		err := s.attempt(ctx, m, l, func() {
			m.setTried()
			if failed {
				s.log.Info("the loop runs", "loop", m.name)
			}
		})
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= steadyAfter {
			failures, last = 0, ""
		}
		failures++
		pause := restartDelay(err, failures)
		if text := err.Error(); text != last {
			last = text
			s.log.Error("a loop does not run: it is started again until it does", "loop", m.name, "error", err, "next", pause.String())
		}
		retry := s.failed(m, LoopState{Loop: l, Err: err, Since: time.Now()})
		m.setTried()
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-retry:
		}
		timer.Stop()
	}
}

// failed records the state of a loop that has failed, and returns the channel that
// Retry closes next.
func (s *LoopSet) failed(m *member, st LoopState) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.state = st
	return s.retry
}

// attempt opens l, runs it until it ends, and closes it. It calls onReady when l is ready.
func (s *LoopSet) attempt(ctx context.Context, m *member, l Loop, onReady func()) error {
	if err := s.open(ctx, l); err != nil {
		return err
	}
	s.mu.Lock()
	m.state = LoopState{Loop: l, Open: true, Since: time.Now()}
	s.mu.Unlock()
	err := runLoop(ctx, l, onReady)
	if err == nil && ctx.Err() == nil {
		err = errEnded
	}
	return errors.Join(err, s.close(m))
}

// restartDelay returns the pause after the nth failure in a row. A router that does
// not answer may be back in seconds. What was an answer stays so until somebody
// changes something, and each attempt is a login in the router's log.
func restartDelay(err error, n int) time.Duration {
	if errors.Is(err, router.ErrUnreachable) || errors.Is(err, router.ErrOutcomeUnknown) {
		return backoff.Delay(n)
	}
	return backoff.RefusalDelay(n)
}
