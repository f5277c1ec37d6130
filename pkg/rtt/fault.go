package rtt

import "time"

const (
	// A reflector in use is faulty at once when it is silent for silentFor while others
	// answer. It is faulty after badFor of too few answers, too much noise, or
	// disagreement with the others.
	silentFor      = 2 * time.Second
	badFor         = 10 * time.Second
	leastAnswered  = 0.8
	betterBy       = 0.2                  // another reflector's answer rate
	noisyAbove     = 8 * time.Millisecond // and noisyFactor times the others' noise
	noisyFactor    = 3
	disagreesAbove = 15 * time.Millisecond // and half of the others' excess

	// Echoes are limited where a reflector answers, but less than limitedBelow of the
	// probes, for limitedAfter. No queue does that: CAKE does not drop sparse flows.
	limitedBelow = 0.5
	limitedAfter = 30 * time.Second
)

// Fault is why a reflector should not be used.
type Fault uint8

// Faults.
const (
	NoFault      Fault = iota
	NotAnswering       // while others answer
	FewAnswers         // too low an answer rate, while others have a better one
	Noisy              // its delay varies more than that of the others
	Disagrees          // its delay grew, while that of the others did not
	SameOperator       // another one of its operator is in use
	FailedTrial        // as a spare: too few answers or too much noise
)

// Faults lists all faults.
var Faults = [...]Fault{NotAnswering, FewAnswers, Noisy, Disagrees, SameOperator, FailedTrial}

func (f Fault) String() string {
	switch f {
	case NoFault:
		return ""
	case NotAnswering:
		return "no answer"
	case FewAnswers:
		return "few answers"
	case Noisy:
		return "noisy delay"
	case Disagrees:
		return "delay differs from the others"
	case SameOperator:
		return "operator of another one in use"
	case FailedTrial:
		return "failed a trial"
	}
	return "unknown"
}

// check returns the fault of reflector i, which is in use, and how long it has to last
// before the reflector is replaced.
func (s *Selection) check(i int, now time.Duration) (fault Fault, patience time.Duration) {
	h := &s.hosts[i]
	silent := max(silentFor, 4*s.interval)
	switch {
	case h.probes == 0:
		return NoFault, 0
	case now-h.lastReply > silent && s.newestReply() > h.lastReply+silent/2:
		return NotAnswering, 0
	case h.answers.n >= 20 && h.answers.mean < leastAnswered && s.bestAnswerRate(i) > h.answers.mean+betterBy:
		return FewAnswers, badFor
	case s.noisy(i):
		return Noisy, badFor
	case h.differs.n >= 40 && s.count(InUse) > 2 && time.Duration(h.differs.mean) > max(disagreesAbove, s.excess(now)/2):
		return Disagrees, badFor
	}
	for j := range i {
		if s.hosts[j].role == InUse && s.hosts[j].operator == h.operator {
			return SameOperator, 0
		}
	}
	return NoFault, 0
}

func (s *Selection) noisy(i int) bool {
	h := &s.hosts[i]
	return h.noise.n >= 20 && time.Duration(h.noise.mean) > max(noisyAbove, noisyFactor*s.lowestNoise(i))
}

// lowestNoise returns the lowest noise of the reflectors in use other than i.
func (s *Selection) lowestNoise(i int) time.Duration {
	low := time.Duration(0)
	for j := range s.hosts {
		if h := &s.hosts[j]; j != i && h.role == InUse && h.noise.n > 0 {
			if v := time.Duration(h.noise.mean); low == 0 || v < low {
				low = v
			}
		}
	}
	return low
}

// bestAnswerRate returns the best answer rate of the reflectors other than i.
func (s *Selection) bestAnswerRate(i int) (best float64) {
	for j := range s.hosts {
		if h := &s.hosts[j]; j != i && h.answers.n >= 2 {
			best = max(best, h.answers.mean)
		}
	}
	return best
}

func (s *Selection) newestReply() (at time.Duration) {
	for i := range s.hosts {
		if h := &s.hosts[i]; h.replied {
			at = max(at, h.lastReply)
		}
	}
	return at
}

// reviewAnswers updates since when h answers, but only few probes.
func (s *Selection) reviewAnswers(h *candidate, now time.Duration) {
	low := h.answers.n >= 20 && h.answers.mean < limitedBelow && h.replied && now-h.lastReply < max(5*time.Second, 20*s.interval)
	switch {
	case !low:
		h.lowSince = 0
	case h.lowSince == 0:
		h.lowSince = now
	}
}

// EchoLimit describes reflectors in use that answer only a part of the probes.
type EchoLimit struct {
	Limited int     // reflectors that do, for a while; 0: none
	Used    int     // reflectors in use
	Path    bool    // none in use answers more: the limit is that of the path
	Rate    float64 // answers per second of the limited ones together, with Path of all
	Sent    float64 // probes per second to them
}

// EchoLimit returns the state at now.
func (s *Selection) EchoLimit(now time.Duration) EchoLimit {
	var limited, all EchoLimit
	good := 0
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.role != InUse {
			continue
		}
		all.count(h, s.interval)
		if h.answers.n == 0 || h.answers.mean >= limitedBelow {
			good++
		}
		if h.lowSince > 0 && now-h.lowSince >= limitedAfter {
			limited.count(h, s.interval)
		}
	}
	l := limited
	if l.Path = good == 0 && limited.Limited > 0; l.Path {
		l = all
		l.Limited, l.Path = limited.Limited, true
	}
	l.Used = all.Limited
	return l
}

// count adds h.
func (l *EchoLimit) count(h *candidate, interval time.Duration) {
	l.Limited++
	l.Sent += 1 / interval.Seconds()
	l.Rate += h.answers.mean / interval.Seconds()
}
