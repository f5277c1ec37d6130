package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Law decides the limits of one WAN. It is not safe for concurrent use; one
// goroutine steps it.
type Law struct {
	cfg  Config
	path rtt.Path
	dirs [2]direction

	noise      noise
	slope      slope
	cusum      time.Duration    // accumulated excess over the threshold
	smooth     [2]time.Duration // excess as the states see it
	last       observation      // of the last step in which a reflector answered
	lastStep   time.Duration
	lastReply  time.Duration
	calmAt     time.Duration // the last sample without delay; 0: none yet
	started    bool
	pulse      pulse
	persistent persistentDelay
	prober     Direction // the one that probes upwards while both are loaded, since turnStart
	turnStart  time.Duration
}

// New returns a Law that starts from limits in force, each bounded to its
// direction's range; 0 means unlimited or unknown and starts at the ceiling.
func New(cfg Config, inForce [2]bitrate.Rate) *Law {
	l := &Law{cfg: cfg.withDefaults()}
	l.path.Interval, l.noise.tick = l.cfg.Tick, l.cfg.Tick
	for _, d := range Directions {
		l.dirs[d].id = d
		l.dirs[d].meter.stale = max(staleAtLeast, staleTicks*l.cfg.Tick)
		l.dirs[d].init(l.cfg.Directions[d], inForce[d])
	}
	return l
}

// SetExternally makes rate the limit of d, because it was set on the router by
// another program or a person. What was known of the direction is forgotten.
func (l *Law) SetExternally(d Direction, rate bitrate.Rate) {
	l.dirs[d].init(l.cfg.Directions[d], rate)
	l.pulse.running = false // it tested another limit
}

// Reconfigure replaces bounds and thresholds and keeps what was learned, or restored.
func (l *Law) Reconfigure(cfg Config) {
	cfg.Restore = l.cfg.Restore
	l.cfg = cfg.withDefaults()
	for _, d := range Directions {
		dir := &l.dirs[d]
		dir.cfg = l.cfg.Directions[d]
		dir.limit, dir.episode.limitBefore = dir.bounded(dir.limit), dir.bounded(dir.episode.limitBefore)
	}
}

// Step advances the law to now, which must not go backwards.
func (l *Law) Step(now time.Duration, in Input) Decision {
	o := l.observe(now, in)
	switch {
	case in.Hold || o.silent:
		l.freeze(o)
	case l.pulse.running:
		l.endPulse(o)
	default:
		l.control(o)
	}
	l.lastStep = now
	return l.report(o)
}

// control attributes the delay to a direction, estimates what that one carries, and
// sets its limit: first for the queues that are being drained, then for a new one.
// Where none stands, limits are raised.
func (l *Law) control(o observation) {
	l.credit(o)
	for _, d := range Directions {
		l.follow(o.forDirection(d), d)
	}
	for _, d := range Directions {
		if l.dirs[d].external(o) {
			l.exonerate(o, d)
			return
		}
	}
	if !l.draining() {
		l.attribute(o)
	}
	if l.startPulse(o) {
		return
	}
	l.dirs[Download].learnResidual(o)
	l.increase(o)
}

// draining reports that a cut is expected to help.
func (l *Law) draining() bool { return l.dirs[Download].phase != hold || l.dirs[Upload].phase != hold }

// freeze changes nothing but the clocks. When no reflector answers, though, a limit
// that was probing or draining must not stay for long: it goes to what is known
// to be safe.
func (l *Law) freeze(o observation) {
	l.cusum = 0
	l.slope.reset()
	l.persistent, l.pulse.running = persistentDelay{since: o.now}, false
	for _, d := range Directions {
		l.dirs[d].freeze(o.now)
		if o.silent {
			l.dirs[d].retreat(o)
			l.dirs[d].reason = Silent
		}
	}
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
	Probes     bitrate.Rate // what of Throughput is our own probes
	Capacity   bitrate.Rate // estimated; 0 unknown

	CapacityAge time.Duration // since it was last seen; it is trusted for ten minutes
	Changed     bool          // Limit, State or Reason differ from the last step
}

func (l *Law) report(o observation) Decision {
	dec := Decision{
		At: o.now, RTT: o.view.RTT - o.view.Farther, Baseline: o.view.Base - o.view.Farther, Excess: o.excess,
		Threshold: o.threshold, Noise: l.noise.value(), Samples: l.noise.extra + 1, Slope: o.slope, Alive: o.view.Alive,
	}
	for _, d := range Directions {
		if l.cfg.Directions[d].Ceiling != fixed {
			dec.Directions[d] = l.dirs[d].report(o.now, l.severity(d))
		}
	}
	return dec
}

// severity reads a state from the smoothed excess. A state is left downwards
// only at stateLeave of its threshold, so GREEN is reached whenever the excess is
// gone. A direction that cannot be the cause is GREEN.
func (l *Law) severity(d Direction) State {
	dir, other := &l.dirs[d], &l.dirs[1-d]
	idle := dir.idle() && (!dir.onset.rose || dir.achieved < other.achieved)
	if dir.phase == hold && dir.load >= 0 && (idle || dir.load < loadedShare && other.loaded()) {
		return Green
	}
	state := Green
	for i, limit := range [...]time.Duration{l.cfg.Target, l.cfg.Warn, l.cfg.HardRed} {
		if dir.reported.State > Green+State(i) {
			limit = times(stateLeave, limit)
		}
		if l.smooth[d] > limit {
			state = Green + State(i) + 1
		}
	}
	return state
}

// times returns n times d.
func times(n float64, d time.Duration) time.Duration { return time.Duration(n * float64(d)) }
