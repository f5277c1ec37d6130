package cli

import (
	"context"
	"net/http"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/page"
)

// front is what the listeners of a daemon show.
type front struct {
	health  func(page http.Handler) http.Handler // GET /health, and GET / with the page for browsers
	source  page.Source
	metrics http.Handler // GET /metrics

	// guard keeps foreign pages from reading what only people look at. What
	// programs ask was always open to whoever reaches the listener.
	guard func(http.Handler) http.Handler
}

// pages is everything there is to show:
//
//	GET /            the status page; the health document for programs
//	GET /page/...    what the page needs
//	GET /health      200 or 503
//	GET /history     the last ten minutes, or what came after ?since=T
//	GET /metrics
//	GET /-/ready     200 as soon as everything runs
//	GET /-/healthy   200: the process answers
func (d *daemon) pages(f front) http.Handler {
	mux := http.NewServeMux()
	shown := f.guard(page.Handler(f.source))
	mux.Handle("/", f.health(shown))
	mux.Handle("/page/", shown)
	mux.Handle("GET /history", f.guard(history.Handler(f.source.History)))
	mux.Handle("GET /metrics", f.metrics)
	d.addProbes(mux)
	return mux
}

// metricsAlone is for a listener that reaches further than that of health:
// whoever opened the metrics to others has not asked for more.
func (d *daemon) metricsAlone(f front) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", f.metrics)
	d.addProbes(mux)
	return mux
}

// addProbes adds what supervisors ask.
func (d *daemon) addProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !d.ready.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("healthy\n"))
	})
}

// inProcess is the loops of this process, for the page.
type inProcess struct {
	checker *telemetry.Checker
	past    *history.History
}

func newShapeFront(checker *telemetry.Checker, past *history.History, metrics http.Handler) front {
	return front{health: checker.Handler, source: inProcess{checker, past}, metrics: metrics, guard: supervisor.GuardHost}
}

// Host implements page.Source.
func (p inProcess) Host(ctx context.Context) telemetry.Host {
	h := p.checker.Health(ctx)
	return telemetry.Host{Health: h, At: time.Now(), Steering: []telemetry.SteeringHealth{}}
}

// History implements page.Source.
func (p inProcess) History(_ context.Context, since time.Time) history.Excerpt {
	return p.past.Since(since)
}

var _ page.Source = inProcess{}
