package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// observation is what all parts of one step share.
type observation struct {
	now       time.Duration
	elapsed   time.Duration // since the step before
	view      rtt.View
	excess    time.Duration // what a sparse packet suffers now, best evidence
	threshold time.Duration
	noise     time.Duration
	noisy     bool // a single sample says nothing of a queue
	slope     float64
	loop      time.Duration // from a queue's growth to a limit's effect
	effect    time.Duration // from a write to the first sample that shows it
	write     time.Duration // that a write takes
	fresh     bool          // new evidence since the last step
	calm      bool
	silent    bool

	// oneWay is the part of the excess that stands in each direction, where it is
	// known: where reflectors send timestamps that agree with the echoes.
	oneWay      [2]time.Duration
	oneWayKnown bool
}

// forDirection returns the observation of one direction: its own share of the delay
// where one-way delays are known, otherwise all of it.
func (o observation) forDirection(d Direction) observation {
	if !o.oneWayKnown {
		return o
	}
	if sum := o.oneWay[Download] + o.oneWay[Upload]; sum > 0 {
		o.slope *= float64(o.oneWay[d]) / float64(sum)
	}
	o.excess = min(o.excess, o.oneWay[d])
	return o
}

// observe takes in probes, counters and limits, and returns what they show.
func (l *Law) observe(now time.Duration, in Input) observation {
	if !l.started {
		l.started, l.lastStep, l.lastReply = true, now, now
		l.restore(now, l.cfg.Restore)
	}
	l.path.Slow = in.SlowProbes
	for _, e := range in.Events {
		l.countProbe(e)
	}
	for _, r := range in.Readings {
		for _, d := range Directions {
			l.dirs[d].meter.add(r.At, r.Queues[d])
		}
	}
	for _, d := range Directions {
		l.dirs[d].measure(now, in.Applied[d])
	}
	idle := l.idle(now)
	for _, e := range in.Events {
		l.observeProbe(e, idle || l.queueFree(now))
	}
	o := l.gather(now, in, idle)
	if !in.Hold && !o.silent {
		for _, d := range Directions {
			l.dirs[d].noteStable(o)
			l.dirs[d].explain(o)
		}
	}
	return o
}

// countProbe counts what our own probes carry: it is no load.
func (l *Law) countProbe(e rtt.Event) {
	switch {
	case e.Kind == rtt.Sent:
		l.dirs[Upload].meter.probes += ProbeBytes
	case e.Kind == rtt.Reply && plausible(e):
		l.dirs[Download].meter.probes += ProbeBytes
	}
}

// plausible reports a reply that a host can have given.
func plausible(e rtt.Event) bool {
	return e.RTT > 0 && e.RTT <= time.Minute && int(e.Reflector) < rtt.MaxReflectors
}

// idle reports that neither direction carries enough to build a queue. Where the
// limit lies far above the capacity a small share of it fills the line: a delay that
// began with a rise of throughput is that traffic's queue, and one that more than
// doubles the RTT is taken for another route only while next to nothing is carried.
func (l *Law) idle(now time.Duration) bool {
	delayed, doubled := l.last.excess > l.last.threshold, l.last.excess > l.last.view.Base
	for _, d := range Directions {
		dir := &l.dirs[d]
		if !dir.meter.fresh(now) || !dir.idle() || dir.meter.busyWithin(now, quietSpan) {
			return false
		}
		if delayed && (dir.onset.rose || doubled && dir.carried() > negligibleRate && !dir.onset.ended(dir.carried())) {
			return false
		}
	}
	return true
}

// queueFree reports that only the download is loaded and that its shaper, which
// sits behind the bottleneck, holds a queue: then none stands before it, and
// what delay there is belongs to the path. A new route under load shows that
// way, long before it would drive the limit down to the floor.
func (l *Law) queueFree(now time.Duration) bool {
	down, up := &l.dirs[Download], &l.dirs[Upload]
	return down.load > heldShare && down.meter.fresh(now) && down.busy(now) && up.load >= 0 && !up.loaded() && l.last.excess < l.cfg.Warn
}

// observeProbe passes an event to the reflectors; a reply counts for the baseline
// when the path is clean, free of queues.
func (l *Law) observeProbe(e rtt.Event, clean bool) {
	if e.Kind != rtt.Reply {
		l.path.Observe(e, clean)
		return
	}
	if !plausible(e) {
		return
	}
	e.RTT = max(e.RTT, l.cfg.BaselineMin)
	r := l.path.Reflector(int(e.Reflector))
	// The first reply of a host on a link that is bad already must not become its
	// baseline; what the user expects is the better guess. A host that is merely
	// farther away than the others is no sign of that.
	if r.Baseline() == 0 {
		switch initial := l.cfg.BaselineInitial; {
		case initial > 0 && e.RTT > min(initial+l.cfg.Warn, l.cfg.BaselineMax) && !clean:
			r.Rebase(initial)
		case e.RTT > l.cfg.BaselineMax:
			r.Rebase(l.cfg.BaselineMax)
		}
	}
	if !r.Spare() {
		l.lastReply = max(l.lastReply, e.At)
	}
	l.path.Observe(e, clean && e.RTT <= l.cfg.BaselineMax)
}

// gather forms the observation of this step and accumulates evidence for a queue.
func (l *Law) gather(now time.Duration, in Input, idle bool) observation {
	v := l.path.View(now)
	o := observation{
		now:     now,
		elapsed: now - l.lastStep,
		view:    v,
		excess:  v.Excess,
		effect:  in.WriteLatency + v.Base,
		write:   in.WriteLatency,
		loop:    in.WriteLatency + v.Base + loopTicks*l.cfg.Tick,
		fresh:   v.Fresh,
		silent:  v.Alive == 0,
	}
	if o.silent {
		// Nothing is known, which is no good news: what was seen last stays
		// until a reflector answers.
		o.view, o.excess, o.threshold = l.last.view, l.last.excess, l.last.threshold
		o.view.Alive, o.fresh = 0, false
		return o
	}
	limit := min(l.dirs[Download].limit, l.dirs[Upload].limit)
	o.threshold = l.noise.threshold(limit, l.cfg.Target)
	o.noise, o.noisy = l.noise.value(), l.noise.noisy()

	// An overdue probe gives a lower bound of the delay before any reply can. It
	// needs a second sign, or a filtered ping would look like a queue.
	second := v.Excess > times(overdueSign, o.threshold) || l.dirs[Download].underused(now) || l.dirs[Upload].underused(now)
	if v.OverdueDelay > v.Excess && second {
		o.excess, o.fresh = v.OverdueDelay, true
	}
	if o.fresh {
		l.noise.add(o.excess)
		l.noise.learn(l.noiseLesson(o, idle), l.cfg.Target)
	}
	o.excess = l.noise.excess()
	o.loop += l.noise.lag()
	if o.fresh {
		l.accumulate(o)
	}
	if v.OneWay {
		o.oneWay[Download], o.oneWay[Upload] = v.Down, v.Up
		o.oneWayKnown = max(v.Down, v.Up) > times(oneWayShare, o.excess)
	}
	o.slope = l.slope.value()
	if o.noisy {
		o.slope -= max(0, min(o.slope, l.noise.slope())) // what noise can make
	}
	o.calm = o.excess < o.threshold && now-l.lastReply < max(silentFor, silentTicks*l.cfg.Tick)

	weight := min(1, float64(o.elapsed)/float64(l.cfg.LoadTimeConstant))
	for _, d := range Directions {
		l.smooth[d] += times(weight, o.forDirection(d).excess-l.smooth[d])
	}
	l.last = o
	return o
}

// accumulate adds a sample to the evidence: to the slope, and to a one-sided CUSUM
// in units of excess per cusumUnit.
func (l *Law) accumulate(o observation) {
	l.slope.add(o.now, o.excess)
	over := min(o.excess, cusumSample*o.threshold) - o.threshold
	l.cusum += time.Duration(float64(over) * float64(o.elapsed) / float64(cusumUnit))
	l.cusum = max(0, min(l.cusum, cusumMost*o.threshold))
	l.persistent.add(o)
	if o.excess < o.threshold {
		l.calmAt = o.now
	}
	for _, d := range Directions {
		dir := &l.dirs[d]
		dir.onset.add(o.now, o.elapsed, l.calmAt, dir.carried(), dir.idle())
	}
}

// noiseLesson returns what the newest samples teach of the link's own noise: most while
// nothing is loaded, or while the download's shaper was seen holding the flow, so that
// nothing queues before it; next to nothing under other load, where a queue that grows
// slowly would pass for noise, but for what has gone by itself on a noisy line.
func (l *Law) noiseLesson(o observation, idle bool) lesson {
	if idle {
		return unloaded
	}
	why := held
	for _, d := range Directions {
		dir := &l.dirs[d]
		since := o.now - dir.since
		holds := dir.shaperBound(o.now) || o.noisy && dir.holds(o.now, burstSpan)
		switch {
		case dir.phase != hold || dir.loaded() && since <= noiseHeldFor:
			return nothing
		case !dir.loaded() || holds:
		case o.noisy:
			why = passed
		case since > noiseCalmFor && l.cusum == 0:
			why = calm
		default:
			return nothing
		}
	}
	return why
}

// rebaseline makes the delay of now the idle RTT.
func (l *Law) rebaseline(now time.Duration) {
	l.path.Rebase(now, l.cfg.BaselineMax)
	l.slope.reset()
	l.cusum, l.smooth = 0, [2]time.Duration{}
}
