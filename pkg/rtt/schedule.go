package rtt

import "time"

const (
	// ProbeInterval is the time between two echoes to a host, unless configured.
	ProbeInterval = 50 * time.Millisecond
	// TCPInterval is the time between two connections to a target, at least
	// where they replace echoes: its operator did not ask for them.
	TCPInterval = 200 * time.Millisecond

	// clockInterval is the time between two requests for a timestamp, to one
	// reflector after the other, and clockJitter the width of what is added at
	// random: with the milliseconds of their clocks out of step with ours,
	// resolution averages out.
	clockInterval = 100 * time.Millisecond
	clockJitter   = 8 * time.Millisecond

	// maxLate is how late a probe may leave rather than wait for its next turn.
	maxLate = 10 * time.Millisecond
)

// Schedule is when the probes of one target leave: at First and at every
// Interval after it. Targets keep to it over restarts of their senders.
type Schedule struct {
	First, Interval time.Duration
}

// Due returns the time of the next probe, given the time of the previous one,
// which may lie far in the past.
func (s Schedule) Due(now, last time.Duration) time.Duration {
	// One that has just become due is not skipped, and half an interval is the
	// room for a last one that went out a little early or late.
	from := max(now-min(s.Interval/4, maxLate), last+s.Interval/2)
	if from <= s.First {
		return s.First
	}
	return s.First + (from-s.First+s.Interval-1)/s.Interval*s.Interval
}

// Plan makes the schedules of the targets that are probed together. The zero
// Staggered is what a control loop is given.
type Plan struct {
	Start    time.Duration // of the run
	Interval time.Duration // between two echoes to one host
	// Staggered spreads the echoes of all hosts evenly over the interval.
	// Otherwise they all leave at once, on multiples of the interval, where a
	// loop with the same interval and clock wakes up anyway: waking up is most
	// of what a probe costs.
	Staggered bool
}

// Echoes returns the schedules of the echoes to n hosts.
func (p Plan) Echoes(n int) []Schedule {
	s := p.Spread(n, p.Interval)
	if !p.Staggered {
		for i := range s {
			s[i].First = p.begin()
		}
	}
	return s
}

// Spread returns the schedules of n targets that take turns.
func (p Plan) Spread(n int, interval time.Duration) []Schedule {
	s := make([]Schedule, n)
	for i := range s {
		s[i] = Schedule{First: p.begin() + interval*time.Duration(i)/time.Duration(n), Interval: interval}
	}
	return s
}

// Fallback returns the interval of connections that replace echoes.
func (p Plan) Fallback() time.Duration { return max(p.Interval, TCPInterval) }

func (p Plan) begin() time.Duration {
	if p.Staggered {
		return p.Start
	}
	return p.Start.Truncate(p.Interval) + p.Interval
}

// NextClockRequest returns when a timestamp is requested after a request at now;
// random lies in [0, 1).
func NextClockRequest(now time.Duration, random float64) time.Duration {
	return now + clockInterval - clockJitter/2 + time.Duration(random*float64(clockJitter))
}
