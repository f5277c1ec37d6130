package scenario

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

const mbit = bitrate.Mbps

// Kind is a kind of access line.
type Kind struct {
	Name    string
	About   string
	Nominal [2]bitrate.Rate                  // what it carries on a good day
	Line    func(seed uint64) linksim.Config // idle, without limits
	Varying bool                             // the capacity changes by itself
}

// ackShare: an acknowledgement of 66 to 84 bytes for every second or so of the
// data packets.
const ackShare = 1.0 / 30

// burst is what a sender without a pacing queue sends back to back.
const burst = 4

// line is what most lines have in common. Buffers hold so much time at the
// nominal rate.
func line(seed uint64, base time.Duration, nominal [2]bitrate.Rate, buffer [2]time.Duration, jitter linksim.Jitter) linksim.Config {
	c := linksim.Config{Seed: seed, BaseRTT: linksim.Constant(base), Jitter: jitter, AckShare: ackShare, Burst: burst, HyStart: true}
	for d := range nominal {
		c.Capacity[d] = linksim.Constant(nominal[d])
		c.Buffer[d] = int(float64(nominal[d]) / 8 * buffer[d].Seconds())
	}
	return c
}

// same is a buffer of the same time in both directions.
func same(d time.Duration) [2]time.Duration { return [2]time.Duration{d, d} }

// Kinds returns the kinds of lines that laws are compared on.
func Kinds() []Kind {
	const ms = time.Millisecond
	fixed := func(name, about string, nominal [2]bitrate.Rate, base time.Duration, buffer [2]time.Duration, jitter linksim.Jitter) Kind {
		return Kind{Name: name, About: about, Nominal: nominal, Line: func(seed uint64) linksim.Config {
			return line(seed, base, nominal, buffer, jitter)
		}}
	}
	return []Kind{
		fixed("fibre", "300/100 Mbit/s, 8 ms, hardly any jitter", [2]bitrate.Rate{300 * mbit, 100 * mbit}, 8*ms, same(80*ms), linksim.Fibre),
		fixed("cable", "200/20 Mbit/s, 18 ms, DOCSIS request-grant jitter and spikes", [2]bitrate.Rate{200 * mbit, 20 * mbit}, 18*ms, [2]time.Duration{150 * ms, 400 * ms}, linksim.DOCSIS),
		fixed("dsl", "16/1 Mbit/s, 28 ms with interleaving", [2]bitrate.Rate{16 * mbit, 1 * mbit}, 28*ms, [2]time.Duration{200 * ms, 600 * ms}, linksim.DSL),
		fixed("slow", "0.9/0.4 Mbit/s, 30 ms", [2]bitrate.Rate{900 * bitrate.Kbps, 400 * bitrate.Kbps}, 30*ms, same(800*ms), linksim.DSL),
		fixed("multigig", "2500/1000 Mbit/s, 5 ms", [2]bitrate.Rate{2500 * mbit, 1000 * mbit}, 5*ms, same(40*ms), linksim.Fibre),
		fixed("satellite", "50/5 Mbit/s, 600 ms", [2]bitrate.Rate{50 * mbit, 5 * mbit}, 600*ms, same(300*ms), linksim.DSL),
		{Name: "lte", About: "about 40/12 Mbit/s wandering, 45 ms, handovers that change RTT and capacity", Varying: true,
			Nominal: [2]bitrate.Rate{60 * mbit, 18 * mbit}, Line: lteLine},
		{Name: "starlink", About: "about 150/15 Mbit/s, reconfigured every 15 s: steps of RTT and capacity", Varying: true,
			Nominal: [2]bitrate.Rate{200 * mbit, 20 * mbit}, Line: starlinkLine},
	}
}

// lteLine wanders five times a second. A handover every 20 s or so moves RTT and
// capacity together and nearly stops the line for a moment.
func lteLine(seed uint64) linksim.Config {
	const pause = 80 * time.Millisecond
	nominal := [2]bitrate.Rate{40 * mbit, 12 * mbit}
	c := line(seed, 45*time.Millisecond, nominal, [2]time.Duration{400 * time.Millisecond, 600 * time.Millisecond}, linksim.LTE)
	cell := epochs(seed, func(rng *rand.Rand) time.Duration {
		return 5*time.Second + time.Duration(rng.ExpFloat64()*float64(15*time.Second))
	})
	c.BaseRTT = func(t time.Duration) time.Duration {
		return 40*time.Millisecond + time.Duration(cell(t).rttDraw*float64(10*time.Millisecond))
	}
	for d := range nominal {
		walk := linksim.Walk(seed<<1+uint64(d), 200*time.Millisecond, nominal[d], nominal[d]/4, nominal[d]*3/2, 0.1)
		c.Capacity[d] = func(t time.Duration) bitrate.Rate {
			e := cell(t)
			factor := 0.6 + 0.8*e.capacityDraw
			if e.n > 0 && t-e.at < pause {
				factor *= 0.1
			}
			return bitrate.Rate(float64(walk(t)) * factor)
		}
	}
	return c
}

// starlinkLine gets another satellite every 15 s.
func starlinkLine(seed uint64) linksim.Config {
	const every, pause = 15 * time.Second, 60 * time.Millisecond
	nominal := [2]bitrate.Rate{150 * mbit, 15 * mbit}
	c := line(seed, 35*time.Millisecond, nominal, [2]time.Duration{150 * time.Millisecond, 300 * time.Millisecond}, linksim.Starlink)
	satellite := epochs(seed, func(*rand.Rand) time.Duration { return every })
	c.BaseRTT = func(t time.Duration) time.Duration {
		return 28*time.Millisecond + time.Duration(satellite(t).rttDraw*float64(16*time.Millisecond))
	}
	for d := range nominal {
		walk := linksim.Walk(seed<<1+uint64(d), time.Second, nominal[d], nominal[d]*2/3, nominal[d]*5/4, 0.05)
		c.Capacity[d] = func(t time.Duration) bitrate.Rate {
			e := satellite(t)
			factor := 0.6 + 0.5*e.capacityDraw
			if e.n > 0 && t-e.at < pause {
				factor *= 0.1
			}
			return bitrate.Rate(float64(walk(t)) * factor)
		}
	}
	return c
}

// least returns the lowest capacity of d that lasts: the 2nd percentile over time.
func least(c linksim.Config, d autorate.Direction, from, to time.Duration) bitrate.Rate {
	const every = 50 * time.Millisecond
	rates := make([]bitrate.Rate, 0, (to-from)/every+1)
	for t := from; t < to; t += every {
		rates = append(rates, c.Capacity[d](t))
	}
	return percentile(rates, 2)
}
