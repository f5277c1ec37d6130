package linksim

import (
	"math/rand/v2"
	"time"
)

// Jitter is the delay that a link adds to single packets without any queue.
type Jitter struct {
	// Grant is the width of uniform delay per packet, as request-grant
	// scheduling and transmission intervals add it.
	Grant time.Duration
	// Spikes come at random, SpikeEvery apart on average, last SpikeFor and
	// add up to Spike.
	Spike      time.Duration
	SpikeEvery time.Duration
	SpikeFor   time.Duration
	// A share Retry of the packets is sent again by the link and comes RetryBy
	// later.
	Retry   float64
	RetryBy time.Duration
	// After WakeAfter without load the radio has to wake up: packets take Wake
	// longer for the first WakeFor of the next load.
	WakeAfter, Wake, WakeFor time.Duration
}

// Jitter models of common links.
var (
	Fibre    = Jitter{Grant: 300 * time.Microsecond}
	DSL      = Jitter{Grant: time.Millisecond}
	DOCSIS   = Jitter{Grant: 3 * time.Millisecond, Spike: 15 * time.Millisecond, SpikeEvery: 2 * time.Second, SpikeFor: 60 * time.Millisecond}
	LTE      = Jitter{Grant: 8 * time.Millisecond, Retry: 0.05, RetryBy: 8 * time.Millisecond, WakeAfter: 2 * time.Second, Wake: 40 * time.Millisecond, WakeFor: 300 * time.Millisecond}
	Starlink = Jitter{Grant: 6 * time.Millisecond, Spike: 25 * time.Millisecond, SpikeEvery: 5 * time.Second, SpikeFor: 100 * time.Millisecond, Retry: 0.02, RetryBy: 15 * time.Millisecond}
)

// jitterState is the course of a Jitter. Spikes and wake-ups are the link's and
// hit everybody; the rest is drawn for each packet from the rng of who asks.
type jitterState struct {
	cfg    Jitter
	rng    *rand.Rand // of the spikes
	spike  time.Duration
	until  time.Duration
	size   time.Duration
	loaded time.Duration // when there was load last
	woken  time.Duration // when the newest load began after a silence
}

func newJitter(cfg Jitter, seed uint64) jitterState {
	s := jitterState{cfg: cfg, rng: rand.New(rand.NewPCG(seed, 0x7370696b65)), woken: -time.Hour, loaded: -time.Hour}
	if cfg.SpikeEvery > 0 {
		s.spike = s.gap()
	}
	return s
}

func (s *jitterState) gap() time.Duration {
	return time.Duration(s.rng.ExpFloat64() * float64(s.cfg.SpikeEvery))
}

// load says that data is being carried now.
func (s *jitterState) load(now time.Duration) {
	if s.cfg.WakeAfter > 0 && now-s.loaded > s.cfg.WakeAfter {
		s.woken = now
	}
	s.loaded = now
}

// draw returns the delay of a packet sent now.
func (s *jitterState) draw(now time.Duration, rng *rand.Rand) time.Duration {
	j := &s.cfg
	d := time.Duration(rng.Float64() * float64(j.Grant))
	if j.SpikeEvery > 0 {
		for now >= s.spike {
			s.until = s.spike + j.SpikeFor
			s.size = time.Duration((0.5 + s.rng.Float64()/2) * float64(j.Spike))
			s.spike = s.until + s.gap()
		}
		if now < s.until {
			d += s.size
		}
	}
	if j.Retry > 0 && rng.Float64() < j.Retry {
		d += j.RetryBy
	}
	if j.WakeAfter > 0 && now-s.woken < j.WakeFor {
		d += j.Wake
	}
	return d
}
