package rtt

import (
	"testing"
	"time"
)

func TestLateness(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name            string
		late, threshold time.Duration
		from, to        time.Duration // in which what is measured is discarded, of 5 s of steps
	}{
		{"in time", 0, 3 * ms, 0, 0},
		{"a little late", 3 * ms, 3 * ms, 0, 0},
		{"late", 4 * ms, 3 * ms, 50 * ms, 2050 * ms},
		{"less than could pass for a queue", 4 * ms, 9 * ms, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l Lateness
			for now := 50 * ms; now < 5*time.Second; now += 50 * ms {
				if got, want := l.Discard(now, tt.late, tt.threshold), now >= tt.from && now < tt.to; got != want {
					t.Errorf("at %v: discarded %v", now, got)
				}
			}
			if l.Discard(5*time.Second, 0, 0) {
				t.Error("a step in time is discarded")
			}
			if !l.Discard(6*time.Second, 100*ms, tt.threshold) {
				t.Error("a late step after one in time is not discarded")
			}
		})
	}
}
