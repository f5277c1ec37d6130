package steering

import (
	"slices"
	"time"
)

// Memory is the state of a law that survives a restart: all but the router's
// counters, whose first reading after a start has nothing to be compared with.
// Times are ages, so that a host without a valid clock can use it. The zero Memory
// is a line never seen before.
type Memory struct {
	Steered     bool            `json:"steered"`
	Steer       bool            `json:"steer"`           // what the last decision said
	Asked       string          `json:"asked"`           // why a change was requested; "": none since the last change
	AskAge      time.Duration   `json:"ask_age_ns"`      // since the last request
	Unconfirmed bool            `json:"unconfirmed"`     // a write of that was sent, and its outcome is not known
	ByHand      bool            `json:"by_hand"`         // somebody else made the rule what it is
	HandAge     time.Duration   `json:"by_hand_age_ns"`  // since then
	Changes     []time.Duration `json:"change_ages_ns"`  // ages of the last changes of the rule, newest first
	Penalty     time.Duration   `json:"penalty_left_ns"` // how long the threshold stays raised

	StepAge    time.Duration `json:"step_age_ns"`
	Continuous bool          `json:"continuous"`     // the last step had a sample
	Congestion Congestion    `json:"congestion"`     // Unknown: no sample, or a stale one
	Sampled    bool          `json:"sampled"`        // false: the next four mean nothing
	SampleAge  time.Duration `json:"sample_age_ns"`  // of the newest sample
	SamplePace time.Duration `json:"sample_pace_ns"` // between the last two samples; 0: not known
	Excess     time.Duration `json:"excess_ns"`      // of the newest sample
	ExcessEWMA float64       `json:"excess_ewma_ns"`

	Read        bool          `json:"read"`            // false: the next four mean nothing
	ReadingAge  time.Duration `json:"reading_age_ns"`  // of the newest reading of the counters
	ReadingPace time.Duration `json:"reading_pace_ns"` // between the last two readings; 0: not known
	DropsEWMA   float64       `json:"drops_ewma_packets"`
	DepthEWMA   float64       `json:"depth_ewma_packets"`

	Queues [2]QueueMemory `json:"queues"` // download, upload

	Red  int `json:"red_count"`
	Good int `json:"good_count"`
	Bad  int `json:"bad_count"`
	Gap  int `json:"gap"` // samples that interrupted the streak

	Score  float64 `json:"score"`
	Above  Dwell   `json:"above"`  // the score is at or above the steer threshold
	Raised Dwell   `json:"raised"` // the same of the threshold in force
	Below  Dwell   `json:"below"`  // at or below the recovery threshold
	Worse  Dwell   `json:"worse"`  // the alternate WAN is degraded

	WouldSteer   bool          `json:"would_steer"` // what the other method would have made of the rule
	WouldChanged bool          `json:"would_changed"`
	WouldAge     time.Duration `json:"would_age_ns"` // since it last would have changed it, if it ever would
}

// QueueMemory is what is known of the drop counter of a queue.
type QueueMemory struct {
	Dropped   bool          `json:"dropped"`      // it has counted a drop
	Congested time.Duration `json:"congested_ns"` // without a drop, while the queue sent
	Sent      uint64        `json:"sent_bytes"`   // meanwhile
	DepthEWMA float64       `json:"depth_ewma_packets"`
}

// Aged returns m with all ages increased by the time the process was down. Without
// that, hold-down and penalty last a little longer than they should.
func (m Memory) Aged(by time.Duration) Memory {
	by = clampAge(by)
	m.Changes = slices.Clone(m.Changes)
	for i := range m.Changes {
		m.Changes[i] = clampAge(m.Changes[i]) + by
	}
	m.Penalty = max(0, m.Penalty-by)
	m.AskAge = clampAge(m.AskAge) + by
	if m.ByHand {
		m.HandAge = clampAge(m.HandAge) + by
	}
	m.StepAge = clampAge(m.StepAge) + by
	m.SampleAge = clampAge(m.SampleAge) + by
	m.ReadingAge = clampAge(m.ReadingAge) + by
	m.WouldAge = clampAge(m.WouldAge) + by
	return m
}

// PendingChange returns the change of the rule that was requested and not seen yet,
// and why. Its outcome may be unknown: it may have been in flight when the process
// ended. ok is false where nothing was requested, or so long ago, without a write that
// was sent, that a change would be somebody else's.
func (m Memory) PendingChange() (steer bool, why Reason, ok bool) {
	why, ok = reasonOf(m.Asked)
	return !m.Steered, why, ok && (m.Unconfirmed || clampAge(m.AskAge) <= writeGrace)
}

// reasonOf returns the reason of that name.
func reasonOf(name string) (Reason, bool) {
	i := slices.Index(reasonNames[:], name)
	return Reason(max(i, 0)), name != "" && i > 0
}

// clampAge returns d bounded to [0, maxAge].
func clampAge(d time.Duration) time.Duration { return min(max(d, 0), maxAge) }

// clampCount returns n bounded to [0, maxCount].
func clampCount(n int) int { return min(max(n, 0), maxCount) }

// Remember returns the state at now, from which another law can continue.
func (l *Law) Remember(now time.Duration) Memory {
	t := l.time(now)
	m := Memory{
		Steered: l.enabled, Steer: l.steer, Penalty: max(0, l.damper.penalty-t),
		StepAge: t - l.last, Continuous: l.continuous, Congestion: l.congestion,
		Gap: l.streak.gap, Good: l.streak.green,
		Score: l.score, Above: l.above, Raised: l.inForce, Below: l.below, Worse: l.worse,
		WouldSteer: l.shadow,
	}
	m.Red, m.Bad = l.counts()
	if l.requested != 0 {
		m.Asked, m.AskAge = l.requested.String(), t-l.requestedAt
	}
	if l.byHand {
		m.ByHand, m.HandAge = true, t-l.byHandAt
	}
	for n := range l.damper.n {
		at, _ := l.damper.nthChange(n + 1)
		m.Changes = append(m.Changes, t-at)
	}
	if d := l.delay; d.seeded {
		m.Sampled, m.SampleAge, m.SamplePace, m.Excess, m.ExcessEWMA = true, t-d.at, d.pace, d.newest, d.smooth
	}
	if r := l.meter; r.seeded {
		m.Read, m.ReadingAge, m.ReadingPace, m.DropsEWMA, m.DepthEWMA = true, t-r.at, r.pace, r.dropsEWMA, r.smooth
	}
	for i, q := range l.meter.queues {
		m.Queues[i] = QueueMemory{Dropped: q.dropped, Congested: q.congested, Sent: q.sent, DepthEWMA: q.smooth}
	}
	if l.shadowSince > longAgo {
		m.WouldChanged, m.WouldAge = true, t-l.shadowSince
	}
	return m
}

// restore sets the state from the plausible values of m, at time 0.
func (l *Law) restore(m Memory) {
	l.enabled, l.steer = m.Steered, m.Steer
	if why, ok := reasonOf(m.Asked); ok {
		l.requested, l.requestedAt = why, -clampAge(m.AskAge)
	} else {
		l.steer = l.enabled
	}
	l.byHand, l.byHandAt = m.ByHand, -clampAge(m.HandAge)
	l.last, l.continuous = -clampAge(m.StepAge), m.Continuous
	if m.Congestion <= Red {
		l.congestion = m.Congestion
	}
	changes := slices.Sorted(slices.Values(m.Changes))
	for n := min(len(changes), len(l.damper.at)); n > 0; n-- {
		l.damper.push(-clampAge(changes[n-1]))
	}
	f := l.cfg.Confidence
	l.damper.penalty = min(clampAge(m.Penalty), f.FlapWindow+f.Penalty)
	if m.Sampled {
		l.delay = delay{
			seeded: true, at: -clampAge(m.SampleAge), pace: clampAge(m.SamplePace), newest: min(clampAge(m.Excess), maxRTT),
			smooth: clamp(m.ExcessEWMA, 0, float64(maxRTT)),
		}
	}
	if m.Read {
		l.meter.seeded, l.meter.at, l.meter.pace = true, -clampAge(m.ReadingAge), clampAge(m.ReadingPace)
		l.meter.dropsEWMA, l.meter.smooth = clamp(m.DropsEWMA, 0, 2*maxCount), clamp(m.DepthEWMA, 0, maxCount)
	}
	for i, q := range m.Queues {
		l.meter.queues[i] = queueMeter{
			dropped: q.Dropped, congested: clampAge(q.Congested), sent: min(q.Sent, minSent), smooth: clamp(q.DepthEWMA, 0, maxCount),
		}
	}
	l.streak = streak{red: clampCount(m.Red), green: clampCount(m.Good), gap: clampCount(m.Gap)}
	if !l.cfg.CakeAware {
		l.streak.red = clampCount(m.Bad)
	}
	if l.streak.red > 0 {
		l.streak.green = 0
	}
	l.score = clamp(m.Score, 0, 100)
	l.above, l.inForce, l.below, l.worse = m.Above.normalized(), m.Raised.normalized(), m.Below.normalized(), m.Worse.normalized()
	l.shadow, l.shadowSince = m.WouldSteer, longAgo
	if m.WouldChanged {
		l.shadowSince = -clampAge(m.WouldAge)
	}
}
