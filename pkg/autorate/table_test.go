package autorate_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
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
		"fixed-download":   {util: [2]float64{0.965, 0}, p95: 9 * ms, p99: 14 * ms},
		"fixed-upload":     {util: [2]float64{0, 0.965}, p95: 9 * ms, p99: 14 * ms},
		"step-download":    {util: [2]float64{0.94, 0}, p95: 12 * ms, p99: 30 * ms},
		"step-upload":      {util: [2]float64{0, 0.93}, p95: 11 * ms, p99: 30 * ms},
		"both-fixed":       {util: [2]float64{0.92, 0.91}, p95: 11 * ms, p99: 30 * ms},
		"both-step":        {util: [2]float64{0.88, 0.83}, p95: 17 * ms, p99: 50 * ms},
		"both-halved":      {util: [2]float64{0.87, 0.85}, p95: 18 * ms, p99: 60 * ms},
		"docsis":           {util: [2]float64{0.96, 0}, p95: 14 * ms, p99: 20 * ms},
		"lte-walk":         {util: [2]float64{0.9, 0}, p95: 20 * ms, p99: 30 * ms},
		"lte":              {util: [2]float64{0.76, 0}, p95: 25 * ms, p99: 60 * ms},
		"route":            {util: [2]float64{0.94, 0}, p95: 9 * ms, p99: 14 * ms},
		"blackout":         {util: [2]float64{0.93, 0}, p95: 11 * ms, p99: 16 * ms},
		"blackout-silent":  {util: [2]float64{0.9, 0}, p95: 10 * ms, p99: 16 * ms},
		"reflector-silent": {util: [2]float64{0.96, 0}, p95: 10 * ms, p99: 14 * ms},
		"reflector-slow":   {util: [2]float64{0.96, 0}, p95: 11 * ms, p99: 15 * ms},
		"reflector-moved":  {util: [2]float64{0.96, 0}, p95: 11 * ms, p99: 15 * ms},
		"few-echo-replies": {util: [2]float64{0.96, 0}, p95: 12 * ms, p99: 15 * ms},
		"router-refuses":   {util: [2]float64{0.88, 0}, p95: 20 * ms, p99: 40 * ms},
		"foreign":          {util: [2]float64{0.94, 0}, p95: 12 * ms, p99: 16 * ms},
		"bbr-download":     {util: [2]float64{0.85, 0}, p95: 22 * ms, p99: 80 * ms},
		"bursts":           {util: [2]float64{0.95, 0}, p95: 9 * ms, p99: 12 * ms},
		"web":              {util: [2]float64{0, 0.85}, p95: 20 * ms, p99: 35 * ms},
		"starlink":         {util: [2]float64{0.80, 0}, p95: 20 * ms, p99: 40 * ms},
		"starlink-upload":  {util: [2]float64{0, 0.82}, p95: 20 * ms, p99: 40 * ms},
		"router-reboot":    {util: [2]float64{0.95, 0}, p95: 340 * ms, p99: 340 * ms},
		"jitter-40-up":     {util: [2]float64{0.84, 0}, p95: 56 * ms, p99: 70 * ms},
		"jitter-40-both":   {util: [2]float64{0.73, 0.86}, p95: 40 * ms, p99: 48 * ms},
	}
	unbounded := func(s scenario.Scenario) bool { return bounds[s.Name].p95 == 0 }
	for _, s := range append(scenario.Standard(), slices.DeleteFunc(scenario.Field(), unbounded)...) {
		if s.Targets.Quiet {
			continue // see TestIdleLinkIsNotChanged
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			want, ok := bounds[s.Name]
			if !ok {
				t.Fatal("no bounds for this scenario")
			}
			const seeds = 5
			var utils [2][]float64
			var p95, p99 []time.Duration
			for seed := range uint64(seeds) {
				r := s.Simulation(seed, s.Law(), simrun.Routers()[0], nil).Run(s.From, s.To)
				for _, d := range autorate.Directions {
					utils[d] = append(utils[d], r.Utilisation[d])
				}
				p95, p99 = append(p95, r.P95), append(p99, r.P99)
			}
			for _, d := range autorate.Directions {
				if got := median(utils[d]); got < want.util[d] {
					t.Errorf("%v utilisation %.3f, want %.2f", d, got, want.util[d])
				}
			}
			if median(p95) > want.p95 || median(p99) > want.p99 {
				t.Errorf("excess p95 %v p99 %v, want %v and %v", median(p95), median(p99), want.p95, want.p99)
			}
		})
	}
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
