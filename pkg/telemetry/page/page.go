// Package page serves the status page: one self-contained document that shows
// what the loops do, with and without JavaScript. It owns every text of the
// page; the script only replaces texts and draws the charts. It reads health
// and history from a Source and never talks to a loop or a router.
package page

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Source provides what the page shows: the loops of this process, or of the
// host. Its methods may be called from several goroutines.
type Source interface {
	Host(ctx context.Context) telemetry.Host
	// History returns the samples and events after since; the zero time asks
	// for all.
	History(ctx context.Context, since time.Time) history.Window
	// Kept returns the archives of the loops, those included that do not run.
	Kept() []history.Kept
}

// Handler serves the page at GET / and what it needs below /page/:
//
//	GET /page/live              server-sent events, once a second: "fields" and "history"
//	GET /page/fields            the texts of the page as JSON, for browsers that get no stream
//	GET /page/history?since=T   history.Window as JSON; T is RFC 3339
//	GET /page/range?span=hour   what the archives have of an hour, a day or a month
//	GET /page/status            telemetry.Host as JSON, for programs
//	GET /page/assets/...        script and style
//
// The source is polled once a second for all live pages together, and not at
// all while there are none.
func Handler(source Source) http.Handler {
	h := &handler{source: source, now: time.Now, latencies: newLatencies(source.Kept)}
	live := &broadcaster{source: source, now: time.Now, latencies: h.latencies}
	ranges := newRanges(source.Kept)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.document)
	mux.HandleFunc("GET /page/live", live.serve)
	mux.HandleFunc("GET /page/fields", h.json(func(host telemetry.Host) any { return newSnapshot(host, h.now(), h.latencies.get(h.now())) }))
	mux.HandleFunc("GET /page/status", h.json(func(host telemetry.Host) any { return host }))
	mux.HandleFunc("GET /page/range", ranges.serve)
	mux.Handle("GET /page/history", history.Handler(source.History))
	mux.Handle("GET /page/assets/{name}", assetHandler())
	return guarded(mux)
}

type handler struct {
	source    Source
	now       func() time.Time
	latencies *latencies
}

// sourceWait bounds how long a source may take for one answer.
const sourceWait = 5 * time.Second

// policy is the Content-Security-Policy: the page may load only what this
// handler serves, run no inline script, and not be framed. Script cannot turn
// text into markup, either.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// guarded adds the security headers to the responses of next.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// document serves the page with the current values. The query parameter open
// names the WANs whose details are open: a browser without JavaScript loses
// that state at each reload.
func (h *handler) document(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceWait)
	defer cancel()
	doc := newDocument(h.source.Host(ctx), h.source.History(ctx, time.Time{}), h.now(), h.latencies.get(h.now()), r.URL.Query()["open"])
	if timedOut(ctx, w) {
		return
	}
	var body bytes.Buffer
	if err := templates().ExecuteTemplate(&body, "page.html", doc); err != nil {
		http.Error(w, "rendering the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // the browser may have left
}

// json serves the document that make returns for the host.
func (h *handler) json(make func(telemetry.Host) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), sourceWait)
		defer cancel()
		host := h.source.Host(ctx)
		if timedOut(ctx, w) {
			return
		}
		body, err := json.Marshal(make(host))
		if err != nil {
			http.Error(w, "encoding the document: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // the browser may have left
	}
}

// timedOut replies 503 if the source exceeded its deadline; its result is
// discarded.
func timedOut(ctx context.Context, w http.ResponseWriter) bool {
	if ctx.Err() == nil {
		return false
	}
	http.Error(w, "the daemons take too long to answer; try again", http.StatusServiceUnavailable)
	return true
}
