package steerd

import (
	"context"
	"time"
)

const (
	// callLimit bounds one question to the outside; what is asked has limits of
	// its own, shorter ones.
	callLimit = 30 * time.Second
	// askPause bounds the pause after questions that failed.
	askPause = 5 * time.Second
)

// sense is one thing that the loop wants to know, and the goroutine that finds
// it out. It has no clock of its own: the loop knows best when to look.
type sense[T any] struct {
	find func(context.Context) (T, error) // nil: there is nothing to ask
	rest time.Duration                    // pause after an answer, in times that it took

	asks    chan struct{}
	answers chan answer[T]

	// State of the loop goroutine.
	asking   bool
	took     time.Duration // by the newest answer
	askAt    time.Duration // no question before
	value    T             // newest
	at       time.Duration // when it was true
	ever     bool          // value was found out
	fresh    bool          // no step has seen value yet
	failures int           // in a row
	err      error         // of the newest answer
}

type answer[T any] struct {
	value T
	took  time.Duration
	err   error
}

func newSense[T any](find func(context.Context) (T, error), rest time.Duration) sense[T] {
	return sense[T]{find: find, rest: rest, asks: make(chan struct{}, 1), answers: make(chan answer[T], 1)}
}

// run answers questions until there will be no more.
func (s *sense[T]) run(ctx context.Context) {
	for range s.asks {
		s.answers <- s.look(ctx)
	}
}

func (s *sense[T]) look(ctx context.Context) answer[T] {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	start := time.Now()
	value, err := s.find(ctx)
	return answer[T]{value: value, took: time.Since(start), err: err}
}

// ask asks when the answer would be there for the step that is so far away, and
// not much earlier.
func (s *sense[T]) ask(now, step, beat time.Duration) {
	if s.find == nil || s.asking || now < s.askAt || step > s.took+beat+beat/2 {
		return
	}
	s.asking = true
	s.asks <- struct{}{}
}

// take takes in an answer. What keeps failing is asked less and less often.
func (s *sense[T]) take(now, interval time.Duration, a answer[T]) {
	s.asking, s.took, s.err = false, a.took, a.err
	if a.err != nil {
		s.failures++
		s.askAt = now + min(interval<<min(s.failures-1, 9), askPause)
		return
	}
	s.failures = 0
	s.askAt = now + s.rest*a.took
	// It was true about when half the time had passed.
	s.value, s.at, s.ever, s.fresh = a.value, now-a.took/2, true, true
}

// known reports whether the newest value is not older than that.
func (s *sense[T]) known(now, old time.Duration) bool { return s.ever && now-s.at <= old }
