package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// loaded is the share of its limit a direction carries when a queue is
	// likely its doing.
	loaded = 0.4
	// faint is the share below which it cannot be: such a direction is never
	// cut, and delay then is the path's own. In between, where a limit may lie
	// far above the capacity, only a verification can tell.
	faint = 0.03
	// turn is for how long one of two loaded directions alone may probe, beside
	// ten loop times, and verdict how long a queue needs to show after a raise,
	// beside one.
	turn = 1200 * time.Millisecond
	// negligible is a throughput in bit/s that fills no line.
	negligible = 90e3
	verdict    = 700 * time.Millisecond
	// silenceAtLeast freezes raises: no reflector has answered for this long,
	// or longer where they are asked seldom.
	silenceAtLeast = 250 * time.Millisecond
)

// Law decides the limits of one WAN. It is not safe for concurrent use; one
// goroutine steps it.
type Law struct {
	cfg   Config
	path  rtt.Path
	noise noise
	slope slope
	dirs  [2]direction

	cusum     time.Duration    // accumulated excess over the threshold
	smooth    [2]time.Duration // excess as the states see it
	last      sight            // of the last step in which somebody answered
	lastStep  time.Duration
	lastReply time.Duration
	calmAt    time.Duration // the last sample without delay; 0: none yet
	late      bool          // the last step came too late to be evidence
	started   bool
	verify    verifier
	plateau   plateau
	climber   Direction // who may probe upwards while both are loaded
	climbing  time.Duration
}

// New returns a Law that starts from limits in force, each bounded to its
// direction's range; 0 means unlimited or unknown and starts at the ceiling.
func New(cfg Config, inForce [2]bitrate.Rate) *Law {
	l := &Law{cfg: cfg.withDefaults()}
	l.path.Interval, l.noise.tick = l.cfg.Tick, l.cfg.Tick
	l.dirs[Download].share, l.dirs[Upload].share = settleDown, settleUp
	for _, d := range Directions {
		l.dirs[d].meter.stale = max(staleAtLeast, 3*l.cfg.Tick)
		l.dirs[d].init(l.cfg.Directions[d], inForce[d])
	}
	return l
}

// SetExternally makes rate the limit of d, because somebody else set it on the router.
func (l *Law) SetExternally(d Direction, rate bitrate.Rate) {
	l.dirs[d].init(l.cfg.Directions[d], rate)
	l.verify.running = false // it asked about another limit
}

// Decision is what one Step decided, with the estimates that led there.
type Decision struct {
	At         time.Duration
	RTT        time.Duration // combined newest RTT, at the distance of the reflectors first used
	Baseline   time.Duration // combined idle RTT, at the same distance
	Excess     time.Duration // combined excess delay
	Threshold  time.Duration // excess that counts as a sign of a queue
	Noise      time.Duration // 90th percentile of the excess without one
	Samples    int           // in a row that an excess has to last to count
	Slope      float64       // growth of the queue, ms per ms
	Alive      int           // reflectors answering
	Directions [2]DirectionDecision
}

// DirectionDecision is the part of a Decision for one direction. It is zero for a
// direction that is not controlled.
type DirectionDecision struct {
	Limit      bitrate.Rate
	State      State
	Reason     Reason
	Load       float64      // share of the applied limit in use; -1 unknown
	Throughput bitrate.Rate // measured
	Capacity   bitrate.Rate // estimated; 0 unknown

	CapacityAge time.Duration // since it was last seen; it is trusted for ten minutes
	Changed     bool          // Limit, State or Reason differ from the last step
}

// sight is what all parts of one step share.
type sight struct {
	now       time.Duration
	before    time.Duration // the step before
	view      rtt.View
	excess    time.Duration // what a sparse packet suffers now, best evidence
	threshold time.Duration
	noise     time.Duration
	slope     float64
	loop      time.Duration // from a queue's growth to a limit's effect
	effect    time.Duration // from a write to the first sample that shows it
	write     time.Duration // that a write takes
	fresh     bool          // new evidence since the last step
	calm      bool
	silent    bool

	// ways is what of the excess stands in each direction, if told: where
	// reflectors tell their clocks, and their news has caught up with the echoes.
	ways [2]time.Duration
	told bool
}

// of is the sight of one direction: its own part of what is seen, where that is
// told, and all of it where not.
func (s sight) of(d Direction) sight {
	if !s.told {
		return s
	}
	if sum := s.ways[Download] + s.ways[Upload]; sum > 0 {
		s.slope *= float64(s.ways[d]) / float64(sum)
	}
	s.excess = min(s.excess, s.ways[d])
	return s
}

// Step advances the law to now, which must not go backwards.
func (l *Law) Step(now time.Duration, in Input) Decision {
	if !l.started {
		l.started, l.lastStep, l.lastReply = true, now, now
		l.restore(now, l.cfg.Restore)
	}
	for _, e := range in.Events {
		l.countProbe(e)
	}
	for _, r := range in.Readings {
		for _, d := range Directions {
			l.dirs[d].meter.add(r.At, r.Queues[d])
		}
	}
	for _, d := range Directions {
		l.dirs[d].observe(now, in.Applied[d])
	}
	unloaded := l.unloaded(now)
	clean := unloaded || l.cleared(now)
	for _, e := range in.Events {
		l.observe(e, clean)
	}
	s := l.look(now, in, unloaded)
	if !in.Hold && !s.silent {
		l.decide(s)
	} else {
		l.hold(s)
	}
	l.lastStep = now
	return l.decision(s)
}

// countProbe keeps what our own probes carry: it is no load.
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

// unloaded reports that neither direction carries enough to build a queue. Where the
// limit lies far above the capacity a small share of it fills the line: a delay that
// began with a rise of throughput is that traffic's queue, and one that more than
// doubles the RTT is taken for another route only while next to nothing is carried.
func (l *Law) unloaded(now time.Duration) bool {
	delayed, doubled := l.last.excess > l.last.threshold, l.last.excess > l.last.view.Base
	for _, d := range Directions {
		dir := &l.dirs[d]
		if !dir.meter.fresh(now) || !dir.faint() || dir.meter.busyWithin(now, time.Second) {
			return false
		}
		if delayed && (dir.rose || doubled && dir.through-dir.own > negligible) {
			return false
		}
	}
	return true
}

// cleared reports that only the download is loaded and that its shaper, which
// sits behind the bottleneck, holds a queue: then none stands before it, and
// what delay there is belongs to the path. A new route under load shows that
// way, long before it would drive the limit down to the floor.
func (l *Law) cleared(now time.Duration) bool {
	down, up := &l.dirs[Download], &l.dirs[Upload]
	return down.load > 0.9 && down.meter.fresh(now) && down.busy(now) && up.load >= 0 && up.load < loaded && l.last.excess < l.cfg.Warn
}

func (l *Law) observe(e rtt.Event, clean bool) {
	if e.Kind == rtt.Reply {
		if !plausible(e) {
			return
		}
		e.RTT = max(e.RTT, l.cfg.BaselineMin)
		// A host's first reply on a link that is bad already must not become
		// its baseline; what the user expects is the better guess. A host that
		// is merely farther away than the others is no sign of that.
		if r := l.path.Reflector(int(e.Reflector)); r.Baseline() == 0 {
			switch initial := l.cfg.BaselineInitial; {
			case initial > 0 && e.RTT > min(initial+l.cfg.Warn, l.cfg.BaselineMax) && !clean:
				r.Rebase(initial)
			case e.RTT > l.cfg.BaselineMax:
				r.Rebase(l.cfg.BaselineMax)
			}
		}
		clean = clean && e.RTT <= l.cfg.BaselineMax
		if !l.path.Reflector(int(e.Reflector)).Spare() {
			l.lastReply = max(l.lastReply, e.At)
		}
	}
	l.path.Observe(e, clean)
}

// look forms the sight of this step and accumulates evidence for a queue.
func (l *Law) look(now time.Duration, in Input, unloaded bool) sight {
	v := l.path.View(now)
	s := sight{
		now:    now,
		before: l.lastStep,
		view:   v,
		excess: v.Excess,
		effect: in.WriteLatency + v.Base,
		write:  in.WriteLatency,
		loop:   in.WriteLatency + v.Base + 2*l.cfg.Tick,
		fresh:  v.Fresh,
		silent: v.Alive == 0,
	}
	if s.silent {
		// Nothing is known, and nothing known is no good news: what was seen
		// last stays until somebody answers.
		s.view, s.excess, s.threshold = l.last.view, l.last.excess, l.last.threshold
		s.view.Alive, s.fresh = 0, false
		return s
	}
	limit := min(l.dirs[Download].rate, l.dirs[Upload].rate)
	s.threshold = l.noise.threshold(limit, l.cfg.Target)
	s.noise = l.noise.value()

	// A probe that is overdue says how bad it is at least, before any reply
	// can. It needs a second sign, or a filtered ping would look like a queue.
	if v.OverdueDelay > v.Excess && (v.Excess > s.threshold/2 || l.starved(now)) {
		s.excess, s.fresh = v.OverdueDelay, true
	}
	// What came while this host was late was noticed late. One step is left out, not
	// two in a row: a host that is always late must not be blind.
	if l.late = !l.late && now-l.lastStep > 2*l.cfg.Tick; l.late {
		s.fresh = false
	}
	if s.fresh {
		l.noise.add(s.excess)
		l.noise.learn(l.proof(s, unloaded), unloaded)
	}
	s.excess = l.noise.excess()
	s.loop += l.noise.lag()
	if s.fresh {
		l.slope.add(now, s.excess)
		l.accumulate(now-l.lastStep, s)
		l.plateau.add(s)
		if s.excess < s.threshold {
			l.calmAt = now
		}
		for _, d := range Directions {
			l.dirs[d].attribute(s, l.calmAt)
		}
	}
	if v.OneWay {
		s.ways[Download], s.ways[Upload] = v.Down, v.Up
		s.told = max(v.Down, v.Up) > s.excess/2
	}
	s.slope = l.slope.value()
	s.calm = s.excess < s.threshold && now-l.lastReply < max(silenceAtLeast, 2*l.cfg.Tick)

	weight := min(1, float64(now-l.lastStep)/float64(l.cfg.LoadTimeConstant))
	for _, d := range Directions {
		l.smooth[d] += time.Duration(weight * float64(s.of(d).excess-l.smooth[d]))
	}
	l.last = s
	return s
}

// starved reports that a direction carries clearly less than its limit though
// it was limited by it a moment ago: something behind the shaper binds.
func (l *Law) starved(now time.Duration) bool {
	for _, d := range Directions {
		if l.dirs[d].starved(now) {
			return true
		}
	}
	return false
}

// proof says how much of a sample is the link's own noise, from 0 to 1: all of
// it while nothing is loaded, or while the download's shaper was seen holding
// the flow, so that nothing queues before it; next to nothing under other load,
// where a queue that grows slowly would pass for noise.
func (l *Law) proof(s sight, unloaded bool) float64 {
	if unloaded {
		return 1
	}
	weight := 1.0
	for _, d := range Directions {
		dir := &l.dirs[d]
		switch held := s.now - dir.since; {
		case dir.mode != steady:
			return 0
		case dir.load < loaded:
		case dir.acquitted(s, d) && held > 500*time.Millisecond:
		case held > 2*time.Second && l.cusum == 0:
			weight = 0.05
		default:
			return 0
		}
	}
	return weight
}

// accumulate is a one-sided CUSUM in units of excess per 50 ms.
func (l *Law) accumulate(dt time.Duration, s sight) {
	over := min(s.excess, 4*s.threshold) - s.threshold
	l.cusum += time.Duration(float64(over) * float64(dt) / float64(50*time.Millisecond))
	l.cusum = max(0, min(l.cusum, 12*s.threshold))
}

// hold changes nothing but the clocks. When everybody has gone silent, though, a
// limit that was just probing, or just draining, is not one to be left for long:
// it goes to what is known to be safe.
func (l *Law) hold(s sight) {
	l.cusum = 0
	l.slope.reset()
	l.plateau, l.verify.running = plateau{since: s.now}, false
	for _, d := range Directions {
		l.dirs[d].hold(s.now)
		if s.silent {
			l.dirs[d].park(s)
			l.dirs[d].reason = Silent
		}
	}
}

func (l *Law) decide(s sight) {
	for _, d := range Directions {
		l.dirs[d].remember(s)
		l.dirs[d].explain(s)
	}
	if l.verify.running {
		l.verifyStep(s)
		return
	}
	for _, d := range Directions {
		if l.dirs[d].drain(s.of(d), d, &l.dirs[1-d]) {
			l.cusum = 0
			if l.dirs[d].reason == Reverted {
				l.noise.fooled()
			}
		}
	}
	for _, d := range Directions {
		if l.dirs[d].notOurs(s) {
			l.dirs[d].clear(s)
			if !l.hearOther(s) {
				l.rebase(s)
			}
			return
		}
	}
	if !l.accused(s.now) {
		l.alarm(s)
	}
	if l.verifyStart(s) {
		return
	}
	l.dirs[Download].listen(s)
	l.climb(s)
}

func (l *Law) decision(s sight) Decision {
	dec := Decision{
		At: s.now, RTT: s.view.RTT - s.view.Farther, Baseline: s.view.Base - s.view.Farther, Excess: s.excess,
		Threshold: s.threshold, Noise: l.noise.value(), Samples: l.noise.extra + 1, Slope: s.slope, Alive: s.view.Alive,
	}
	for _, d := range Directions {
		if l.cfg.Directions[d].Ceiling != fixed {
			dec.Directions[d] = l.dirs[d].report(s.now, l.severity(d))
		}
	}
	return dec
}

// severity reads a state from the smoothed excess. A state is left downwards
// only at four fifths of its threshold, so GREEN is reached whenever the
// excess is gone. A direction that cannot be the cause is GREEN.
func (l *Law) severity(d Direction) State {
	dir, other := &l.dirs[d], &l.dirs[1-d]
	if dir.mode == steady && dir.load >= 0 && (dir.faint() && (!dir.rose || dir.through < other.through) || dir.load < loaded && other.load >= loaded) {
		return Green
	}
	state := Green
	for i, limit := range [3]time.Duration{l.cfg.Target, l.cfg.Warn, l.cfg.HardRed} {
		if dir.state > Green+State(i) {
			limit = limit * 4 / 5
		}
		if l.smooth[d] > limit {
			state = Green + State(i) + 1
		}
	}
	return state
}

// Reconfigure replaces bounds and thresholds and keeps what was learned.
func (l *Law) Reconfigure(cfg Config) {
	l.cfg = cfg.withDefaults()
	for _, d := range Directions {
		dir := &l.dirs[d]
		dir.cfg = l.cfg.Directions[d]
		dir.rate, dir.cutFrom = dir.bounded(dir.rate), dir.bounded(dir.cutFrom)
	}
}
