package rtt

import "time"

const (
	// ProbeInterval is the time between two echoes to a host, unless configured.
	ProbeInterval = 50 * time.Millisecond
	// TCPInterval is the least time between two connections to a target where they
	// replace echoes: connections cost its operator more.
	TCPInterval = 200 * time.Millisecond

	// SpareInterval is the least time between two probes of reflectors that are not in
	// use.
	SpareInterval = time.Second

	// clockInterval is the time between two timestamp requests, to the reflectors in
	// turn, and clockJitter the width of its random part: requests at random phases
	// of the reflector's millisecond average out its resolution.
	clockInterval = 100 * time.Millisecond
	clockJitter   = 8 * time.Millisecond

	// maxLate is how late a probe may leave instead of being skipped.
	maxLate = 10 * time.Millisecond
)

// Schedule is the schedule of the probes of one target: at First and at every
// Interval after it. It outlives restarts of the sender.
type Schedule struct {
	First, Interval time.Duration
}

// Due returns the time of the next probe, given the time of the previous one, which
// may be long ago.
func (s Schedule) Due(now, last time.Duration) time.Duration {
	// A probe that became due just now is not skipped. Half an interval allows for a
	// previous one that left early or late.
	from := max(now-min(s.Interval/4, maxLate), last+s.Interval/2)
	if from <= s.First {
		return s.First
	}
	return s.First + (from-s.First+s.Interval-1)/s.Interval*s.Interval
}

// Plan computes the schedules of targets that are probed together. Control loops use
// Staggered=false.
type Plan struct {
	Start    time.Duration // of the run
	Interval time.Duration // between two echoes to one host
	// Staggered spreads the echoes of all hosts evenly over the interval. Otherwise
	// they leave together, on multiples of the interval, when a loop with the same
	// interval and clock wakes up anyway: wake-ups are most of the cost of a probe.
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

// Spread returns the schedules of n targets that are spread evenly over interval.
func (p Plan) Spread(n int, interval time.Duration) []Schedule {
	s := make([]Schedule, n)
	for i := range s {
		s[i] = Schedule{First: p.begin() + interval*time.Duration(i)/time.Duration(n), Interval: interval}
	}
	return s
}

// Spares returns the schedules of n reflectors for the time that they are spares. They
// take turns: those in use skip theirs, so that all spares together get at most one
// probe in SpareInterval.
func (p Plan) Spares(n int) []Schedule { return p.Spread(n, SparePeriod(n, p.Interval)) }

// SparePeriod returns the time between two probes of one spare among n reflectors:
// whole intervals, so that a loop wakes up for its own probes anyway.
func SparePeriod(n int, interval time.Duration) time.Duration {
	turn := max(SpareInterval, interval)
	return time.Duration(n) * ((turn + interval - 1) / interval * interval)
}

// Slow returns the schedules of the echoes to n hosts on an idle line, one in interval for
// each host: spread over it, so that there is news more often, and on multiples of the
// usual interval.
func (p Plan) Slow(n int, interval time.Duration) []Schedule {
	period := (max(interval, p.Interval) + p.Interval - 1) / p.Interval * p.Interval
	s := p.Spread(n, period)
	for i := range s {
		s[i].First = p.begin() + (s[i].First - p.begin()).Truncate(p.Interval)
	}
	return s
}

// ScheduleOf returns which of its schedules a reflector has in a role: those on trial are
// judged by as many probes as ever.
func ScheduleOf(r Role, slow bool, full, spare, slowly Schedule) Schedule {
	switch {
	case r == Standby:
		return spare
	case r == InUse && slow:
		return slowly
	}
	return full
}

// SilentAfter returns how long without a reply is silence, where that is usual at full
// rate, and interval is the time between two slow probes.
func SilentAfter(usual time.Duration, slow bool, interval time.Duration) time.Duration {
	if slow {
		return max(usual, 3*interval)
	}
	return usual
}

// Fallback returns the interval of connections that replace echoes.
func (p Plan) Fallback() time.Duration { return max(p.Interval, TCPInterval) }

func (p Plan) begin() time.Duration {
	if p.Staggered {
		return p.Start
	}
	return p.Start.Truncate(p.Interval) + p.Interval
}

// NextClockRequest returns the time of the timestamp request after one at now; random
// is in [0, 1). slow is the time between two slow probes, 0 at full rate.
func NextClockRequest(now time.Duration, random float64, slow time.Duration) time.Duration {
	interval := max(clockInterval, slow)
	return now + interval - clockJitter/2 + time.Duration(random*float64(clockJitter))
}
