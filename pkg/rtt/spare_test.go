package rtt

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The reported baseline does not jump when far reflectors replace near ones, and moves
// to the real one within half an hour.
func TestReplacementKeepsTheReportedBaseline(t *testing.T) {
	distances := []time.Duration{20 * ms, 22 * ms, 24 * ms, 70 * ms, 75 * ms}
	for _, tt := range []struct {
		name     string
		silent   bool // the replaced ones stop answering before
		from, to []int
		want     time.Duration // real combined baseline in the end
	}{
		{"farther", false, []int{0, 1, 2}, []int{2, 3, 4}, 70 * ms},
		{"farther, after silence", true, []int{0, 1, 2}, []int{2, 3, 4}, 70 * ms},
		{"nearer", false, []int{2, 3, 4}, []int{0, 1, 2}, 22 * ms},
		{"one of three", true, []int{0, 1, 2}, []int{0, 1, 4}, 22 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Path{Interval: 50 * ms}
			var seq [5]uint32
			now := time.Duration(0)
			reported := time.Duration(0)
			tick := func(used []int, spares, silent map[int]bool, bridging bool) {
				for i := range distances {
					kind := Kind(0)
					for _, u := range used {
						if u == i {
							kind = Sent
						}
					}
					if spares[i] {
						kind = Spare
					}
					if kind == 0 {
						continue
					}
					p.Observe(Event{At: now, Kind: kind, Seq: seq[i], Reflector: uint8(i)}, true)
					if !silent[i] {
						p.Observe(reply(now+distances[i], uint8(i), seq[i], distances[i]), true)
					}
					seq[i]++
				}
				now += 50 * ms
				v := p.View(now + 100*ms)
				got := v.Base - v.Farther
				if reported > 0 && !bridging && (got-reported).Abs() > ms {
					t.Fatalf("%v: reported baseline %v after %v", now, got, reported)
				}
				if v.Excess > ms {
					t.Fatalf("%v: excess %v", now, v.Excess)
				}
				reported = got
			}
			leaving, joining := map[int]bool{}, map[int]bool{}
			for _, i := range tt.from {
				leaving[i] = true
			}
			for _, i := range tt.to {
				joining[i] = !leaving[i]
				delete(leaving, i)
			}
			for range 100 {
				tick(tt.from, nil, nil, false)
			}
			first := reported
			silent := map[int]bool{}
			if tt.silent {
				silent = leaving
			}
			for range 60 { // trial
				tick(tt.from, joining, silent, true)
			}
			if !tt.silent && (reported-first).Abs() > ms {
				t.Fatalf("reported baseline %v during the trial, %v before", reported, first)
			}
			tick(tt.to, leaving, silent, true)
			if (reported - first).Abs() > ms {
				t.Fatalf("reported baseline %v after the replacement, %v before", reported, first)
			}
			for range 45 * 60 * 20 {
				tick(tt.to, nil, nil, false)
			}
			if (reported - tt.want).Abs() > ms {
				t.Errorf("reported baseline %v in the end, want %v", reported, tt.want)
			}
		})
	}
}

func TestSparesTakeTurns(t *testing.T) {
	for _, tt := range []struct {
		n        int
		interval time.Duration
		period   time.Duration
	}{
		{7, 50 * ms, 7 * time.Second},
		{4, 30 * ms, 4 * 1020 * ms}, // whole intervals
		{64, 5 * time.Second, 320 * time.Second},
	} {
		plan := Plan{Interval: tt.interval}
		var first []time.Duration
		for _, s := range plan.Spares(tt.n) {
			if s.Interval != tt.period || s.First%tt.interval != 0 {
				t.Errorf("%d spares at %v: %+v, want every %v on multiples of the interval", tt.n, tt.interval, s, tt.period)
			}
			first = append(first, s.First)
		}
		for i := range first[1:] {
			if gap := first[i+1] - first[i]; gap != tt.period/time.Duration(tt.n) {
				t.Errorf("%d spares at %v: %v between two of them", tt.n, tt.interval, gap)
			}
		}
	}
}

// Reflectors behind a firewall that lets few echoes through are reported, whether
// there are spares or not; outages and losses of a congested line are not.
func TestEchoLimit(t *testing.T) {
	const at = time.Hour + time.Minute
	every := func(n int) func(i int, now time.Duration) bool {
		return func(_ int, now time.Duration) bool { return now/ProbeInterval%time.Duration(n) != 0 }
	}
	for _, tt := range []struct {
		name      string
		operators string
		lost      func(i int, now time.Duration) bool
		want      EchoLimit
	}{
		{"none", "a b c", func(int, time.Duration) bool { return false }, EchoLimit{Used: 3}},
		{"path", "a b c", every(4), EchoLimit{Limited: 3, Used: 3, Path: true, Rate: 15, Sent: 60}},
		{"path, with spares", "a b c d e", every(4), EchoLimit{Limited: 3, Used: 3, Path: true, Rate: 15, Sent: 60}},
		{"one without a spare", "a b c", func(i int, now time.Duration) bool { return i == 1 && every(4)(i, now) }, EchoLimit{Limited: 1, Used: 3, Rate: 5, Sent: 20}},
		{"one with a spare", "a b c d", func(i int, now time.Duration) bool { return i == 1 && every(4)(i, now) }, EchoLimit{Used: 3}},
		// The probes of all leave at once: the first ones use up what the limit allows.
		{"path that starves one", "a b c", func(i int, now time.Duration) bool { return i == 2 || every(4)(i, now) }, EchoLimit{Limited: 2, Used: 3, Path: true, Rate: 10, Sent: 60}},
		{"a third lost", "a b c", func(i int, now time.Duration) bool { return !every(3)(i, now) }, EchoLimit{Used: 3}},
		{"outage", "a b c", func(int, time.Duration) bool { return true }, EchoLimit{Used: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPanel(tt.operators, func(i int, now time.Duration) time.Duration {
				if now >= at && tt.lost(i, now) {
					return 0
				}
				return near(i)
			})
			p.run(time.Minute + limitedAfter/2)
			if got := p.EchoLimit(p.now); got.Limited != 0 {
				t.Errorf("too early: %+v", got)
			}
			p.run(time.Minute)
			got := p.EchoLimit(p.now)
			got.Rate = float64(int(got.Rate/5+0.5)) * 5
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			p.answer = func(i int, _ time.Duration) time.Duration { return near(i) }
			p.run(10 * time.Second)
			if got := p.EchoLimit(p.now); got.Limited != 0 {
				t.Errorf("after it ended: %+v", got)
			}
		})
	}
}

func TestSelectionDoesNotAllocate(t *testing.T) {
	p := newPanel("a b c d e f", func(i int, _ time.Duration) time.Duration { return near(i) })
	p.run(time.Minute)
	if got := testing.AllocsPerRun(1000, func() {
		p.Observe(Event{At: p.now, Kind: Sent, Seq: 1})
		p.Observe(Event{At: p.now, Kind: Reply, Seq: 1, RTT: near(0)})
		p.Review(p.now)
		p.EchoLimit(p.now)
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
