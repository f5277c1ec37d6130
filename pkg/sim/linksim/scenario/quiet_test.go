package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

func median[T int | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// Slow probes cost next to nothing once the load is there: by the median over many
// seeds the delay and the use of the line are about what they are at full rate.
func TestSlowProbesCostLittle(t *testing.T) {
	seeds := uint64(9)
	if testing.Short() {
		seeds = 3
	}
	for _, s := range quiet() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			measure := func(slow bool) (p95, p99 time.Duration, used float64, sent int) {
				var p95s, p99s []time.Duration
				var useds []float64
				var sents []int
				for seed := range seeds {
					run := s.Simulation(seed, s.Law(), simrun.Routers()[1], nil)
					run.SlowProbes = slow
					n := 0
					run.Controller = counting{s.Law(), &n, new(bool)}
					r := run.Run(s.From, s.To)
					p95s, p99s, useds, sents = append(p95s, r.P95), append(p99s, r.P99), append(useds, max(r.Utilisation[0], r.Utilisation[1])), append(sents, n)
				}
				return median(p95s), median(p99s), median(useds), median(sents)
			}
			p95, p99, used, sent := measure(true)
			fullP95, fullP99, fullUsed, fullSent := measure(false)
			t.Logf("slow: p95 %v, p99 %v, used %.3f, %d probes; at full rate: %v, %v, %.3f, %d", p95, p99, used, sent, fullP95, fullP99, fullUsed, fullSent)
			const ms = time.Millisecond
			if p95 > fullP95+max(5*ms, fullP95/4) || p99 > fullP99+max(10*ms, fullP99/4) || used < fullUsed-0.03 {
				t.Errorf("slow probes cost too much")
			}
			if sent > fullSent*3/4 {
				t.Errorf("%d probes, and %d at full rate", sent, fullSent)
			}
		})
	}
}

// A line without load is never silent because its probes are slow, whatever its delay, and
// nothing is written there.
func TestSlowProbesAreNotSilence(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*linksim.Config)
	}{
		{"fibre", func(*linksim.Config) {}},
		{"cable", func(c *linksim.Config) { c.Jitter = linksim.DOCSIS }},
		{"starlink", func(c *linksim.Config) { c.Jitter = linksim.Starlink }},
		{"satellite", func(c *linksim.Config) { c.BaseRTT = linksim.Constant(600 * time.Millisecond) }},
		{"one reflector", func(c *linksim.Config) { c.Reflectors = 1 }},
		{"one reflector that loses echoes", func(c *linksim.Config) {
			c.Reflectors, c.Fault = 1, linksim.EchoLoss(1, 0.01)
		}},
		{"one reflector far away", func(c *linksim.Config) {
			c.Reflectors, c.BaseRTT = 1, linksim.Constant(250*time.Millisecond)
		}},
		{"two reflectors on a cable", func(c *linksim.Config) { c.Reflectors, c.Jitter = 2, linksim.DOCSIS }},
		{"a path that loses echoes", func(c *linksim.Config) {
			c.Reflectors, c.Fault = 6, linksim.EchoLoss(1, 0.04)
		}},
		{"an upload on which probes at full rate are a load", func(c *linksim.Config) {
			c.Capacity[autorate.Upload] = linksim.Constant(mbit * 4 / 10)
			c.Limit[autorate.Upload] = mbit * 44 / 100
		}},
		{"another route", func(c *linksim.Config) {
			c.BaseRTT = linksim.Steps(24*time.Millisecond, linksim.At[time.Duration]{Time: 5 * time.Minute, Value: 60 * time.Millisecond})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := usual(tt.name, "", Targets{}, tt.change)
			c := s.Config(1)
			s.Baseline, s.Ceiling = c.BaseRTT(0), c.Limit
			s.Floor = [2]bitrate.Rate{c.Limit[0] / 10, c.Limit[1] / 10}
			run := s.Simulation(1, s.Law(), simrun.Routers()[1], nil)
			n, silent, replaced := 0, 0, false
			run.Controller = counting{s.Law(), &n, &replaced}
			run.Observe = func(dec autorate.Decision, _ *linksim.Link) {
				if dec.At > 2*time.Second && dec.Alive == 0 {
					silent++
				}
			}
			r := run.Run(0, 20*time.Minute)
			if silent > 0 || r.Writes > 0 || replaced {
				t.Errorf("silent for %d steps, %d writes, a reflector replaced: %v", silent, r.Writes, replaced)
			}
			if most := 3*(20*60+20*70) + 600; n > most {
				t.Errorf("%d probes in 20 min, want at most %d", n, most)
			}
		})
	}
}

// A cap on the data of probes holds under load that never ends, and the line is still
// controlled.
func TestProbeDataCap(t *testing.T) {
	s, _ := Find("fixed-download")
	run := s.Simulation(1, s.Law(), simrun.Routers()[1], nil)
	n := 0
	run.Controller, run.ProbeBytesPerDay = counting{s.Law(), &n, new(bool)}, rtt.MinPerDay
	cfg := s.Config(1)
	cfg.SlowProbes = rtt.SlowEvery(rtt.MinPerDay)
	run.Link = linksim.New(cfg)
	const length = 20 * time.Minute
	r := run.Run(s.From, length)
	// An hour's share to begin with, and what comes evenly; 60 probes a second without.
	bytes := float64(rtt.MinPerDay)/24 + float64(rtt.MinPerDay)/2*length.Hours()/24
	if most := int(bytes / 132); n > most {
		t.Errorf("%d replies, want at most %d", n, most)
	}
	if n < 1000 || r.Utilisation[0] < 0.75 {
		t.Errorf("%d replies, %.3f of the line used", n, r.Utilisation[0])
	}
	t.Logf("%d replies, p95 %v, used %.3f", n, r.P95, r.Utilisation[0])
}

// counting is a law that counts the probes it sees.
type counting struct {
	*autorate.Law
	sent     *int
	replaced *bool // a reflector beyond the first three is in use
}

func (c counting) Step(now time.Duration, in autorate.Input) autorate.Decision {
	for _, e := range in.Events {
		if e.RTT > 0 {
			*c.sent++
		}
		if e.Kind == rtt.Sent && e.Reflector >= rtt.MaxUsed {
			*c.replaced = true
		}
	}
	return c.Law.Step(now, in)
}

var _ linksim.Controller = counting{}
