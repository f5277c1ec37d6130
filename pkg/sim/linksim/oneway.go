package linksim

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// OneWay describes the clocks of the reflectors.
type OneWay struct {
	// Asked makes the prober send timestamp requests, to one reflector after the
	// other, as the live one does.
	Asked bool
	// Resolution of the clocks; 0 is a millisecond.
	Resolution time.Duration
	// Clock returns how far the clock of a reflector is ahead of ours; nil: 0.
	Clock func(reflector int, t time.Duration) time.Duration
}

// Drifting returns clocks that start ahead by a multiple of ahead, reflector by
// reflector, and gain ppm millionths.
func Drifting(ahead time.Duration, ppm float64) func(int, time.Duration) time.Duration {
	return func(i int, t time.Duration) time.Duration {
		return time.Duration(i+1)*ahead + time.Duration(ppm*1e-6*float64(t))
	}
}

// clocks is the state of the timestamp requests. It has its own random numbers, so
// that the echoes of a link are the same with and without it.
type clocks struct {
	rng  *rand.Rand
	turn int
	at   time.Duration
}

func newClocks(cfg Config) clocks {
	return clocks{rng: rand.New(rand.NewPCG(cfg.Seed, 0x636c6f636b)), at: rtt.NextClockRequest(0, 0, 0)}
}

// askClock sends the timestamp request that is due, and returns when the next one
// is due.
func (l *Link) askClock() (next time.Duration) {
	c := &l.probes.clocks
	if !l.cfg.OneWay.Asked || l.cfg.Reflectors == 0 {
		return l.now + time.Hour
	}
	if l.now < c.at {
		return c.at
	}
	started := c.at // within this step
	c.at = rtt.NextClockRequest(started, c.rng.Float64(), l.slowInterval())
	i := c.turn % l.cfg.Reflectors
	for range l.cfg.Reflectors { // spares get no requests
		if i = c.turn % l.cfg.Reflectors; l.probes.selection.Role(i) == rtt.InUse {
			break
		}
		c.turn++
	}
	c.turn++
	if l.cfg.Blackout != nil && l.cfg.Blackout(l.now) {
		return c.at
	}
	extra := time.Duration(0)
	if l.cfg.Fault != nil {
		var silent bool
		if extra, silent = l.cfg.Fault(i, l.now, l.Excess()); silent {
			return c.at
		}
	}
	l.probes.flying = append(l.probes.flying, probe{
		event:   rtt.Event{Kind: rtt.OneWay, Reflector: uint8(i)},
		started: started,
		extra:   extra,
		turn:    started + at(l.cfg.Radio, l.now) + l.half(uint8(i)) + l.probeDelay(),
	})
	return c.at
}

// answerClock fills in the delays of a request that has turned round.
func (l *Link) answerClock(f *probe) {
	shown := f.turn
	if l.cfg.OneWay.Clock != nil {
		shown += l.cfg.OneWay.Clock(int(f.event.Reflector), f.turn)
	}
	resolution := l.cfg.OneWay.Resolution
	if resolution <= 0 {
		resolution = time.Millisecond
	}
	shown = shown.Truncate(resolution)
	f.event.Up, f.event.Down = shown-f.started, f.arrives-shown
}
