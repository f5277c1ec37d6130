package steering

import (
	"slices"
	"time"
)

// Memory is what a law takes over a restart: all it knows but the router's
// counters, since the first reading after a start is no difference to anything.
// Moments are ages, so that it holds on a host without a calendar. The zero
// Memory is a line never seen before.
type Memory struct {
	Steered bool            `json:"steered"`
	Steer   bool            `json:"steer"`           // what the last decision said
	Asked   string          `json:"asked"`           // why the rule is to be changed; "": not asked since the last change
	AskAge  time.Duration   `json:"ask_age_ns"`      // since that was last asked
	Changes []time.Duration `json:"change_ages_ns"`  // ages of the last changes of the rule, newest first
	Penalty time.Duration   `json:"penalty_left_ns"` // how long the threshold stays raised

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

	Red  int `json:"red_count"`
	Good int `json:"good_count"`
	Bad  int `json:"bad_count"`
	Gap  int `json:"gap"` // samples that neither lengthened nor broke the row

	Score  float64 `json:"score"`
	Above  Stand   `json:"above"`  // the score stands at or above the steer threshold
	Raised Stand   `json:"raised"` // the same of the threshold in force
	Below  Stand   `json:"below"`  // at or below the recovery threshold
	Worse  Stand   `json:"worse"`  // the alternate WAN is degraded

	WouldSteer   bool          `json:"would_steer"` // what the judge that does not decide would have made of the rule
	WouldChanged bool          `json:"would_changed"`
	WouldAge     time.Duration `json:"would_age_ns"` // since it last would have changed it, if it ever would
}

// Aged returns m as of by later: the time for which the process was down, where
// that is known. Without it brakes hold a little longer than they would have.
func (m Memory) Aged(by time.Duration) Memory {
	by = span(by)
	m.Changes = slices.Clone(m.Changes)
	for i := range m.Changes {
		m.Changes[i] = span(m.Changes[i]) + by
	}
	m.Penalty = max(0, m.Penalty-by)
	m.AskAge = span(m.AskAge) + by
	m.StepAge = span(m.StepAge) + by
	m.SampleAge = span(m.SampleAge) + by
	m.ReadingAge = span(m.ReadingAge) + by
	m.WouldAge = span(m.WouldAge) + by
	return m
}

// Wish returns the change of the rule that was asked for and not seen yet, and
// why. What became of it may not be known: it may have been under way when the
// process ended. ok is false where nothing was asked for, or so long ago that a
// change is somebody else's.
func (m Memory) Wish() (steer bool, why Reason, ok bool) {
	why, ok = reasonOf(m.Asked)
	return !m.Steered, why, ok && span(m.AskAge) <= writing
}

// reasonOf is the reason of that name.
func reasonOf(name string) (Reason, bool) {
	i := slices.Index(reasonNames[:], name)
	return Reason(max(i, 0)), name != "" && i > 0
}

// span returns d bounded to what an age can be.
func span(d time.Duration) time.Duration { return min(max(d, 0), ages) }

// count returns n bounded to what a count can be.
func count(n int) int { return min(max(n, 0), most) }

// Remember returns what another law needs to go on from where this one is at
// now.
func (l *Law) Remember(now time.Duration) Memory {
	t := l.time(now)
	m := Memory{
		Steered: l.enabled, Steer: l.steer, Penalty: max(0, l.brake.penalty-t),
		StepAge: t - l.last, Continuous: l.continuous, Congestion: l.congestion,
		Gap: l.row.gap, Good: l.row.calm,
		Score: l.score, Above: l.above, Raised: l.raised, Below: l.below, Worse: l.worse,
		WouldSteer: l.would,
	}
	m.Red, m.Bad = l.counts()
	if l.asked != 0 {
		m.Asked, m.AskAge = l.asked.String(), t-l.askedAt
	}
	for n := range l.brake.n {
		at, _ := l.brake.nth(n + 1)
		m.Changes = append(m.Changes, t-at)
	}
	if d := l.delay; d.seeded {
		m.Sampled, m.SampleAge, m.SamplePace, m.Excess, m.ExcessEWMA = true, t-d.at, d.pace, d.newest, d.smooth
	}
	if r := l.meter; r.seeded {
		m.Read, m.ReadingAge, m.ReadingPace, m.DropsEWMA, m.DepthEWMA = true, t-r.at, r.pace, r.dropsEWMA, r.smooth
	}
	if l.wouldAt > never {
		m.WouldChanged, m.WouldAge = true, t-l.wouldAt
	}
	return m
}

// recall takes over what is plausible of m; the law's own time is 0.
func (l *Law) recall(m Memory) {
	l.enabled, l.steer = m.Steered, m.Steer
	if why, ok := reasonOf(m.Asked); ok {
		l.asked, l.askedAt = why, -span(m.AskAge)
	} else {
		l.steer = l.enabled
	}
	l.last, l.continuous = -span(m.StepAge), m.Continuous
	if m.Congestion <= Red {
		l.congestion = m.Congestion
	}
	changes := slices.Sorted(slices.Values(m.Changes))
	for n := min(len(changes), len(l.brake.at)); n > 0; n-- {
		l.brake.push(-span(changes[n-1]))
	}
	f := l.cfg.Confidence
	l.brake.penalty = min(span(m.Penalty), f.FlapWindow+f.Penalty)
	if m.Sampled {
		l.delay = delay{
			seeded: true, at: -span(m.SampleAge), pace: span(m.SamplePace), newest: min(span(m.Excess), absurd),
			smooth: within(m.ExcessEWMA, 0, float64(absurd)),
		}
	}
	if m.Read {
		l.meter.seeded, l.meter.at, l.meter.pace = true, -span(m.ReadingAge), span(m.ReadingPace)
		l.meter.dropsEWMA, l.meter.smooth = within(m.DropsEWMA, 0, 2*most), within(m.DepthEWMA, 0, most)
	}
	l.row = row{hot: count(m.Red), calm: count(m.Good), gap: count(m.Gap)}
	if !l.cfg.CakeAware {
		l.row.hot = count(m.Bad)
	}
	if l.row.hot > 0 {
		l.row.calm = 0
	}
	l.score = within(m.Score, 0, 100)
	l.above, l.raised, l.below, l.worse = m.Above.sane(), m.Raised.sane(), m.Below.sane(), m.Worse.sane()
	l.would, l.wouldAt = m.WouldSteer, never
	if m.WouldChanged {
		l.wouldAt = -span(m.WouldAge)
	}
}
