package daemon

import (
	"net/http"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/page"
)

// HTTPFront is what the listeners of a daemon show.
type HTTPFront struct {
	Health  func(page http.Handler) http.Handler // GET /health, and GET / with the page for browsers
	Source  page.Source
	Metrics http.Handler // GET /metrics

	// Guard keeps foreign pages from reading what only people look at. What
	// programs ask is open to everybody who reaches the listener.
	Guard func(http.Handler) http.Handler
}

// Pages returns a handler of everything there is to show:
//
//	GET /            the status page; the health document for programs
//	GET /page/...    what the page needs
//	GET /health      200 or 503
//	GET /history     the last ten minutes, or what came after ?since=T
//	GET /metrics
//	GET /-/ready     200 as soon as everything runs
//	GET /-/healthy   200: the process answers
func (d *Daemon) Pages(f HTTPFront) http.Handler {
	mux := http.NewServeMux()
	shown := f.Guard(page.Handler(f.Source))
	mux.Handle("/", f.Health(shown))
	mux.Handle("/page/", shown)
	mux.Handle("GET /history", f.Guard(history.Handler(f.Source.History)))
	mux.Handle("GET /metrics", f.Metrics)
	d.AddProbes(mux)
	return mux
}

// MetricsPages returns the handler of a listener that reaches further than the
// one for health: opening the metrics to others does not open the rest.
func (d *Daemon) MetricsPages(f HTTPFront) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", f.Metrics)
	d.AddProbes(mux)
	return mux
}

// AddProbes adds what supervisors ask, at /-/ready and /-/healthy.
func (d *Daemon) AddProbes(mux *http.ServeMux) {
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
