package scenario

import (
	"time"

	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// wakeAt is when the load of a quiet line begins: its probes are slow since long.
const wakeAt = 150 * time.Second

// quiet is load that begins on a line that was idle for minutes, with what may have
// changed meanwhile.
func quiet() []Scenario {
	const ms = time.Millisecond
	from := func(d int, n int) func(*linksim.Config) {
		return func(c *linksim.Config) { c.Flows[d] = linksim.Steps(0, linksim.At[int]{Time: wakeAt, Value: n}) }
	}
	wake := func(name, about string, d int, changes ...func(*linksim.Config)) Scenario {
		t := Targets{Kept: 0.98}
		t.Utilisation[d] = 0.90
		s := usual(name, about, t, of(append(changes, from(d, 4))...))
		s.From, s.To = wakeAt-time.Second, wakeAt+20*time.Second
		return s
	}
	evening := func(c *linksim.Config) {
		c.Capacity[down] = linksim.Steps(40*mbit, linksim.At[rate]{Time: wakeAt - 40*time.Second, Value: 16 * mbit})
	}
	longer := func(c *linksim.Config) {
		c.BaseRTT = linksim.Steps(24*ms, linksim.At[time.Duration]{Time: wakeAt - 40*time.Second, Value: 44 * ms})
	}
	docsis := func(c *linksim.Config) { c.Jitter = linksim.DOCSIS }
	radio := func(c *linksim.Config) { c.Jitter = linksim.LTE }
	bursts := wake("wake-bursts", "four downloads for 5 s, every other minute", int(down), func(*linksim.Config) {})
	bursts.Config = usual("", "", Targets{}, func(c *linksim.Config) {
		c.Flows[down] = func(t time.Duration) int {
			if t%(2*time.Minute) < 5*time.Second && t > time.Minute {
				return 4
			}
			return 0
		}
	}).Config
	bursts.From, bursts.To = time.Minute, 13*time.Minute
	bursts.Targets.Utilisation[down] = 0
	return []Scenario{
		wake("wake-download", "four downloads after minutes without load", int(down)),
		wake("wake-upload", "four uploads after minutes without load", int(up)),
		wake("wake-docsis", "four downloads after minutes without load, DOCSIS jitter", int(down), docsis),
		wake("wake-lte", "four downloads after minutes without load, LTE jitter", int(down), radio),
		wake("wake-evening", "four downloads after minutes without load, in which 40 -> 16 Mbit/s", int(down), evening).
			with(simrun.Disturbance{At: wakeAt, Direction: down, Kind: simrun.CapacityLost}),
		wake("wake-route", "four downloads after minutes without load, in which the RTT grew by 20 ms", int(down), longer),
		bursts,
	}
}
