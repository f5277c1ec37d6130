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

// due returns the event time of the next probe of t. last is when the previous
// one was sent.
func (g *Group) due(t *target, last time.Duration) time.Duration {
	return t.schedule.Due(g.clock.now(), last)
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
