package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// slowPath measures for a while before it knows, in turn as long as takes says.
type slowPath struct {
	Path
	takes []time.Duration
	calls int
}

func (p *slowPath) Read(ctx context.Context) (Reading, error) {
	p.calls++
	select {
	case <-time.After(p.takes[p.calls%len(p.takes)]):
	case <-ctx.Done():
		return Reading{}, ctx.Err()
	}
	return p.Path.Read(ctx)
}

// counted counts readings of the rule.
type counted struct {
	RuleSwitch
	calls int
}

func (c *counted) Enabled(ctx context.Context) (bool, error) {
	c.calls++
	return c.RuleSwitch.Enabled(ctx)
}

// stuckAlternate knows a condition, and then says nothing for ever.
type stuckAlternate struct{ told bool }

func (n *stuckAlternate) Condition(ctx context.Context) AlternateReading {
	if n.told {
		<-ctx.Done()
		return AlternateReading{}
	}
	n.told = true
	return AlternateReading{Condition: steering.AlternateDown}
}
