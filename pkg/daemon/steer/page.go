package steer

import (
	"context"
	"net/http"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/page"
)

// inProcess is the steering of this process, for the page.
type inProcess struct {
	version string
	started time.Time
	checker *telemetry.SteeringChecker
	past    *history.History
}

func newSteerFront(version string, checker *telemetry.SteeringChecker, past *history.History, metrics http.Handler) daemon.HTTPFront {
	source := inProcess{version: version, started: time.Now(), checker: checker, past: past}
	return daemon.HTTPFront{Health: checker.Handler, Source: source, Metrics: metrics, Guard: supervisor.RejectRebinding}
}

// Host implements page.Source.
func (p inProcess) Host(ctx context.Context) telemetry.Host {
	now := time.Now()
	h := p.checker.Health(ctx)
	return telemetry.NewHost(p.version, now, now.Sub(p.started), nil, []telemetry.SteeringHealth{h})
}

// History implements page.Source.
func (p inProcess) History(_ context.Context, since time.Time) history.Window {
	return p.past.Since(since)
}

var _ page.Source = inProcess{}
