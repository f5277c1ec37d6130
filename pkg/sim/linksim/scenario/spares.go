package scenario

import (
	"time"

	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// spares is three reflectors that turn bad one after the other, while four others could
// replace them, and the same with good ones.
func spares() []Scenario {
	seven := func(name, about string, targets Targets, fault func(seed uint64, from time.Duration) linksim.Fault) Scenario {
		return usual(name, "four downloads, four spare reflectors; "+about, targets, of(loadedOn(4, down), func(c *linksim.Config) {
			c.Reflectors = 7
			var faults []linksim.Fault
			for i := range 3 {
				if fault != nil {
					from := firstStep + time.Duration(i)*time.Minute
					faults = append(faults, linksim.On(i, from, fault(c.Seed+uint64(i), from)))
				}
			}
			c.Fault = linksim.Faults(faults...)
		})).until(243 * time.Second)
	}
	like := against("spares-good")
	return []Scenario{
		seven("spares-good", "all reflectors are good", fixedTargets(down), nil),
		seven("spares-noise", "of three in use, one a minute begins to delay echoes by up to 60 ms", like, func(seed uint64, _ time.Duration) linksim.Fault {
			return linksim.EchoNoise(seed, 60*time.Millisecond)
		}),
		seven("spares-loss", "of three in use, one a minute begins to lose 60 % of the echoes", like, func(seed uint64, _ time.Duration) linksim.Fault {
			return linksim.EchoLoss(seed, 0.6)
		}),
		seven("spares-moves", "of three in use, one a minute begins to move away by 5 ms every 30 s", like, func(_ uint64, from time.Duration) linksim.Fault {
			return func(_ int, t, _ time.Duration) (time.Duration, bool) {
				return (1 + (t-from)/(30*time.Second)) * 5 * time.Millisecond, false
			}
		}),
		seven("spares-gone", "of three in use, one a minute falls silent", like, func(uint64, time.Duration) linksim.Fault {
			return func(int, time.Duration, time.Duration) (time.Duration, bool) { return 0, true }
		}),
	}
}
