package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counts implements Counter.
type counts struct{ sent, failed, superseded atomic.Int64 }

func (c *counts) Sent()       { c.sent.Add(1) }
func (c *counts) Failed()     { c.failed.Add(1) }
func (c *counts) Superseded() { c.superseded.Add(1) }

// fake is a receiver in virtual time.
type fake struct {
	mu    sync.Mutex
	err   error
	takes time.Duration // as long as an attempt takes, unless its context ends
	tries []string      // time and change of each attempt
	began time.Time
}

func (f *fake) Name() string { return "fake" }

func (f *fake) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fake) Send(ctx context.Context, e Event) error {
	f.mu.Lock()
	f.tries = append(f.tries, fmt.Sprintf("%v %s>%s", time.Since(f.began).Round(10*time.Millisecond), e.Old, e.New))
	takes, err := f.takes, f.err
	f.mu.Unlock()
	select {
	case <-time.After(takes):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) attempts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.tries...)
}

// rig runs a Notifier for a loop whose status is set.
type rig struct {
	*Notifier
	status atomic.Pointer[Status]
	count  counts
	log    bytes.Buffer
	stop   func() time.Duration // of the run; returns how long that took
}

func (r *rig) set(change ...func(*Status)) { r.status.Store(healthy(0, change...)) }

func startRig(t *testing.T, s Settings) *rig {
	r := &rig{}
	r.set()
	if s.Kinds == nil {
		s.Kinds = []Kind{State, Outage, Loop}
	}
	var mu sync.Mutex
	r.Notifier = New(Config{
		WAN: "cable", Version: "v1", Log: slog.New(slog.NewTextHandler(lockedWriter{&mu, &r.log}, nil)),
		Sample: func(context.Context) Status { return *r.status.Load() },
		Count:  func(string) Counter { return &r.count },
	}, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	r.stop = func() time.Duration {
		began := time.Now()
		cancel()
		<-done
		return time.Since(began)
	}
	time.Sleep(500 * time.Millisecond) // half a sample: nothing else acts when the test does
	return r
}

type lockedWriter struct {
	*sync.Mutex
	*bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	return w.Buffer.Write(p)
}

func TestNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{began: time.Now()}
		r := startRig(t, Settings{For: 3 * time.Second, Receivers: []Receiver{f}})
		time.Sleep(5 * time.Second)
		r.set(red)
		time.Sleep(10 * time.Second)
		if took := r.stop(); took != 0 {
			t.Errorf("a receiver that is quick held up the end for %v", took)
		}
		want := []string{"1s stopped>running", "9s GREEN>RED", "15.5s running>stopped"}
		if diff := cmp.Diff(want, f.attempts()); diff != "" {
			t.Error(diff)
		}
		if r.count.sent.Load() != 3 || r.count.failed.Load() != 0 {
			t.Errorf("counted %d sent, %d failed", r.count.sent.Load(), r.count.failed.Load())
		}
	})
}

// A receiver that was away for two hours learns what is so, and the log and the attempts
// are few.
func TestReceiverAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{began: time.Now(), err: errors.New("connection refused")}
		r := startRig(t, Settings{Receivers: []Receiver{f}, Kinds: []Kind{State}})
		for range 720 {
			r.set(red)
			time.Sleep(5 * time.Second)
			r.set(yellow)
			time.Sleep(5 * time.Second)
		}
		f.set(nil)
		time.Sleep(6 * time.Minute)
		tries := f.attempts()
		if last := tries[len(tries)-1]; !strings.HasSuffix(last, " RED>YELLOW") || r.count.sent.Load() != 1 {
			t.Errorf("last attempt %q, %d sent", last, r.count.sent.Load())
		}
		if n := len(tries); n < 20 || n > 50 {
			t.Errorf("%d attempts in two hours", n)
		}
		if n := r.count.superseded.Load(); n != 1439 {
			t.Errorf("%d of 1440 events superseded", n)
		}
		r.stop()
		if n := strings.Count(r.log.String(), "\n"); n != 2 || !strings.Contains(r.log.String(), "delivered again") {
			t.Errorf("%d lines of log:\n%s", n, r.log.String())
		}
	})
}

// A refused event is not tried again, and the next one is.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{began: time.Now(), err: refusal("answer 403")}
		r := startRig(t, Settings{Receivers: []Receiver{f}})
		time.Sleep(5 * time.Second)
		r.set(red)
		time.Sleep(time.Hour)
		want := []string{"1s stopped>running", "6s GREEN>RED"}
		if diff := cmp.Diff(want, f.attempts()); diff != "" {
			t.Error(diff)
		}
		r.stop()
	})
}

// A receiver that never answers holds up neither another one, nor the end for more than a
// second.
func TestReceiverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, works := &fake{began: time.Now(), takes: 24 * time.Hour}, &fake{began: time.Now()}
		r := startRig(t, Settings{Receivers: []Receiver{hangs, works}})
		time.Sleep(5 * time.Second)
		r.set(silent)
		time.Sleep(5 * time.Second)
		if diff := cmp.Diff([]string{"1s stopped>running", "6s up>down"}, works.attempts()); diff != "" {
			t.Error(diff)
		}
		if took := r.stop(); took != endGrace {
			t.Errorf("the end took %v", took)
		}
		if text := r.log.String(); !strings.Contains(text, "not accepted within 1s of the end") || strings.Contains(text, "context") {
			t.Errorf("log:\n%s", text)
		}
	})
}

func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Settings{})
		time.Sleep(time.Hour)
		first, second := &fake{began: time.Now()}, &fake{began: time.Now()}
		r.Replace(Settings{Receivers: []Receiver{first}, Kinds: []Kind{State, Loop}})
		time.Sleep(5*time.Second + 100*time.Millisecond)
		r.Replace(Settings{Receivers: []Receiver{second}, Kinds: []Kind{State}})
		time.Sleep(100 * time.Millisecond)
		r.set(red)
		time.Sleep(5 * time.Second)
		r.stop()
		if diff := cmp.Diff([]string{"1s stopped>running"}, first.attempts()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"6.1s GREEN>RED"}, second.attempts()); diff != "" {
			t.Error(diff)
		}
	})
}

// An attempt that failed may have arrived: what the receiver has is not known, and the
// newest state is delivered though the one before it never was.
func TestFailedAttemptArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{began: time.Now()}
		r := startRig(t, Settings{Receivers: []Receiver{f}, Kinds: []Kind{State}})
		time.Sleep(5 * time.Second)
		r.set(red)
		time.Sleep(5 * time.Second)
		f.set(errors.New("no answer within 10s")) // but it has the event
		r.set()
		time.Sleep(60 * time.Second)
		r.set(red)
		time.Sleep(time.Second)
		f.set(nil)
		time.Sleep(6 * time.Minute)
		tries := f.attempts()
		if last := tries[len(tries)-1]; !strings.HasSuffix(last, " GREEN>RED") || r.count.sent.Load() != 2 {
			t.Errorf("%d sent, attempts %q", r.count.sent.Load(), tries)
		}
		r.stop()
	})
}

// A reload that mends the address of a receiver has the new one deliver what the old one
// could not; a refused event is not among that.
func TestReplaceDeliversWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &fake{began: time.Now()}, &fake{began: time.Now()}
		r := startRig(t, Settings{Receivers: []Receiver{first}, Kinds: []Kind{State, Outage}})
		time.Sleep(5 * time.Second)
		first.set(errors.New("connection refused"))
		r.set(red, silent)
		time.Sleep(5 * time.Second)
		r.set(silent)
		time.Sleep(20 * time.Second)
		r.Replace(Settings{Receivers: []Receiver{second}, Kinds: []Kind{State, Outage}})
		time.Sleep(5 * time.Second)
		r.stop()
		if diff := cmp.Diff([]string{"30.5s up>down", "30.5s RED>GREEN"}, second.attempts()); diff != "" {
			t.Error(diff)
		}
	})
}
