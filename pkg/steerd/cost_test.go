package steerd

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// latest copies the newest step.
type latest struct{ step *Step }

// Observe implements Observer.
func (o latest) Observe(e Event) {
	if step, ok := e.(*Step); ok {
		*o.step = *step
	}
}

// steady is a loop of which every tick is a step with new readings.
func steady() *Loop {
	w := newWorld()
	l := New(config(w, latest{new(Step)}, func(c *Config) { c.Alive = func() {} }))
	l.handleResult(result{})
	return l
}

func (l *Loop) steadyTick() {
	now := l.now()
	answers(l, now, &l.path, Reading{Baseline: 20 * time.Millisecond, RTT: 22 * time.Millisecond, Source: "loop"})
	answers(l, now, &l.meter, [2]steering.Counters{{Dropped: 7}})
	answers(l, now, &l.alternate, AlternateReading{Condition: steering.AlternateGood})
	l.rule.unseen = true
	l.stepAt = now
	l.tick()
}

func answers[T any](l *Loop, now time.Duration, s *poller[T], v T) {
	if s.pending {
		<-s.queries
	}
	s.record(now, l.cfg.Interval, answer[T]{value: v})
}

func BenchmarkTick(b *testing.B) {
	l := steady()
	b.ReportAllocs()
	for b.Loop() {
		l.steadyTick()
		l.rule.readAt = l.now() + time.Second // no worker runs
	}
}

func TestTickAllocatesNothing(t *testing.T) {
	l := steady()
	steps := l.steps
	if allocs := testing.AllocsPerRun(1000, l.steadyTick); allocs != 0 {
		t.Errorf("a steady tick allocates %v times", allocs)
	}
	if n := l.steps - steps; n != 1001 || l.dec.Congestion != steering.Green {
		t.Errorf("%d steps, %v", n, l.dec.Congestion)
	}
}
