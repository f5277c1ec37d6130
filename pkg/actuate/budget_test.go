package actuate

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

func TestWriteBudget(t *testing.T) {
	const M = bitrate.Mbps
	for _, tt := range []struct {
		name          string
		inForce, want bitrate.Rate
		action        Action
	}{
		{"equal", 20 * M, 20 * M, Drop},
		{"unlimited before", 0, 20 * M, Send},
		{"cut", 20 * M, 15 * M, Send},
		{"cut below the quantum", 20 * M, 19_900_000, Drop},
		{"raise", 20 * M, 21 * M, Send},
		{"raise within the dead band", 20 * M, 20_100_000, Drop},
		{"small link, 100 kbit/s is the quantum", 1 * M, 1_050_000, Drop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b WriteBudget
			if got := b.Allow(time.Second, autorate.Download, tt.inForce, tt.want); got != tt.action {
				t.Errorf("got %v, want %v", got, tt.action)
			}
		})
	}
}

func TestWriteBudgetDefersRaisesButNeverCuts(t *testing.T) {
	const M = bitrate.Mbps
	var b WriteBudget
	now, passed, waited := time.Duration(0), 0, 0
	for range 200 { // ten seconds of wishing for more, every tick
		now += 50 * time.Millisecond
		switch b.Allow(now, autorate.Download, 20*M, 30*M) {
		case Send:
			passed++
		case Defer:
			waited++
		case Drop:
		}
		if v := b.Allow(now, autorate.Upload, 20*M, 10*M); v != Send {
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
// and the long run keeps to it. Other controllers have no budget.
func TestWriteBudgetChargesCuts(t *testing.T) {
	const M = bitrate.Mbps
	for _, tt := range []struct {
		name   string
		budget WriteBudget
		lo, hi int
	}{
		{"ours", WriteBudget{}, 290, 300},
		{"unmetered", WriteBudget{Unmetered: true}, 400, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			written, limit := 0, 20*M
			for i := range 400 { // 100 s
				want := 20*M + bitrate.Rate(i%2)*10*M
				if i%2 == 0 {
					want = 10 * M
				}
				if tt.budget.Allow(time.Duration(i)*250*time.Millisecond, autorate.Download, limit, want) == Send {
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
