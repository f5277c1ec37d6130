package steering

import "time"

// ages bounds times, so that sums of them stay within a Duration.
const ages = 10 * 365 * 24 * time.Hour

// brake keeps the rule from being changed too soon and too often. It knows of
// real changes only, whoever made them.
type brake struct {
	cfg     *Confidence
	at      []time.Duration // of the last changes, a ring
	n, head int             // how many, and where the newest is
	penalty time.Duration   // until then the threshold is raised
}

// size is how many changes matter to c.
func (c *Confidence) size() int { return c.MaxToggles + 2 }

// nth returns when the nth newest change was, from 1.
func (b *brake) nth(n int) (time.Duration, bool) {
	if n < 1 || n > b.n {
		return 0, false
	}
	return b.at[(b.head-n+1+len(b.at))%len(b.at)], true
}

func (b *brake) push(t time.Duration) {
	b.head = (b.head + 1) % len(b.at)
	b.at[b.head] = t
	b.n = min(b.n+1, len(b.at))
}

// changed takes note of a change at t. One too many in the window begins the
// penalty, which lasts from then on until, for Penalty, there have no longer been
// too many.
func (b *brake) changed(t time.Duration) {
	b.push(t)
	first, ok := b.nth(b.cfg.MaxToggles + 1)
	if ok && b.cfg.FlapDetection && t-first < b.cfg.FlapWindow {
		b.penalty = max(b.penalty, first+b.cfg.FlapWindow+b.cfg.Penalty)
	}
}

// held returns until when hold-down forbids any change.
func (b *brake) held() time.Duration {
	if last, ok := b.nth(1); ok {
		return last + b.cfg.HoldDown
	}
	return -ages
}

// rests returns until when the flap brake forbids a change. It forbids to steer
// while there are more than MaxToggles changes in the window, and to come back
// only after one more, so that a rule at rest is a rule that is off.
func (b *brake) rests(enabled bool) time.Duration {
	if !b.cfg.FlapDetection {
		return -ages
	}
	n := b.cfg.MaxToggles + 1
	if enabled {
		n++
	}
	if first, ok := b.nth(n); ok {
		return first + b.cfg.FlapWindow
	}
	return -ages
}

// raised reports whether the threshold is raised at t.
func (b *brake) raised(t time.Duration) bool { return b.cfg.FlapDetection && t < b.penalty }

// threshold returns the steer threshold in force at t. A full score always
// reaches it.
func (b *brake) threshold(t time.Duration) float64 {
	if b.raised(t) {
		return min(b.cfg.SteerThreshold+b.cfg.PenaltyThreshold, 100)
	}
	return b.cfg.SteerThreshold
}

// configure makes cfg apply, as of t, to the changes that are known.
func (b *brake) configure(cfg *Confidence, t time.Duration) {
	old := *b
	*b = brake{cfg: cfg, at: make([]time.Duration, cfg.size()), penalty: min(old.penalty, t+cfg.FlapWindow+cfg.Penalty)}
	for n := min(old.n, len(b.at)); n > 0; n-- {
		at, _ := old.nth(n)
		b.push(at)
	}
}
