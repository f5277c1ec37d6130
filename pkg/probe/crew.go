package probe

import (
	"context"
	"sync"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// crew is a set of supervisors that start and stop together.
type crew struct {
	tasks []func(ctx, sending context.Context)
	stop  context.CancelFunc // nil when not at work
	done  <-chan struct{}    // closed when all have ended of their own accord
	wg    sync.WaitGroup     // everybody, those told to stop included
}

func (c *crew) add(supervise func(ctx, sending context.Context, t *target), t *target) {
	c.tasks = append(c.tasks, func(ctx, sending context.Context) { supervise(ctx, sending, t) })
}

// work starts or stops the crew if it does not do what on says yet. Those told
// to stop send nothing more, but may still receive until ctx ends.
func (c *crew) work(ctx context.Context, on bool) {
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

// crews returns those who measure all the time, those who replace them while
// ICMP does not work, and those who check the gateway while nothing does.
func (g *Group) crews() (primary, spare, gateway *crew) {
	primary, spare, gateway = new(crew), new(crew), new(crew)
	for _, t := range g.targets {
		switch {
		case t.method == ICMP:
			primary.add(g.superviseICMP, t)
		case g.access == hostnet.NoICMP:
			primary.add(g.superviseTCP, t)
		default:
			spare.add(g.superviseTCP, t)
		}
	}
	for _, t := range g.gateways {
		if t.method == ICMP {
			gateway.add(g.superviseICMP, t)
		} else {
			gateway.add(g.superviseTCP, t)
		}
	}
	return primary, spare, gateway
}
