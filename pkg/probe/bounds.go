package probe

import (
	"context"
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

// The bounds of a run: Config.Count and Config.Duration.

// never is the time of the last probe of a target that has had none.
const never = time.Duration(math.MinInt64 / 2)

// maxLate is how late a probe may start rather than wait for its next turn.
const maxLate = 10 * time.Millisecond

// due returns the event time of the next probe of t, by its place in the
// interval, which keeps the targets in step over restarts. last is when the
// previous one was sent.
func (g *Group) due(t *target, last time.Duration) time.Duration {
	first := g.beat + t.phase
	// One that has just become due is not skipped, and half an interval is the
	// room for a last one that went out a little early or late.
	from := max(g.clock.now()-min(t.every/4, maxLate), last+t.every/2)
	if from <= first {
		return first
	}
	return first + (from-first+t.every-1)/t.every*t.every
}

// mayStart reports whether t may have a probe at due after sent ones.
func (g *Group) mayStart(sent uint32, due time.Duration) bool {
	if g.cfg.Count > 0 && int64(sent) >= int64(g.cfg.Count) {
		return false
	}
	return g.cfg.Duration == 0 || due-g.start < g.cfg.Duration
}

// mayFollow reports whether t, with sent probes, may have another one an
// interval from now.
func (g *Group) mayFollow(sent uint32, t *target) bool {
	return g.mayStart(sent, g.clock.now()+t.every)
}

// waitToRetry waits before another attempt to get t going and reports whether
// to make it. A bounded run tries no longer than it would have lasted.
func (g *Group) waitToRetry(ctx context.Context, retry *backoff.Backoff, t *target) bool {
	end := time.Duration(math.MaxInt64)
	if g.cfg.Count > 0 {
		end = g.start + time.Duration(g.cfg.Count)*t.every
	}
	if g.cfg.Duration > 0 {
		end = min(end, g.start+g.cfg.Duration)
	}
	now := g.clock.now()
	left := end - now
	return left > 0 && pause(ctx, min(retry.Fail(now), left))
}
