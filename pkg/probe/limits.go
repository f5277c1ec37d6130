package probe

import (
	"context"
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

// never is the time of the last probe of a target without any.
const never = time.Duration(math.MinInt64 / 2)

// due returns the event time of the next probe of t, given the time of the previous
// one.
func (g *Group) due(t *target, last time.Duration) time.Duration {
	return t.current().Due(g.clock.now(), last)
}

// mayStart reports whether Config.Count and Config.Duration allow a probe at due
// after sent ones.
func (g *Group) mayStart(sent uint32, due time.Duration) bool {
	if g.cfg.Count > 0 && int64(sent) >= int64(g.cfg.Count) {
		return false
	}
	return g.cfg.Duration == 0 || due-g.start < g.cfg.Duration
}

// mayFollow reports whether they allow t, after sent probes, another one an interval
// from now.
func (g *Group) mayFollow(sent uint32, t *target) bool {
	return g.mayStart(sent, g.clock.now()+t.interval)
}

// waitToRetry waits before another attempt to start t and reports whether to make
// it. A limited run retries no longer than its planned length.
func (g *Group) waitToRetry(ctx context.Context, retry *backoff.Backoff, t *target) bool {
	end := time.Duration(math.MaxInt64)
	if g.cfg.Count > 0 {
		end = g.start + time.Duration(g.cfg.Count)*t.interval
	}
	if g.cfg.Duration > 0 {
		end = min(end, g.start+g.cfg.Duration)
	}
	now := g.clock.now()
	left := end - now
	return left > 0 && pause(ctx, min(retry.Fail(now), left))
}
