package autorate

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

func TestGate(t *testing.T) {
	const M = bitrate.Mbps
	for _, tt := range []struct {
		name          string
		inForce, want bitrate.Rate
		verdict       Verdict
	}{
		{"equal", 20 * M, 20 * M, Skip},
		{"unlimited before", 0, 20 * M, Pass},
		{"cut", 20 * M, 15 * M, Pass},
		{"cut below the quantum", 20 * M, 19_900_000, Skip},
		{"raise", 20 * M, 21 * M, Pass},
		{"raise within the dead band", 20 * M, 20_100_000, Skip},
		{"small link, 100 kbit/s is the quantum", 1 * M, 1_050_000, Skip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var g Gate
			if got := g.Ask(time.Second, Download, tt.inForce, tt.want); got != tt.verdict {
				t.Errorf("got %v, want %v", got, tt.verdict)
			}
		})
	}
}

func TestGateHoldsRaisesBackButNeverCuts(t *testing.T) {
	const M = bitrate.Mbps
	var g Gate
	now, passed, waited := time.Duration(0), 0, 0
	for range 200 { // ten seconds of wishing for more, every tick
		now += 50 * time.Millisecond
		switch g.Ask(now, Download, 20*M, 30*M) {
		case Pass:
			passed++
		case Wait:
			waited++
		case Skip:
		}
		if v := g.Ask(now, Upload, 20*M, 10*M); v != Pass {
			t.Fatalf("at %v a cut got %v after %d raises", now, v, passed)
		}
	}
	if passed < 35 || passed > 38 {
		t.Errorf("%d raises in 10 s, want 8 at once and 2.9 a second", passed)
	}
	if waited == 0 {
		t.Error("no raise was held back")
	}
}

// Two cuts and two raises a second are more than the budget: the raises wait,
// and the long run keeps to it. A rival's gate has none.
func TestGateCutsArePaidFor(t *testing.T) {
	const M = bitrate.Mbps
	for _, tt := range []struct {
		name   string
		gate   Gate
		lo, hi int
	}{
		{"ours", Gate{}, 290, 300},
		{"unmetered", Gate{Unmetered: true}, 400, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			written, limit := 0, 20*M
			for i := range 400 { // 100 s
				want := 20*M + bitrate.Rate(i%2)*10*M
				if i%2 == 0 {
					want = 10 * M
				}
				if tt.gate.Ask(time.Duration(i)*250*time.Millisecond, Download, limit, want) == Pass {
					written++
				}
				limit = 20 * M
			}
			if written < tt.lo || written > tt.hi {
				t.Errorf("%d writes in 100 s, want %d to %d", written, tt.lo, tt.hi)
			}
		})
	}
}
