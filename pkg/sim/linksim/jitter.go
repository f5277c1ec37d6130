package linksim

import (
	"math/rand/v2"
	"time"
)

// Jitter is the delay that a link adds to its upload without any queue. All packets
// of a moment share it, and none overtakes another: a delay that ends suddenly is left
// at the speed of time.
type Jitter struct {
	// Grant is the width of uniform delay, a new one every GrantEvery, as request-grant
	// scheduling and transmission intervals add it. 0: every step.
	Grant, GrantEvery time.Duration
	// Spikes come at random, SpikeEvery apart on average, last SpikeFor and
	// add up to Spike.
	Spike      time.Duration
	SpikeEvery time.Duration
	SpikeFor   time.Duration
	// A share Retry of the grants is sent again by the link and comes RetryBy
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
	DOCSIS   = Jitter{Grant: 3 * time.Millisecond, GrantEvery: 8 * time.Millisecond, Spike: 15 * time.Millisecond, SpikeEvery: 2 * time.Second, SpikeFor: 60 * time.Millisecond}
	LTE      = Jitter{Grant: 8 * time.Millisecond, GrantEvery: 10 * time.Millisecond, Retry: 0.05, RetryBy: 8 * time.Millisecond, WakeAfter: 2 * time.Second, Wake: 40 * time.Millisecond, WakeFor: 300 * time.Millisecond}
	Starlink = Jitter{Grant: 6 * time.Millisecond, GrantEvery: 10 * time.Millisecond, Spike: 25 * time.Millisecond, SpikeEvery: 5 * time.Second, SpikeFor: 100 * time.Millisecond, Retry: 0.02, RetryBy: 15 * time.Millisecond}
)

// jitterState is the course of a Jitter.
type jitterState struct {
	cfg    Jitter
	rng    *rand.Rand
	grant  time.Duration // the delay of the present grant
	next   time.Duration // when the next one begins
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

// delay returns the delay of now. Times must not go backwards.
func (s *jitterState) delay(now time.Duration) time.Duration {
	j := &s.cfg
	if now >= s.next {
		s.next = now + max(j.GrantEvery, Step)
		s.grant = time.Duration(s.rng.Float64() * float64(j.Grant))
		if j.Retry > 0 && s.rng.Float64() < j.Retry {
			s.grant += j.RetryBy
		}
	}
	d := s.grant
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
	if j.WakeAfter > 0 && now-s.woken < j.WakeFor {
		d += j.Wake
	}
	return d
}

// Correlated returns a delay that is the same for all packets and a new one every
// so often: most times the fourth power of a random number, so mostly small.
func Correlated(seed uint64, every, most time.Duration) func(time.Duration) time.Duration {
	return func(t time.Duration) time.Duration {
		r := uniform(seed, uint64(max(0, t)/every))
		return time.Duration(float64(most) * r * r * r * r)
	}
}

// Pauses returns how long it is at a time until the end of a pause, 0 outside of
// one. Pauses last from least to most; every is the mean time from one begin to the
// next.
func Pauses(seed uint64, every, least, most time.Duration) func(time.Duration) time.Duration {
	return func(t time.Duration) time.Duration {
		i := uint64(max(0, t) / every)
		length := least + time.Duration(uniform(seed, 2*i)*float64(most-least))
		begin := time.Duration(i)*every + time.Duration(uniform(seed, 2*i+1)*float64(every-length))
		if t < begin || t >= begin+length {
			return 0
		}
		return begin + length - t
	}
}

// uniform returns the n-th of a series of random numbers in [0, 1) (SplitMix64).
func uniform(seed, n uint64) float64 {
	x := (seed+1)*0xd1342543de82ef95 + (n+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}
