package rtt

import (
	"testing"
	"time"
)

// Whatever the load, no more is carried in any 24 hours than the cap, and what may be
// carried is used where it is needed.
func TestBudget(t *testing.T) {
	for _, perDay := range []uint64{MinPerDay, 100_000_000, 500_000_000} {
		for _, tt := range []struct {
			name  string
			busy  func(hour int) bool
			least float64 // share of the cap that is used in four days
		}{
			{"always", func(int) bool { return true }, 0.45},
			{"never", func(int) bool { return false }, 0},
			{"in the evening", func(h int) bool { return h%24 >= 18 }, 0.2},
			{"every other hour", func(h int) bool { return h%2 == 1 }, 0.3},
		} {
			b := Budget{PerDay: perDay}
			every := SlowEvery(perDay)
			const full = 71.0 // packets a second
			slow := 4/every.Seconds() + 1
			var hours []float64
			carry, spent := 0.0, false
			for h := range 96 {
				sum := 0.0
				for s := range 3600 {
					rate := slow
					if tt.busy(h) && !spent {
						rate = full
					}
					carry += rate
					n := int(carry)
					carry -= float64(n)
					sum += float64(n) * probeCost
					spent = b.Spend(time.Duration(h)*time.Hour+time.Duration(s)*time.Second, n)
				}
				hours = append(hours, sum)
			}
			total := 0.0
			for i := range hours {
				total += hours[i]
				day := 0.0
				for j := max(0, i-23); j <= i; j++ {
					day += hours[j]
				}
				if day > 1.01*float64(perDay) {
					t.Errorf("%d MB a day, busy %s: %.0f MB in 24 hours, up to hour %d", perDay/1e6, tt.name, day/1e6, i)
					break
				}
			}
			if total < tt.least*4*float64(perDay) {
				t.Errorf("%d MB a day, busy %s: only %.0f MB in four days", perDay/1e6, tt.name, total/1e6)
			}
		}
	}
}

func TestSlowEvery(t *testing.T) {
	for perDay, want := range map[uint64]time.Duration{0: time.Second, 1_000_000_000: time.Second, 200_000_000: time.Second, 100_000_000: 1600 * time.Millisecond, MinPerDay: 5300 * time.Millisecond} {
		if got := SlowEvery(perDay); (got - want).Abs() > 60*time.Millisecond {
			t.Errorf("%d: %v, want %v", perDay, got, want)
		}
	}
}
