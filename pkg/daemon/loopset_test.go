package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/router"
)

// fakeLoop runs until it is told to end, or its context ends.
type fakeLoop struct {
	name    string
	openErr error
	opening time.Duration // how long Open takes
	end     chan error
	ready   chan struct{}
	opened  int
	runs    int
	closed  int
}

func newFakeLoop(name string) *fakeLoop {
	l := &fakeLoop{name: name, end: make(chan error, 1), ready: make(chan struct{})}
	close(l.ready)
	return l
}

func (l *fakeLoop) Name() string           { return l.name }
func (l *fakeLoop) Ready() <-chan struct{} { return l.ready }
func (l *fakeLoop) Close() error           { l.closed++; return nil }
func (l *fakeLoop) Open(ctx context.Context) error {
	l.opened++
	select {
	case <-time.After(l.opening):
		return l.openErr
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (l *fakeLoop) Run(ctx context.Context) error {
	l.runs++
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.end:
		return err
	}
}

// inBubble runs a set with the loops a and b, which run once, in virtual time.
func inBubble(t *testing.T, story func(t *testing.T, s *LoopSet, a, b *fakeLoop), ends bool, want error) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b := NewLoopSet(nil), newFakeLoop("a"), newFakeLoop("b")
		if err := s.Open(t.Context(), a, b); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		<-s.Ready()
		synctest.Wait()
		story(t, s, a, b)
		synctest.Wait()
		if got := len(ended) == 1; got != ends {
			t.Errorf("ended %v, want %v", got, ends)
		}
		cancel()
		if err := <-ended; !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, l := range []*fakeLoop{a, b} {
			if l.closed != 1 {
				t.Errorf("%s: closed %d times", l.name, l.closed)
			}
		}
	})
}

func TestLoopSet(t *testing.T) {
	failed := errors.New("failed")
	start := func(t *testing.T, s *LoopSet, l *fakeLoop) {
		t.Helper()
		if err := s.Start(l.name, func() Loop { return l }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
	for _, tt := range []struct {
		name  string
		story func(t *testing.T, s *LoopSet, a, b *fakeLoop)
		ends  bool // by itself
		want  error
	}{
		{"all end by themselves", func(_ *testing.T, _ *LoopSet, a, b *fakeLoop) { a.end <- nil; b.end <- nil }, true, nil},
		{"one ends by itself", func(_ *testing.T, _ *LoopSet, a, _ *fakeLoop) { a.end <- nil }, false, nil},
		{"one fails", func(_ *testing.T, _ *LoopSet, _, b *fakeLoop) { b.end <- failed }, true, failed},
		{"one is stopped", func(t *testing.T, s *LoopSet, a, _ *fakeLoop) {
			if err := s.Stop("a"); err != nil || a.closed != 1 {
				t.Errorf("error %v, closed %d times", err, a.closed)
			}
		}, false, nil},
		{"all are stopped, and others may come", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			if err := errors.Join(s.Stop("a"), s.Stop("b")); err != nil {
				t.Error(err)
			}
		}, false, nil},
		{"one is replaced", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			if err := s.Stop("a"); err != nil {
				t.Error(err)
			}
			fresh := newFakeLoop("a")
			start(t, s, fresh)
			if fresh.runs != 1 {
				t.Errorf("the new loop ran %d times", fresh.runs)
			}
		}, false, nil},
		{"a name that is taken", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			again := newFakeLoop("a")
			if err := s.Start("a", func() Loop { return again }); err == nil || again.opened != 0 {
				t.Errorf("error %v, opened %d times", err, again.opened)
			}
		}, false, nil},
		{"one that cannot be opened, of those that run once", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			good, bad, worse := newFakeLoop("c"), newFakeLoop("d"), newFakeLoop("e")
			bad.openErr, bad.opening, worse.openErr = failed, time.Minute, errors.New("later in their order")
			if err := s.Open(t.Context(), good, bad, worse); !errors.Is(err, failed) || len(s.States()) != 2 {
				t.Errorf("error %v, %d loops", err, len(s.States()))
			}
			if good.closed != 1 || bad.closed != 0 {
				t.Errorf("closed %d and %d times", good.closed, bad.closed)
			}
		}, false, nil},
		{"one that is not there", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			if s.Stop("c") == nil {
				t.Error("stopped")
			}
		}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { inBubble(t, tt.story, tt.ends, tt.want) })
	}
}

// lives makes the loops of one name, one after the other, and keeps them.
type lives struct {
	mu  sync.Mutex
	all []*fakeLoop
}

func (l *lives) next(name string, set func(n int, f *fakeLoop)) func() Loop {
	return func() Loop {
		l.mu.Lock()
		defer l.mu.Unlock()
		f := newFakeLoop(name)
		set(len(l.all), f)
		l.all = append(l.all, f)
		return f
	}
}

func (l *lives) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// A loop that has failed is opened again, ever later; the others run on.
func TestLoopSetStartsAgain(t *testing.T) {
	silent := fmt.Errorf("no answer: %w", router.ErrUnreachable)
	absent := fmt.Errorf("no queue: %w", router.ErrNotFound)
	for _, tt := range []struct {
		name   string
		err    error
		pauses []time.Duration
	}{
		{"a router that does not answer", silent, []time.Duration{backoff.First, 2 * backoff.First, 4 * backoff.First}},
		{"a queue that is absent", absent, []time.Duration{backoff.FirstRefusal, 2 * backoff.FirstRefusal, 4 * backoff.FirstRefusal}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *LoopSet, a, _ *fakeLoop) {
				var l lives
				if err := s.Start("c", l.next("c", func(n int, f *fakeLoop) {
					if n < 2 {
						f.openErr = tt.err
					}
				})); err != nil {
					t.Fatal(err)
				}
				for i, pause := range tt.pauses[:2] {
					synctest.Wait()
					if st, ok := s.State("c"); !ok || st.Open || !errors.Is(st.Err, tt.err) {
						t.Errorf("attempt %d: state %+v", i, st)
					}
					time.Sleep(pause - 1)
					synctest.Wait()
					if l.count() != i+1 {
						t.Errorf("%d attempts before the pause is over, want %d", l.count(), i+1)
					}
					time.Sleep(time.Nanosecond)
				}
				synctest.Wait()
				if st, _ := s.State("c"); !st.Open || st.Err != nil {
					t.Errorf("state %+v after the third attempt", st)
				}
				// A failure soon after counts as the third one.
				l.all[2].end <- tt.err
				synctest.Wait()
				time.Sleep(tt.pauses[2] - 1)
				synctest.Wait()
				if l.count() != 3 || l.all[2].closed != 1 {
					t.Errorf("%d attempts, the third closed %d times", l.count(), l.all[2].closed)
				}
				s.Retry() // somebody has changed something
				synctest.Wait()
				if l.count() != 4 || l.all[3].runs != 1 {
					t.Errorf("%d attempts after Retry", l.count())
				}
				// After a minute of work it is the first one again; ending without an error is one too.
				time.Sleep(steadyAfter)
				l.all[3].end <- nil
				synctest.Wait()
				if st, _ := s.State("c"); !errors.Is(st.Err, errEnded) {
					t.Errorf("state %+v", st)
				}
				time.Sleep(backoff.FirstRefusal)
				synctest.Wait()
				if l.count() != 5 || a.closed != 0 {
					t.Errorf("%d attempts; the other loop was closed %d times", l.count(), a.closed)
				}
				if err := s.Stop("c"); err != nil || l.all[4].closed != 1 {
					t.Errorf("error %v, closed %d times", err, l.all[4].closed)
				}
				if _, ok := s.State("c"); ok {
					t.Error("still there")
				}
			}, false, nil)
		})
	}
}

// A panic while a loop is opened is a failure of that loop.
func TestLoopSetPanic(t *testing.T) {
	inBubble(t, func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
		if err := s.Start("c", func() Loop { return panicking{newFakeLoop("c")} }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st, _ := s.State("c"); st.Err == nil || st.Err.Error() != "panic: at the table" {
			t.Errorf("state %+v", st)
		}
	}, false, nil)
}

type panicking struct{ *fakeLoop }

func (panicking) Open(context.Context) error { panic("at the table") }

// Hundreds of loops whose routers do not answer hold up nobody, and no more than
// openSlots are opened at a time otherwise.
func TestLoopSetOpensSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewLoopSet(nil)
		ctx, cancel := context.WithCancel(t.Context())
		var quick []*fakeLoop
		for i := range 300 {
			l := newFakeLoop(fmt.Sprint(i))
			if l.opening = 10 * time.Millisecond; i < 200 {
				l.opening, l.openErr = 3*time.Second, router.ErrUnreachable
			} else {
				quick = append(quick, l)
			}
			if err := s.Start(l.name, func() Loop { return l }); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		// 200 loops keep a slot for a second each.
		time.Sleep(200/openSlots*openSlotTime + openSlotTime + 100*time.Millisecond)
		synctest.Wait()
		if i := slices.IndexFunc(quick, func(l *fakeLoop) bool { return l.runs != 1 }); i >= 0 {
			t.Errorf("loop %s has run %d times after %v", quick[i].name, quick[i].runs, time.Since(began))
		}
		<-s.Ready()
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("all have been tried after %v", took)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
