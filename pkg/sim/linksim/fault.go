package linksim

import "time"

// Fault is a defect of a reflector: it returns the extra delay of a ping that
// arrives at t while queues add excess, and whether the ping stays unanswered.
type Fault func(reflector int, t, excess time.Duration) (extra time.Duration, silent bool)

// SilentFrom makes one reflector fall silent for good.
func SilentFrom(reflector int, from time.Duration) Fault {
	return func(i int, t, _ time.Duration) (time.Duration, bool) { return 0, i == reflector && t >= from }
}

// Shifted moves one reflector away, as when its operator's anycast changes.
func Shifted(reflector int, from, by time.Duration) Fault {
	return func(i int, t, _ time.Duration) (time.Duration, bool) {
		if i == reflector && t >= from {
			return by, false
		}
		return 0, false
	}
}

// Deprioritised makes one reflector answer pings late while it is busy: by up to by,
// in waves of a second.
func Deprioritised(reflector int, by time.Duration, busy func(t time.Duration) bool) Fault {
	return func(i int, t, _ time.Duration) (time.Duration, bool) {
		if i != reflector || !busy(t) {
			return 0, false
		}
		wave := t % time.Second
		return by * wave / time.Second, false
	}
}

// EchoLimit lets so many pings a second through to be answered, after a burst, all
// reflectors together: a firewall before this host drops what exceeds its limit.
// The returned Fault counts, so each link needs its own.
func EchoLimit(perSecond, burst float64) Fault {
	tokens, last := burst, time.Duration(0)
	return func(_ int, t, _ time.Duration) (time.Duration, bool) {
		tokens = min(burst, tokens+perSecond*(t-last).Seconds())
		last = t
		if tokens < 1 {
			return 0, true
		}
		tokens--
		return 0, false
	}
}

// EchoLoss makes a share of all pings stay unanswered, at random.
func EchoLoss(seed uint64, share float64) Fault {
	n := uint64(0)
	return func(int, time.Duration, time.Duration) (time.Duration, bool) {
		n++
		return 0, uniform(seed, n) < share
	}
}

// EchoNoise delays each ping by up to most, at random.
func EchoNoise(seed uint64, most time.Duration) Fault {
	n := uint64(0)
	return func(int, time.Duration, time.Duration) (time.Duration, bool) {
		n++
		return time.Duration(uniform(seed, n) * float64(most)), false
	}
}

// On limits a fault to one reflector, from a moment on.
func On(reflector int, from time.Duration, fault Fault) Fault {
	return func(i int, t, excess time.Duration) (time.Duration, bool) {
		if i != reflector || t < from {
			return 0, false
		}
		return fault(i, t, excess)
	}
}

// Faults adds several up.
func Faults(faults ...Fault) Fault {
	return func(i int, t, excess time.Duration) (extra time.Duration, silent bool) {
		for _, f := range faults {
			e, s := f(i, t, excess)
			extra, silent = extra+e, silent || s
		}
		return extra, silent
	}
}
