package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/linksim/trial"
)

// The law must not become worse on the simulated link, with nothing set but
// ceilings and floors. Bounds are wider than what is measured, since a law that
// is tuned moves within them; 'make sim' measures, against targets.
func TestTable(t *testing.T) {
	const ms = time.Millisecond
	bounds := map[string]struct {
		util     [2]float64
		p95, p99 time.Duration // jitter included
	}{
		"fixed-download":   {util: [2]float64{0.94, 0}, p95: 14 * ms, p99: 22 * ms},
		"fixed-upload":     {util: [2]float64{0, 0.93}, p95: 14 * ms, p99: 22 * ms},
		"step-download":    {util: [2]float64{0.88, 0}, p95: 18 * ms, p99: 45 * ms},
		"step-upload":      {util: [2]float64{0, 0.88}, p95: 25 * ms, p99: 70 * ms},
		"both-fixed":       {util: [2]float64{0.90, 0.88}, p95: 18 * ms, p99: 35 * ms},
		"both-step":        {util: [2]float64{0.86, 0.84}, p95: 40 * ms, p99: 80 * ms},
		"both-halved":      {util: [2]float64{0.86, 0.84}, p95: 40 * ms, p99: 90 * ms},
		"docsis":           {util: [2]float64{0.92, 0}, p95: 19 * ms, p99: 25 * ms},
		"lte-walk":         {util: [2]float64{0.85, 0}, p95: 22 * ms, p99: 35 * ms},
		"lte":              {util: [2]float64{0.45, 0}, p95: 35 * ms, p99: 80 * ms},
		"route":            {util: [2]float64{0.90, 0}, p95: 22 * ms, p99: 30 * ms},
		"blackout":         {util: [2]float64{0.90, 0}, p95: 16 * ms, p99: 25 * ms},
		"blackout-silent":  {util: [2]float64{0.87, 0}, p95: 16 * ms, p99: 25 * ms},
		"reflector-silent": {util: [2]float64{0.94, 0}, p95: 15 * ms, p99: 22 * ms},
		"reflector-slow":   {util: [2]float64{0.94, 0}, p95: 18 * ms, p99: 25 * ms},
		"reflector-moved":  {util: [2]float64{0.94, 0}, p95: 15 * ms, p99: 22 * ms},
		"router-refuses":   {util: [2]float64{0.78, 0}, p95: 40 * ms, p99: 70 * ms},
		"foreign":          {util: [2]float64{0.78, 0}, p95: 16 * ms, p99: 25 * ms},
		"bbr-download":     {util: [2]float64{0.78, 0}, p95: 20 * ms, p99: 80 * ms},
		"bursts":           {util: [2]float64{0.92, 0}, p95: 14 * ms, p99: 20 * ms},
		"web":              {util: [2]float64{0, 0.80}, p95: 32 * ms, p99: 50 * ms},
		"starlink":         {util: [2]float64{0.70, 0}, p95: 30 * ms, p99: 60 * ms},
		"router-reboot":    {util: [2]float64{0.93, 0}, p95: 340 * ms, p99: 340 * ms},
	}
	for _, s := range scenario.Standard() {
		if s.Targets.Quiet {
			continue // see TestIdleLinkIsLeftAlone
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			want, ok := bounds[s.Name]
			if !ok {
				t.Fatal("no bounds for this scenario")
			}
			for seed := range uint64(3) {
				r := s.Trial(seed, s.Law(), trial.Routers()[0], nil).Run(s.From, s.To)
				for _, d := range autorate.Directions {
					if r.Utilisation[d] < want.util[d] {
						t.Errorf("seed %d: %v utilisation %.3f, want %.2f", seed, d, r.Utilisation[d], want.util[d])
					}
				}
				if r.P95 > want.p95 || r.P99 > want.p99 {
					t.Errorf("seed %d: excess p95 %v p99 %v, want %v and %v", seed, r.P95, r.P99, want.p95, want.p99)
				}
			}
		})
	}
}
