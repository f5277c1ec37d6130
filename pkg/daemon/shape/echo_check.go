package shape

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	echoPeriod    = 5 * time.Second
	echoPeriods   = 6  // in a row with few answers
	minEchoesSent = 10 // in a period, for a reflector to count
)

// EchoCheck finds in a recording that a path answers only a part of the echoes. The
// zero value has seen nothing.
type EchoCheck struct {
	hosts   [rtt.MaxReflectors]struct{ sent, replies int }
	end     time.Duration // of the period
	periods int           // with few answers, in a row
	warning string
}

// Step adds what the law was given in a step.
func (c *EchoCheck) Step(in *autorate.Input, now time.Duration) {
	for i := range in.Events {
		e := &in.Events[i]
		switch {
		case int(e.Reflector) >= rtt.MaxReflectors:
		case e.Kind == rtt.Sent:
			c.hosts[e.Reflector].sent++
		case e.Kind == rtt.Reply:
			c.hosts[e.Reflector].replies++
		}
	}
	if now < c.end {
		return
	}
	if c.end > 0 {
		c.closePeriod()
	}
	c.end = now + echoPeriod
	clear(c.hosts[:])
}

func (c *EchoCheck) closePeriod() {
	l, good := rtt.EchoLimit{Path: true}, false
	for _, h := range c.hosts {
		if h.sent < minEchoesSent {
			continue
		}
		l.Used++
		l.Sent += float64(h.sent) / echoPeriod.Seconds()
		l.Rate += float64(h.replies) / echoPeriod.Seconds()
		switch {
		case 2*h.replies >= h.sent:
			good = true
		case h.replies > 0:
			l.Limited++
		}
	}
	if good || l.Limited == 0 {
		c.periods = 0
		return
	}
	if c.periods++; c.periods >= echoPeriods {
		c.warning = echoLimitWarning(l)
	}
}

// Warning returns the warning, "" without a reason for one.
func (c *EchoCheck) Warning() string { return c.warning }
