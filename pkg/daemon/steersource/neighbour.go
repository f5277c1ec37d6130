package steersource

import (
	"context"
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// settling is how long a loop or probes that have just started may have no answer
// yet: a restart is not a line that is down.
const settling = 5 * time.Second

// Neighbour is the alternate WAN, by the loop that shapes it or, where none runs, by
// own probes that leave by that WAN, above the baseline in its state file. Without
// either nothing is known of it: a state file does not say whether a line is up.
type Neighbour struct{ Path Path }

var _ steerd.AlternateWAN = Neighbour{}

// Condition implements steerd.AlternateWAN.
func (n Neighbour) Condition(ctx context.Context) steerd.AlternateReading {
	p := &n.Path
	h, uptime, err := askWAN(ctx, p.Loop, p.WAN)
	if err != nil {
		return n.byProbes(ctx, err)
	}
	if p.Probes != nil {
		p.Probes.rest()
	}
	a := steerd.AlternateReading{Condition: conditionOf(h, uptime)}
	if r, err := p.ofLoop(h); err == nil {
		a.Reading = r
	} else {
		a.Source = fromLoop
	}
	return a
}

// conditionOf returns the condition that a loop's answer means.
func conditionOf(h telemetry.WANHealth, uptime time.Duration) steering.Alternate {
	switch {
	case h.Probe.ReflectorsAlive == 0 && uptime < settling:
		return steering.AlternateUnknown
	case h.Probe.ReflectorsAlive == 0:
		return steering.AlternateDown
	}
	for _, state := range []string{h.Download.State, h.Upload.State} {
		if state == autorate.SoftRed.String() || state == autorate.Red.String() {
			return steering.AlternateDegraded
		}
	}
	return steering.AlternateGood
}

// byProbes returns the condition by own probes; err is why the loop was not used.
func (n Neighbour) byProbes(ctx context.Context, err error) steerd.AlternateReading {
	if n.Path.Probes == nil {
		return steerd.AlternateReading{}
	}
	r, err := n.Path.probe(ctx, err)
	switch {
	case err == nil:
		return steerd.AlternateReading{Condition: steering.AlternateGood, Reading: r}
	case errors.Is(err, errNoReply) && n.Path.Probes.ranFor(settling):
		return steerd.AlternateReading{Condition: steering.AlternateDown, Reading: steerd.Reading{Source: fromProbe, Loss: 1}}
	}
	return steerd.AlternateReading{}
}
