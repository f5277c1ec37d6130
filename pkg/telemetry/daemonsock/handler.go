package daemonsock

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Handler serves the paths that a Client requests; health serves GET /health.
func Handler(health http.Handler, past func(since time.Time) history.Window, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /health", health)
	mux.Handle("GET /history", history.Handler(func(_ context.Context, since time.Time) history.Window { return past(since) }))
	mux.Handle("GET /metrics", telemetry.MetricsHandler(metrics))
	return mux
}
