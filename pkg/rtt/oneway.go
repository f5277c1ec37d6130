package rtt

import (
	"math"
	"slices"
	"time"
)

const (
	// emptyBelow is the excess up to which the queues of both directions count as
	// empty.
	emptyBelow = 3 * time.Millisecond
	// offsetAfter is how many such samples make the clock offset known.
	offsetAfter = 4
	// clockMemory is the time constant of the offset and its drift: long enough to
	// average out a resolution of 1 ms, short enough to follow a clock that is
	// being slewed.
	clockMemory = 15 * time.Second
	// maxDrift limits the drift of a working clock against ours, in seconds per
	// second; bad clocks drift by 200 ppm.
	maxDrift = 300e-6
	// stepAtLeast is the smallest clock step that is treated as a step; smaller ones
	// are followed. It takes two samples in a row.
	stepAtLeast = 6 * time.Millisecond
	// maxSteps within rejectFor mean an unusable clock, or two hosts at one address.
	maxSteps = 3
	// maxDispersion is the largest acceptable uncertainty of the split.
	maxDispersion = 2 * time.Millisecond
	// maxScatter is the scatter of a clock that is too coarse.
	maxScatter = 1500 * time.Microsecond
	// agreeWithin, or a quarter of the excess, is the largest difference between the
	// sum of both directions and the round trips of echoes, on average over
	// agreeOver.
	agreeWithin = 3 * time.Millisecond
	agreeOver   = 2 * time.Second
	rejectFor   = 30 * time.Second
	// validFor is how long a sample is used, smoothOver the span of the median.
	validFor   = 500 * time.Millisecond
	smoothOver = 250 * time.Millisecond
	// newestWithin, or a quarter of the excess, is the largest difference between the
	// newest sample and the echoes at which it represents all reflectors.
	newestWithin = 2 * time.Millisecond
	// maxPause is the longest pause between two samples that the estimate survives.
	maxPause = 10 * time.Minute
)

// oneWay splits the excess delay of one reflector into its two directions.
//
// A reflector's timestamps contain the unknown offset between two clocks, which
// drifts. Two facts limit it. Up+Down is a round trip, independent of either clock,
// so its excess E over the echoes' baseline is known, standing queues included. And
// neither direction is ever faster than with empty queues, so Up-Down lies within E
// of its value with empty queues. With E near 0 that determines the offset, under
// any load; with a standing queue it still bounds it. The estimate is a line that is
// corrected, like that of a clock servo, only by the samples outside of the bounds:
// a deviation within them is a queue.
type oneWay struct {
	offset   float64       // Up-Down of empty queues at time at, ns
	drift    float64       // of offset, ns per ns
	at       time.Duration // time of the newest used sample
	empty    int           // samples with empty queues behind offset; 0: unknown
	first    time.Duration // time of the first of them
	last     time.Duration // time of the newest of them
	outliers int           // samples in a row that only a clock step explains
	steps    int
	stepped  time.Duration // the newest step
	scatter  float64       // mean distance outside of the bounds, ns

	// comparison of the sum with the echoes
	pathBias      float64 // extra time of a timestamp over an echo, ns
	biasSamples   int     // samples behind pathBias
	waiting       bool    // for the echo that follows the newest sample
	sum           float64 // excess of that sample, ns
	before        float64 // excess of the echo before it
	compared      time.Duration
	samples       int
	meanDiff      float64 // mean difference, ns
	level         float64 // mean excess of the echoes, ns
	rejectedUntil time.Duration

	recent [3]split // newest first
	filled int
}

// split is an excess by direction.
type split struct{ at, up, down time.Duration }

// observe adds one sample of a reflector whose newest echo took lastRTT, at lastReply,
// with the baseline base.
func (o *oneWay) observe(e Event, base, lastRTT, lastReply time.Duration) {
	const absurd = 48 * time.Hour
	if e.Up > absurd || e.Up < -absurd || e.Down > absurd || e.Down < -absurd {
		return
	}
	// Two roundings to a millisecond may make a short trip shorter.
	if sum := e.Up + e.Down; sum < -2*time.Millisecond || sum > time.Minute {
		return
	}
	if base <= 0 || e.At-lastReply > aliveAtLeast || lastReply-e.At > aliveAtLeast {
		return // nothing to compare with
	}
	pause := e.At - o.at
	if o.empty > 0 && pause <= 0 {
		return
	}
	if pause > maxPause || pause < 0 {
		o.forget()
	}
	excess := o.excess(e.Up+e.Down, base, lastRTT)
	if !o.follow(e.At, float64(e.Up-e.Down), excess) {
		return
	}
	difference := max(-excess, min(excess, float64(e.Up-e.Down)-o.offset))
	copy(o.recent[1:], o.recent[:2])
	o.recent[0] = split{e.At, time.Duration((excess + difference) / 2), time.Duration((excess - difference) / 2)}
	o.filled = min(o.filled+1, len(o.recent))
}

// excess returns the excess of a round trip over base and the bias of the timestamps'
// own path. It records it for the comparison with the echoes.
func (o *oneWay) excess(trip, base, lastRTT time.Duration) float64 {
	echo := float64(lastRTT - base)
	raw := float64(trip-base) - o.pathBias
	if echo < float64(emptyBelow) {
		// Timestamp requests may take another path, or be processed more slowly by
		// the reflector. Single outliers carry little weight.
		o.biasSamples = min(o.biasSamples+1, 64)
		const outlier = float64(10 * time.Millisecond)
		change := max(-outlier, min(outlier, raw-echo)) / float64(o.biasSamples)
		o.pathBias += change
		raw -= change
	}
	o.waiting, o.sum, o.before = true, raw, echo
	return max(0, raw)
}

// compare compares the newest sample with the echoes before and after it. Anything
// between those two agrees, as the queue may have changed.
func (o *oneWay) compare(now time.Duration, after float64) {
	if !o.waiting {
		return
	}
	o.waiting = false
	echo := max(min(o.before, after), min(max(o.before, after), o.sum))
	weight := min(1, max(0, float64(now-o.compared)/float64(agreeOver)))
	if o.samples < 3 {
		weight = 1 / float64(o.samples+1)
	}
	o.compared, o.samples = now, min(o.samples+1, 3)
	// A single retransmitted or delayed packet carries limited weight.
	most := 10e6 + math.Abs(echo)/2
	o.meanDiff += weight * (max(-most, min(most, o.sum-echo)) - o.meanDiff)
	o.level += weight * (echo - o.level)
	if o.samples >= 3 && math.Abs(o.meanDiff) > max(float64(agreeWithin), o.level/4) {
		o.reject(now)
	}
}

// reject stops the use of the split for rejectFor.
func (o *oneWay) reject(now time.Duration) {
	o.rejectedUntil = now + rejectFor
	o.samples, o.meanDiff, o.level, o.scatter, o.steps = 0, 0, 0, 0, 0
	o.filled = 0
}

// forget discards the clock offset. The drift, a property of two crystals, stays.
func (o *oneWay) forget() {
	o.empty, o.outliers, o.filled, o.scatter = 0, 0, 0, 0
}

// follow updates the clock offset with a sample of Up-Down and reports whether the
// sample can be split.
func (o *oneWay) follow(at time.Duration, clockDiff, excess float64) bool {
	isEmpty := excess <= float64(emptyBelow)
	if o.empty == 0 {
		if isEmpty {
			o.offset, o.at, o.first, o.last, o.empty = clockDiff, at, at, at, 1
		}
		return false
	}
	since := float64(at - o.at)
	expected := o.offset + o.drift*since
	residual := clockDiff - expected
	residual -= max(-excess, min(excess, residual))
	// Up-Down changes by twice the change of the clock.
	if math.Abs(residual) > 2*float64(stepAtLeast) {
		if o.outliers++; o.outliers >= 2 {
			o.step(at)
		}
		return false
	}
	o.outliers = 0
	pull := min(0.5, 2*since/float64(clockMemory))
	o.scatter += min(1, since/float64(agreeOver)) * (math.Abs(residual) - o.scatter)
	o.drift += residual * since / (float64(clockMemory) * float64(clockMemory))
	o.drift = max(-2*maxDrift, min(2*maxDrift, o.drift))
	if isEmpty {
		o.empty++
		o.last = at
		pull = max(pull, 1/float64(o.empty))
		o.empty = min(o.empty, 1000)
	}
	o.offset, o.at = expected+pull*residual, at
	if o.empty >= offsetAfter && o.scatter > 2*float64(maxScatter) {
		o.reject(at)
	}
	return o.empty >= offsetAfter && o.dispersion(at) <= float64(maxDispersion)
}

// step records a step of the reflector's clock. The split is unknown until the queues
// are empty again.
func (o *oneWay) step(at time.Duration) {
	if at-o.stepped > rejectFor {
		o.steps = 0
	}
	o.stepped = at
	o.steps++
	if o.steps >= maxSteps {
		o.reject(at)
	}
	o.forget()
}

// dispersion returns the largest error of the offset (RFC 5905's term), in
// nanoseconds. It grows with the time since the queues were last empty, more slowly
// the longer the clocks had been observed before.
func (o *oneWay) dispersion(now time.Duration) float64 {
	const wander = 2e-6 // of a crystal with the temperature
	watched := float64(o.last-o.first) + float64(time.Second)
	return float64(now-o.last) * min(maxDrift, wander+float64(time.Millisecond)/watched)
}

// valid reports whether the split is known at now.
func (o *oneWay) valid(now time.Duration) bool {
	return o.filled > 0 && now-o.recent[0].at <= validFor && now >= o.rejectedUntil
}

// up and down return the excess of a direction, the median of the samples within
// smoothOver.
func (o *oneWay) up() time.Duration {
	return o.median(func(s *split) time.Duration { return s.up })
}

func (o *oneWay) down() time.Duration {
	return o.median(func(s *split) time.Duration { return s.down })
}

func (o *oneWay) median(of func(*split) time.Duration) time.Duration {
	var v [len(o.recent)]time.Duration
	n := 0
	for n < o.filled && o.recent[0].at-o.recent[n].at <= smoothOver {
		v[n] = of(&o.recent[n])
		n++
	}
	switch n {
	case 0:
		return 0
	case 2:
		return v[0]
	}
	slices.Sort(v[:n])
	return v[n/2]
}
