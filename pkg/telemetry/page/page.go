// Package page is the status page: one self-contained document that shows what
// the loops do, with and without JavaScript, and the endpoints it lives on.
package page

import (
	"context"
	"net/http"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Source is what the page shows: the loops of this process, or of the host.
// Its methods may be called from several goroutines.
type Source interface {
	Host(ctx context.Context) telemetry.Host
	// History returns what came after since; the zero time asks for all.
	History(ctx context.Context, since time.Time) history.Excerpt
}

// Handler serves the page at GET / and what it needs below /page/:
//
//	GET /page/status            telemetry.Host as JSON
//	GET /page/history?since=T   history.Excerpt as JSON; T is RFC 3339
//	GET /page/live              the same two as server-sent events, "status" and "history", once a second
//	GET /page/assets/...        script and style
func Handler(source Source) http.Handler {
	return http.NotFoundHandler()
}
