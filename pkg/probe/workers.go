package probe

import (
	"context"
	"sync"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// workerSet is a set of workers, one per target, that start and stop together.
type workerSet struct {
	tasks []func(ctx, sending context.Context)
	stop  context.CancelFunc // nil when stopped
	done  <-chan struct{}    // closed when all workers have finished
	wg    sync.WaitGroup     // all workers, those being stopped included
}

func (c *workerSet) add(supervise func(ctx, sending context.Context, t *target), t *target) {
	c.tasks = append(c.tasks, func(ctx, sending context.Context) { supervise(ctx, sending, t) })
}

// setRunning starts or stops the workers unless they already are in that state. A
// stopped worker sends nothing more, but may receive until ctx ends.
func (c *workerSet) setRunning(ctx context.Context, on bool) {
	switch {
	case on == (c.stop != nil):
	case on:
		sending, cancel := context.WithCancel(ctx)
		var round sync.WaitGroup
		for _, task := range c.tasks {
			round.Go(func() { task(ctx, sending) })
		}
		done := make(chan struct{})
		c.wg.Go(func() { round.Wait(); close(done) })
		c.stop, c.done = cancel, done
	default:
		c.stop()
		c.stop, c.done = nil, nil
	}
}

// workerSets returns the workers that always run, those that run while ICMP fails,
// and those that check the gateway while TCP fails as well.
func (g *Group) workerSets() (primary, fallback, gateway *workerSet) {
	primary, fallback, gateway = new(workerSet), new(workerSet), new(workerSet)
	for _, t := range g.targets {
		switch {
		case t.method == ICMP:
			primary.add(g.superviseICMP, t)
		case g.access == hostnet.NoICMP:
			primary.add(g.superviseTCP, t)
		default:
			fallback.add(g.superviseTCP, t)
		}
	}
	for _, t := range g.gateways {
		if t.method == ICMP {
			gateway.add(g.superviseICMP, t)
		} else {
			gateway.add(g.superviseTCP, t)
		}
	}
	return primary, fallback, gateway
}
