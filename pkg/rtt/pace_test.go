package rtt

import (
	"testing"
	"time"
)

const paceTick = 50 * time.Millisecond

// spent runs p from one time to another and returns for how long probes were slow.
func spent(p *Pace, from, to time.Duration, loaded, delayed func(t time.Duration) bool) (slow time.Duration) {
	for now := from; now < to; now += paceTick {
		if p.Update(now, loaded(now), delayed(now), false) {
			slow += paceTick
		}
	}
	return slow
}

func never(time.Duration) bool { return false }

func TestPace(t *testing.T) {
	const minute, hour = time.Minute, time.Hour
	at := func(times ...time.Duration) func(time.Duration) bool {
		return func(now time.Duration) bool {
			for _, t := range times {
				if now == t {
					return true
				}
			}
			return false
		}
	}
	from := func(t time.Duration) func(time.Duration) bool {
		return func(now time.Duration) bool { return now >= t }
	}
	for _, tt := range []struct {
		name            string
		loaded, delayed func(time.Duration) bool
		slow            time.Duration // of an hour
		within          time.Duration
	}{
		{"idle", never, never, hour - minute, 0},
		{"busy", from(0), never, 0, 0},
		{"a moment of load", at(30 * minute), never, hour - 2*minute, paceTick},
		{"a delay for a moment", never, at(30 * minute), hour - minute - checkFor, paceTick},
		{"a delay for good", never, from(30 * minute), 29 * minute, paceTick},
		{"delays in the first minute", never, at(10*time.Second, 20*time.Second), hour - minute, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := spent(new(Pace), 0, hour, tt.loaded, tt.delayed); (got - tt.slow).Abs() > tt.within {
				t.Errorf("slow for %v, want %v", got, tt.slow)
			}
		})
	}
}

// Load is answered by the very step that sees it.
func TestPaceWakesAtOnce(t *testing.T) {
	var p Pace
	spent(&p, 0, time.Hour, never, never)
	if !p.Slow() || p.Update(time.Hour, true, false, false) || p.Slow() {
		t.Error("slow under load")
	}
	if p.Update(time.Hour+quietFor-1, false, false, false) || !p.Update(time.Hour+quietFor, false, false, false) {
		t.Error("a minute after the load it is not slow")
	}
}

// A line that only delays slow probes is not probed at full rate for ever, nor is the
// delay that a queue makes ignored: the second look comes soon, the tenth does not.
func TestPaceSlowsDown(t *testing.T) {
	var p Pace
	slow := time.Duration(0)
	for now := time.Duration(0); now < 12*time.Hour; now += paceTick {
		if p.Update(now, false, p.Slow(), false) {
			slow += paceTick
		}
	}
	if share := float64(slow) / float64(12*time.Hour); share < 0.97 {
		t.Errorf("slow for %.3f of the time", share)
	}
	if p.pause != maxCheckPause {
		t.Errorf("pause %v", p.pause)
	}
	p.Update(12*time.Hour, true, false, false)
	if p.pause != 0 {
		t.Errorf("pause %v after load", p.pause)
	}
}

// A spent budget beats load, and its end brings back what the load asks for.
func TestPaceWithoutBudget(t *testing.T) {
	var p Pace
	if !p.Update(0, true, true, true) || p.Update(paceTick, true, false, false) || !p.Update(2*paceTick, false, false, true) || p.Update(3*paceTick, false, false, false) {
		t.Error("the budget does not decide")
	}
}
