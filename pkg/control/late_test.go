package control

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// betweenTicks is added to whole ticks, for two goroutines that are due at the same
// instant run in any order.
const betweenTicks = 25 * time.Millisecond

// stall keeps the loop from running for a while after each tick, as a busy processor
// does, and lets round trips take longer meanwhile.
type stall struct {
	w       *world
	on      atomic.Bool
	blocked time.Duration
	queue   bool // round trips stay long, as behind a queue
}

// Observe implements Observer.
func (o *stall) Observe(e Event) {
	if _, end := e.(*TickEnd); !end || !o.on.Load() {
		return
	}
	o.w.set(func(w *world) { w.lag = 30 * time.Millisecond })
	time.Sleep(o.blocked)
	if o.blocked > 0 && !o.queue {
		o.w.set(func(w *world) { w.lag = 0 })
	}
}

// Round trips that are long because this host was late are no reason to cut: the loop
// notices that it was late, in ticks or between them. The same round trips
// measured in time are a reason.
func TestLateMeasurementsAreDiscarded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stall time.Duration
		cut   bool
	}{
		{"in time", 0, true},
		{"between two ticks", 40 * time.Millisecond, false},
		{"over a tick", 70 * time.Millisecond, false},
		{"over many ticks", 330 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := named("fixed-download")
				w := newWorld(t, sc.Config(1))
				o := &stall{w: w, blocked: tt.stall}
				l, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
				defer stop()
				time.Sleep(20*time.Second + betweenTicks)
				before := w.limit(autorate.Download)
				for range 10 {
					o.on.Store(true)
					time.Sleep(300 * time.Millisecond)
					o.on.Store(false)
					w.set(func(w *world) { w.lag = 0 })
					time.Sleep(2 * time.Second)
				}
				status, err := l.Status(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				cut := w.limit(autorate.Download) < before*9/10
				if cut != tt.cut {
					t.Errorf("limit %v, before %v", w.limit(autorate.Download), before)
				}
				if late := status.Late > 0; late != (tt.stall > 0) {
					t.Errorf("%d ticks discarded what was measured", status.Late)
				}
			})
		})
	}
}

// A host that is always late is not blind: a queue that stands is cut.
func TestAlwaysLateHostCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("fixed-download")
		w := newWorld(t, sc.Config(1))
		o := &stall{w: w, blocked: 70 * time.Millisecond, queue: true}
		l, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
		defer stop()
		time.Sleep(20 * time.Second)
		before := w.limit(autorate.Download)
		o.on.Store(true)
		lowest := before
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			lowest = min(lowest, w.limit(autorate.Download))
		}
		status, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if lowest > before*9/10 {
			t.Errorf("limit %v, before %v; %d of %d ticks discarded what was measured", lowest, before, status.Late, status.Ticks)
		}
	})
}
