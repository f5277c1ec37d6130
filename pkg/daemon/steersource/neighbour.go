package steersource

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// settling is how long a loop that has just started may have no answer yet: a
// restart is not a line that is down.
const settling = 5 * time.Second

// Neighbour tells how the alternate WAN is, by the loop that shapes it. Without
// one nothing is known: a state file does not say whether a line is up.
type Neighbour struct {
	WAN  string
	Loop *daemonsock.Client
}

var _ steerd.AlternateWAN = Neighbour{}

// Condition implements steerd.AlternateWAN.
func (n Neighbour) Condition(ctx context.Context) steering.Alternate {
	h, uptime, err := askWAN(ctx, n.Loop, n.WAN)
	switch {
	case err != nil, h.Probe.ReflectorsAlive == 0 && uptime < settling:
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
