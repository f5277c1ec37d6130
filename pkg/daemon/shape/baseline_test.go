package shape

import (
	"testing"
	"time"
)

func TestBaselineJumps(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, tt := range []struct {
		name     string
		baseline func(at time.Duration) time.Duration
		jumps    int
	}{
		{"steady", func(time.Duration) time.Duration { return 20 * ms }, 0},
		{"learned at the start", func(at time.Duration) time.Duration { return 20*ms + max(0, 30*s-at)/1000 }, 0},
		{"a longer route", func(at time.Duration) time.Duration {
			if at > 5*time.Minute {
				return 40 * ms
			}
			return 20 * ms
		}, 1},
		{"a longer route, learned within seconds", func(at time.Duration) time.Duration {
			return 20*ms + min(max(0, at-5*time.Minute), 20*s)/100
		}, 1},
		{"there and back", func(at time.Duration) time.Duration {
			if at > 5*time.Minute && at < 10*time.Minute {
				return 270 * ms
			}
			return 20 * ms
		}, 2},
		{"by half", func(at time.Duration) time.Duration {
			if at > 5*time.Minute {
				return 9 * ms
			}
			return 20 * ms
		}, 1},
		{"by half of next to nothing", func(at time.Duration) time.Duration {
			if at > 5*time.Minute {
				return 2 * ms
			}
			return 1 * ms
		}, 0},
		{"less than half", func(at time.Duration) time.Duration {
			if at > 5*time.Minute {
				return 38 * ms
			}
			return 26 * ms
		}, 0},
		{"drift", func(at time.Duration) time.Duration { return 20*ms + at/60000 }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w baselineWatch
			jumps := 0
			for at := time.Duration(0); at < 20*time.Minute; at += 50 * ms {
				if from, jumped := w.jumped(at, tt.baseline(at)); jumped {
					jumps++
					if from == 0 {
						t.Errorf("from nothing at %v", at)
					}
				}
			}
			if jumps != tt.jumps {
				t.Errorf("%d jumps, want %d", jumps, tt.jumps)
			}
		})
	}
}
