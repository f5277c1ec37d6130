package shape

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/page"
)

func (d *shapeDaemon) front() daemon.HTTPFront {
	return daemon.HTTPFront{
		Health: d.checker.Handler, Source: inProcess{d.checker, d.history},
		Metrics: telemetry.MetricsHandler(d.registry), Guard: supervisor.RejectRebinding,
	}
}

// inProcess is the loops of this process, for the page.
type inProcess struct {
	checker *telemetry.Checker
	past    *history.History
}

var _ page.Source = inProcess{}

// Host implements page.Source.
func (p inProcess) Host(ctx context.Context) telemetry.Host {
	h := p.checker.Health(ctx)
	return telemetry.Host{Health: h, At: time.Now(), Steering: []telemetry.SteeringHealth{}}
}

// History implements page.Source.
func (p inProcess) History(_ context.Context, since time.Time) history.Window {
	return p.past.Since(since)
}
