package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// fakeLoop runs until it is told to end, or its context ends.
type fakeLoop struct {
	name    string
	openErr error
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

func (l *fakeLoop) Name() string               { return l.name }
func (l *fakeLoop) Open(context.Context) error { l.opened++; return l.openErr }
func (l *fakeLoop) Ready() <-chan struct{}     { return l.ready }
func (l *fakeLoop) Close() error               { l.closed++; return nil }
func (l *fakeLoop) Run(ctx context.Context) error {
	l.runs++
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.end:
		return err
	}
}

func TestLoopSet(t *testing.T) {
	failed := errors.New("failed")
	start := func(t *testing.T, s *LoopSet, loops ...*fakeLoop) {
		t.Helper()
		for _, l := range loops {
			if err := s.Start(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
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
			synctest.Wait()
			if fresh.runs != 1 {
				t.Errorf("the new loop ran %d times", fresh.runs)
			}
		}, false, nil},
		{"a name that is taken", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			if again := newFakeLoop("a"); s.Start(t.Context(), again) == nil || again.opened != 0 {
				t.Errorf("opened %d times", again.opened)
			}
		}, false, nil},
		{"one that cannot be opened", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			bad := newFakeLoop("c")
			bad.openErr = failed
			if err := s.Start(t.Context(), bad); !errors.Is(err, failed) || len(s.Loops()) != 2 {
				t.Errorf("error %v, %d loops", err, len(s.Loops()))
			}
		}, false, nil},
		{"one that is not there", func(t *testing.T, s *LoopSet, _, _ *fakeLoop) {
			if s.Stop("c") == nil {
				t.Error("stopped")
			}
		}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, a, b := NewLoopSet(), newFakeLoop("a"), newFakeLoop("b")
				start(t, s, a, b)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- s.Run(ctx) }()
				<-s.Ready()
				synctest.Wait()
				tt.story(t, s, a, b)
				synctest.Wait()
				if got := len(ended) == 1; got != tt.ends {
					t.Errorf("ended %v, want %v", got, tt.ends)
				}
				cancel()
				if err := <-ended; !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				loops := s.Loops()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				for _, l := range []*fakeLoop{a, b} {
					if l.closed != 1 {
						t.Errorf("%s: closed %d times, in the set at the end: %v", l.name, l.closed, slices.Contains(loops, Loop(l)))
					}
				}
			})
		})
	}
}
