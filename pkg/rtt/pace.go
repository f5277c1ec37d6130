package rtt

import "time"

const (
	// SlowInterval is the time between two probes of a reflector on an idle line.
	SlowInterval = time.Second
	// quietFor is how long a line has to be without load before its probes slow down.
	quietFor = time.Minute
	// checkFor is how long a delay without load is looked into at full rate, and after
	// its end. Where that shows none, as with a radio that sleeps between two probes, the
	// next look comes later and later.
	checkFor        = 5 * time.Second
	firstCheckPause = time.Second
	maxCheckPause   = 10 * time.Minute
)

// Pace decides when probes slow down: once the line has carried no load for a minute.
// They are at full rate again as soon as load is seen, and while there is a delay whose
// cause is not seen: traffic that the counters miss, another route, or silence. The zero
// value is at full rate.
type Pace struct {
	quietSince time.Duration
	started    bool
	slow       bool

	checking  time.Duration // at full rate until then, for a delay
	nextCheck time.Duration
	pause     time.Duration // before nextCheck
}

// Slow reports the last result of Update.
func (p *Pace) Slow() bool { return p.slow }

// Update returns whether probes are slow from now on. loaded reports load, or that it is
// not known; delayed that replies are late or missing; spent that a Budget is, which
// makes them slow whatever the rest.
func (p *Pace) Update(now time.Duration, loaded, delayed, spent bool) (slow bool) {
	if loaded || !p.started {
		*p = Pace{quietSince: now, started: true, slow: spent}
		return spent
	}
	if spent {
		return p.set(true)
	}
	if now-p.quietSince < quietFor {
		return p.set(false)
	}
	if now < p.checking {
		if delayed {
			p.checking = now + checkFor
		}
		return p.set(false)
	}
	if delayed && p.slow && now >= p.nextCheck {
		p.pause = min(max(firstCheckPause, 2*p.pause), maxCheckPause)
		p.checking = now + checkFor
		return p.set(false)
	}
	return p.set(true)
}

func (p *Pace) set(slow bool) bool {
	if slow && !p.slow {
		p.nextCheck = p.checking + p.pause
	}
	p.slow = slow
	return slow
}
