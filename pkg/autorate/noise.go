package autorate

import "time"

// noise tells a queue from the link's own delays. A queue delays every packet, noise
// only some: the minimum of the last few samples is a queue, as in CoDel. How many
// that takes follows from the noise: for each number it tracks the 90th percentile of
// that minimum when no queue of ours stands, by the usual asymmetric steps, so that a
// cable line with its request-grant jitter and a fibre line need no settings of their
// own.
type noise struct {
	tick   time.Duration
	seen   [maxSamples]time.Duration // the newest samples, a ring
	n      int
	p90    [maxSamples]time.Duration // by the number of samples, less one
	idle   [maxSamples]time.Duration // p90 when nothing was loaded
	extra  int                       // samples in use, less one
	margin time.Duration             // what false alarms have added to noiseLoaded
}

// add takes in the excess that a step has shown.
func (n *noise) add(x time.Duration) {
	n.seen[n.n%maxSamples] = x
	n.n++
}

// lowest returns the minimum of the newest sample and some before it.
func (n *noise) lowest(before int) time.Duration {
	if n.n == 0 {
		return 0
	}
	low := n.seen[(n.n-1)%maxSamples]
	for back := 1; back <= min(before, n.n-1); back++ {
		low = min(low, n.seen[(n.n-1-back)%maxSamples])
	}
	return low
}

// excess returns what counts as the excess now.
func (n *noise) excess() time.Duration { return n.lowest(n.extra) }

// learn takes the newest sample for noise, with a certainty of weight, 0 to 1.
func (n *noise) learn(weight float64, unloaded bool) {
	n.margin -= n.margin / falseAlarmFades
	if weight <= 0 || n.n == 0 {
		return
	}
	if most := maxSamples - 1; n.lowest(most) > max(noiseLeast, times(noiseFactor, n.p90[most])) {
		return // what none of the samples is spared is a delay, as of another route
	}
	least := noiseStepLoaded
	if unloaded {
		least = noiseStepIdle
	}
	for i := range n.p90 {
		p, x := &n.p90[i], n.lowest(i)
		step := weight * float64(least+times(noiseStepShare, *p))
		switch {
		case x <= *p:
			*p = max(0, *p-time.Duration((1-noiseQuantile)*step))
		case unloaded || *p < max(noiseLoaded+n.margin, n.idle[i]):
			*p += time.Duration(noiseQuantile * step)
		}
		if unloaded {
			n.idle[i] = *p
		}
	}
	n.choose()
}

// choose finds the number of samples that costs least.
func (n *noise) choose() {
	cost := func(i int) time.Duration {
		return max(noiseLeast, times(noiseFactor, n.p90[i])) + times(sampleCost*float64(i), n.tick)
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

// lag returns how much later a queue shows than to a single sample.
func (n *noise) lag() time.Duration { return time.Duration(n.extra) * n.tick }

// falseAlarm notes an alarm whose cause was gone before the cut could act.
func (n *noise) falseAlarm() { n.margin = min(n.margin+falseAlarmStep, falseAlarmMost) }

// threshold is the excess above which a sample counts as a sign of a queue:
// above the noise, plus what one full packet takes at limit bit/s, and never
// above cap, the user's idea of too much.
func (n *noise) threshold(limit float64, limitCap time.Duration) time.Duration {
	thr := max(noiseLeast, times(noiseFactor, n.value()))
	if limit > 0 {
		thr += times(packetBytes*8/limit, time.Second)
	}
	return min(thr, limitCap)
}

// earlyThreshold is the evidence that is enough where a queue is expected: little on a
// quiet link, as much as ever on one whose noise looks like a queue.
func (n *noise) earlyThreshold(threshold time.Duration) time.Duration {
	share := min(1, max(0, float64(n.value()-noiseLeast)/float64(earlyNoise)))
	return times(earlyLeast+(cusumAlarm-earlyLeast)*share, threshold)
}
