package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/linksim"
)

// The law on the simulated link, with nothing set but ceilings and floors.
// Bounds are somewhat wider than what is measured, since a law that is tuned
// moves within them; the table of what is measured is the simulator's job.
func TestScenarios(t *testing.T) {
	const ms = time.Millisecond
	bounds := map[string]struct {
		util     [2]float64
		p95, p99 time.Duration
		quiet    bool // no write at all
	}{
		"fixed, download": {util: [2]float64{0.95, 0}, p95: 12 * ms, p99: 20 * ms},
		"fixed, upload":   {util: [2]float64{0, 0.95}, p95: 12 * ms, p99: 20 * ms},
		"step, download":  {util: [2]float64{0.87, 0}, p95: 15 * ms, p99: 40 * ms},
		"step, upload":    {util: [2]float64{0, 0.87}, p95: 25 * ms, p99: 70 * ms},
		"both step":       {util: [2]float64{0.82, 0.82}, p95: 40 * ms, p99: 70 * ms},
		"docsis jitter":   {util: [2]float64{0.82, 0}, p95: 12 * ms, p99: 25 * ms},
		"idle, docsis":    {quiet: true},
		"route +20 ms":    {util: [2]float64{0.93, 0}, p95: 20 * ms, p99: 30 * ms},
		"icmp blackout":   {util: [2]float64{0.90, 0}, p95: 9 * ms, p99: 20 * ms},
	}
	for _, sc := range linksim.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			want, ok := bounds[sc.Name]
			if !ok {
				t.Fatal("no bounds for this scenario")
			}
			for seed := range uint64(5) {
				c := linksim.Closed{Link: linksim.New(sc.Config(seed)), Controller: sc.Law(), Seed: seed}
				r := c.Run(sc.From, sc.To)
				for _, d := range autorate.Directions {
					if r.LimitMin[d] < sc.Floor[d] || r.LimitMax[d] > sc.Ceiling[d] {
						t.Errorf("seed %d: %v limit between %v and %v", seed, d, r.LimitMin[d], r.LimitMax[d])
					}
					if r.Utilisation[d] < want.util[d] {
						t.Errorf("seed %d: %v utilisation %.3f, want %.2f", seed, d, r.Utilisation[d], want.util[d])
					}
					if want.util[d] == 0 && r.LimitMin[d] < sc.Ceiling[d] {
						t.Errorf("seed %d: idle %v was cut to %v", seed, d, r.LimitMin[d])
					}
				}
				if want.quiet {
					if n := r.Cuts + r.Raises; n > 0 {
						t.Errorf("seed %d: %d writes while idle", seed, n)
					}
					continue
				}
				if r.P95 > want.p95 || r.P99 > want.p99 {
					t.Errorf("seed %d: excess p95 %v p99 %v, want %v and %v", seed, r.P95, r.P99, want.p95, want.p99)
				}
			}
		})
	}
}
