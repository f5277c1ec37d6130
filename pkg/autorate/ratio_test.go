package autorate_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// Whatever the ratio of ceiling, capacity and floor, and whenever the load
// comes: a queue that stands for seconds is never left alone with a limit above
// the capacity, and never taken for the idle link.
func TestNoStandingQueueIsIgnored(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		d := autorate.Direction(rng.IntN(2))
		ceiling := bitrate.FromMbps(math.Round(10 * math.Exp(rng.Float64()*3)))
		before := ceiling * bitrate.Rate(20+rng.IntN(80)) / 100
		after := max(bitrate.Mbps, ceiling*bitrate.Rate(5+rng.IntN(80))/100)
		floor := ceiling / bitrate.Rate(3+rng.IntN(20))
		start := time.Duration(rng.IntN(8)) * time.Second
		change := 15 * time.Second

		other := 1 - d
		cfg := linksim.Config{
			Seed: seed, BaseRTT: linksim.Constant(24 * time.Millisecond), Jitter: linksim.DSL,
		}
		cfg.Capacity[d] = linksim.Steps(before, linksim.At[bitrate.Rate]{Time: change, Value: after})
		cfg.Capacity[other] = linksim.Constant(100 * bitrate.Mbps)
		cfg.Flows[d] = linksim.Steps(0, linksim.At[int]{Time: start, Value: 4})
		if seed%3 == 0 { // the capacity falls while nobody looks
			cfg.Flows[d] = linksim.Steps(4, linksim.At[int]{Time: 10 * time.Second, Value: 0}, linksim.At[int]{Time: 20 * time.Second, Value: 4})
		}
		cfg.Buffer = [2]int{2_000_000, 2_000_000}
		law := autorate.Config{BaselineInitial: 24 * time.Millisecond}
		law.Directions[d] = autorate.DirectionConfig{Ceiling: ceiling, Floor: autorate.FlatFloor(floor)}
		law.Directions[other] = autorate.DirectionConfig{Ceiling: 90 * bitrate.Mbps, Floor: autorate.FlatFloor(9 * bitrate.Mbps)}
		cfg.Limit[d], cfg.Limit[other] = ceiling, 90*bitrate.Mbps

		bad := time.Duration(0) // since when a queue stands
		c := simrun.Simulation{Link: linksim.New(cfg), Controller: autorate.New(law, cfg.Limit), Seed: seed}
		failed := false
		c.Observe = func(dec autorate.Decision, l *linksim.Link) {
			limit, capacity := l.Limit(d), l.Capacity(d)
			if l.Excess() < 100*time.Millisecond || limit <= capacity*115/100 || limit <= floor {
				bad = dec.At
			}
			if dec.At-bad > 6*time.Second && !failed {
				failed = true
				t.Errorf("seed %d: %v ceiling %v floor %v capacity %v -> %v: at %v limit %v, capacity %v, true excess %v, law sees %v over %v, %v %v",
					seed, d, ceiling, floor, before, after, dec.At, limit, capacity, l.Excess(), dec.Excess, dec.Baseline,
					dec.Directions[d].State, dec.Directions[d].Reason)
			}
		}
		c.Run(0, 45*time.Second)
	}
}
