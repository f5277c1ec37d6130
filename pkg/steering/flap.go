package steering

import "time"

// maxAge bounds times, so that sums of them stay within a Duration.
const maxAge = 10 * 365 * 24 * time.Hour

// damper keeps the rule from being changed too soon (hold-down) and too often
// (flap damping). It counts the changes seen on the router, whoever made them.
type damper struct {
	cfg     *Confidence
	at      []time.Duration // of the last changes, a ring
	n, head int             // how many, and where the newest is
	penalty time.Duration   // until then the threshold is raised
}

// size is the number of past changes that c needs.
func (c *Confidence) size() int { return c.MaxToggles + 2 }

// nthChange returns the time of the nth newest change, counted from 1.
func (b *damper) nthChange(n int) (time.Duration, bool) {
	if n < 1 || n > b.n {
		return 0, false
	}
	return b.at[(b.head-n+1+len(b.at))%len(b.at)], true
}

func (b *damper) push(t time.Duration) {
	b.head = (b.head + 1) % len(b.at)
	b.at[b.head] = t
	b.n = min(b.n+1, len(b.at))
}

// changed records a change at t. One more than MaxToggles in the window starts the
// penalty, which ends when there have not been too many for the time Penalty.
func (b *damper) changed(t time.Duration) {
	b.push(t)
	first, ok := b.nthChange(b.cfg.MaxToggles + 1)
	if ok && b.cfg.FlapDetection && t-first < b.cfg.FlapWindow {
		b.penalty = max(b.penalty, first+b.cfg.FlapWindow+b.cfg.Penalty)
	}
}

// holdDownUntil returns the time until which hold-down forbids any change.
func (b *damper) holdDownUntil() time.Duration {
	if last, ok := b.nthChange(1); ok {
		return last + b.cfg.HoldDown
	}
	return -maxAge
}

// suppressedUntil returns the time until which flap damping forbids a change.
// Turning the rule on is forbidden while more than MaxToggles changes are in the
// window; turning it off takes one change more, so that the rule comes to rest off.
func (b *damper) suppressedUntil(enabled bool) time.Duration {
	if !b.cfg.FlapDetection {
		return -maxAge
	}
	n := b.cfg.MaxToggles + 1
	if enabled {
		n++
	}
	if first, ok := b.nthChange(n); ok {
		return first + b.cfg.FlapWindow
	}
	return -maxAge
}

// penalised reports whether the steer threshold is raised at t.
func (b *damper) penalised(t time.Duration) bool { return b.cfg.FlapDetection && t < b.penalty }

// threshold returns the steer threshold in force at t. A full score always
// reaches it.
func (b *damper) threshold(t time.Duration) float64 {
	if b.penalised(t) {
		return min(b.cfg.SteerThreshold+b.cfg.PenaltyThreshold, 100)
	}
	return b.cfg.SteerThreshold
}

// configure applies cfg, as of t, to the recorded changes.
func (b *damper) configure(cfg *Confidence, t time.Duration) {
	old := *b
	*b = damper{cfg: cfg, at: make([]time.Duration, cfg.size()), penalty: min(old.penalty, t+cfg.FlapWindow+cfg.Penalty)}
	for n := min(old.n, len(b.at)); n > 0; n-- {
		at, _ := old.nthChange(n)
		b.push(at)
	}
}
