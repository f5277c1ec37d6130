package autorate

import (
	"math"
	"time"
)

// noise tells a queue from the link's own delays. A queue delays every packet, noise
// only some: the minimum of the last few samples is a queue, as in CoDel. How many
// that takes follows from the noise: for each number it tracks the 90th percentile of
// that minimum when no queue of ours stands, by the usual asymmetric steps, so that a
// cable line with its request-grant jitter and a fibre line need no settings of their
// own.
//
// Under load the line shows more of it than unloaded: what it holds back comes in bursts,
// and these leave queues below the capacity. What a queue of ours cannot be is learned,
// too: a delay that has gone while the limit stayed, and one of a download whose shaper
// holds the flow.
type noise struct {
	tick   time.Duration
	seen   [maxSamples + goneWithin]time.Duration // the newest samples, a ring
	n      int
	p90    [maxSamples]time.Duration // by the number of samples, less one
	idle   [maxSamples]time.Duration // p90 when nothing was loaded
	extra  int                       // samples in use, less one
	packet time.Duration             // that a full packet takes
	margin time.Duration             // what false alarms have added to noiseLoaded
}

// add takes in the excess that a step has shown.
func (n *noise) add(x time.Duration) {
	n.seen[n.n%len(n.seen)] = x
	n.n++
}

// lowest returns the minimum of a sample, the newest but some, and of some before it.
func (n *noise) lowest(newer, before int) time.Duration {
	if n.n <= newer {
		return 0
	}
	last := n.n - 1 - newer
	low := n.seen[last%len(n.seen)]
	for back := 1; back <= min(before, last); back++ {
		low = min(low, n.seen[(last-back)%len(n.seen)])
	}
	return low
}

// excess returns what counts as the excess now.
func (n *noise) excess() time.Duration { return n.lowest(0, n.extra) }

// lesson is why what a step has shown may be taken for noise.
type lesson uint8

const (
	nothing  lesson = iota
	unloaded        // nothing is carried that could queue
	held            // the download's shaper holds the flow: nothing stands before it
	passed          // on a noisy line: it has gone by itself
	calm            // under other load nothing has happened for a while: most likely noise
)

// learn takes in a lesson. target is the excess that the user bears.
func (n *noise) learn(why lesson, target time.Duration) {
	n.margin -= n.margin / falseAlarmFades
	if why == nothing || n.n == 0 {
		return
	}
	if most := maxSamples - 1; (why == unloaded || !n.noisy()) && n.lowest(0, most) > max(noiseLeast, times(noiseFactor, n.p90[most])) {
		return // what none of the samples is spared is a delay, as of another route
	}
	least, weight := noiseStepLoaded, 1.0
	switch why {
	case unloaded:
		least = noiseStepIdle
	case calm:
		weight = noiseCalmWeight
	case nothing, held, passed:
	}
	for i := range n.p90 {
		p, x := &n.p90[i], n.lowest(0, i)
		if why == passed { // all of it, if the better half has gone since
			x = n.lowest(goneWithin, i)
			x = min(x, 2*(x-n.lowest(0, goneWithin)))
		}
		step := weight * float64(least+times(noiseStepShare, *p))
		switch {
		case x <= *p:
			*p = max(0, *p-time.Duration((1-noiseQuantile)*step))
		case why == unloaded || *p < n.mostLoaded(why, i):
			*p += time.Duration(noiseQuantile * step)
		}
		if why == unloaded {
			n.idle[i] = *p
		}
	}
	n.choose(target)
}

// mostLoaded is the noise that is learned under load, at most, of the i-th number of samples.
func (n *noise) mostLoaded(why lesson, i int) time.Duration {
	switch {
	case why == held && n.noisy():
		return math.MaxInt64
	case why == passed:
		return n.idle[0]
	default:
		return max(noiseLoaded+n.margin, n.idle[i])
	}
}

// noisy reports a line where a single sample says nothing of a queue, and not because a
// packet takes so long.
func (n *noise) noisy() bool { return n.idle[0] > noisyFrom+n.packet }

// choose finds the number of samples that costs least. Noise above target costs more,
// since the threshold does not follow it there.
func (n *noise) choose(target time.Duration) {
	cost := func(i int) time.Duration {
		thr := max(noiseLeast, times(noiseFactor, n.p90[i]))
		if n.noisy() {
			thr += times(aboveTarget, max(0, thr-target))
		}
		return thr + times(sampleCost*float64(i), n.tick)
	}
	best := n.extra
	for i := range n.p90 {
		if cost(i) < cost(best) {
			best = i
		}
	}
	if cost(best) < cost(n.extra)-samplesChange {
		n.extra = best
	}
}

// restore begins with the noise that so many samples leave.
func (n *noise) restore(p90 time.Duration, samples int) {
	n.extra = max(0, min(samples, maxSamples)-1)
	for i := range n.p90 {
		n.p90[i] = p90
		if fewer := n.extra - i; fewer > 0 { // or it would not take so many
			n.p90[i] += times(2*sampleCost*float64(fewer), n.tick)
		}
	}
	n.idle = n.p90
}

// value returns the noise that is left of the samples in use.
func (n *noise) value() time.Duration { return n.p90[n.extra] }

// slope is how fast the excess seems to grow by noise alone, over the samples that a slope
// is taken from.
func (n *noise) slope() float64 {
	return float64(n.value()) / float64((slopePoints-1)*n.tick)
}

// lag returns how much later a queue shows than to a single sample.
func (n *noise) lag() time.Duration { return time.Duration(n.extra) * n.tick }

// falseAlarm notes an alarm whose cause was gone before the cut could act.
func (n *noise) falseAlarm() { n.margin = min(n.margin+falseAlarmStep, falseAlarmMost) }

// threshold is the excess above which a sample counts as a sign of a queue:
// above the noise, plus what one full packet takes at limit bit/s, and never
// above cap, the user's idea of too much.
func (n *noise) threshold(limit float64, limitCap time.Duration) time.Duration {
	n.packet = 0
	if limit > 0 {
		n.packet = times(packetBytes*8/limit, time.Second)
	}
	return min(max(noiseLeast, times(noiseFactor, n.value()))+n.packet, limitCap)
}

// earlyThreshold is the evidence that is enough where a queue is expected: little on a
// quiet link, as much as ever on one whose noise looks like a queue.
func (n *noise) earlyThreshold(threshold time.Duration) time.Duration {
	share := min(1, max(0, float64(n.value()-noiseLeast)/float64(earlyNoise)))
	return times(earlyLeast+(cusumAlarm-earlyLeast)*share, threshold)
}
