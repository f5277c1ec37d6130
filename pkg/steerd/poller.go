package steerd

import (
	"context"
	"time"
)

const (
	// callLimit bounds one call to the outside. The callee has shorter limits of its
	// own.
	callLimit = 30 * time.Second
	// maxPollPause bounds the pause after failed polls.
	maxPollPause = 5 * time.Second
)

// poller reads one input of the loop in a goroutine of its own. It has no clock: the
// loop schedules the polls.
type poller[T any] struct {
	fetch       func(context.Context) (T, error) // nil: the input is not configured
	pauseFactor time.Duration                    // pause after an answer, in multiples of the time that it took

	queries chan struct{}
	answers chan answer[T]

	// State of the loop goroutine.
	pending  bool
	took     time.Duration // of the newest answer
	nextPoll time.Duration // no poll before
	value    T             // newest
	at       time.Duration // when it was true
	valid    bool          // value was read at least once
	fresh    bool          // no step has used value yet
	failures int           // in a row
	err      error         // of the newest answer
}

type answer[T any] struct {
	value T
	took  time.Duration
	err   error
}

func newPoller[T any](fetch func(context.Context) (T, error), pauseFactor time.Duration) poller[T] {
	return poller[T]{fetch: fetch, pauseFactor: pauseFactor, queries: make(chan struct{}, 1), answers: make(chan answer[T], 1)}
}

// run polls once for each query until queries is closed.
func (s *poller[T]) run(ctx context.Context) {
	for range s.queries {
		s.answers <- s.poll(ctx)
	}
}

func (s *poller[T]) poll(ctx context.Context) answer[T] {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	start := time.Now()
	value, err := s.fetch(ctx)
	return answer[T]{value: value, took: time.Since(start), err: err}
}

// schedule starts a poll when its answer should arrive just before the next step,
// which is step away.
func (s *poller[T]) schedule(now, step, wakeup time.Duration) {
	if s.fetch == nil || s.pending || now < s.nextPoll || step > s.took+wakeup+wakeup/2 {
		return
	}
	s.pending = true
	s.queries <- struct{}{}
}

// record stores an answer. Polls that keep failing become rarer.
func (s *poller[T]) record(now, interval time.Duration, a answer[T]) {
	s.pending, s.took, s.err = false, a.took, a.err
	if a.err != nil {
		s.failures++
		s.nextPoll = now + min(interval<<min(s.failures-1, 9), maxPollPause)
		return
	}
	s.failures = 0
	s.nextPoll = now + s.pauseFactor*a.took
	// The value was true at about half the time of the call.
	s.value, s.at, s.valid, s.fresh = a.value, now-a.took/2, true, true
}

// known reports whether there is a value that is not older than old.
func (s *poller[T]) known(now, old time.Duration) bool { return s.valid && now-s.at <= old }
