// Package page is the status page: one self-contained document that shows what
// the loops do, with and without JavaScript, and the endpoints it lives on.
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
//
// The source is asked once a second for all live pages together, and not at
// all while there is none.
func Handler(source Source) http.Handler {
	h := &handler{source: source, now: time.Now, hub: &hub{source: source, now: time.Now}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.document)
	mux.HandleFunc("GET /page/status", h.status)
	mux.Handle("GET /page/history", history.Handler(source.History))
	mux.HandleFunc("GET /page/live", h.hub.serve)
	mux.Handle("GET /page/assets/{name}", assetHandler())
	return guarded(mux)
}

type handler struct {
	source Source
	now    func() time.Time
	hub    *hub
}

// sourceWait bounds how long a source may take for one answer.
const sourceWait = 5 * time.Second

// policy lets the page load only what this handler serves, run no script that
// stands in the document, and be framed by nobody. Text cannot become markup by
// script, either.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// guarded adds the headers that keep what next serves on this page.
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

// document serves the page with the values of now. Its parameter open names
// the WANs whose details are open: a browser without JavaScript forgets at each
// reload what was clicked.
func (h *handler) document(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceWait)
	defer cancel()
	doc := newDocument(h.source.Host(ctx), h.source.History(ctx, time.Time{}), h.now(), r.URL.Query()["open"])
	if late(ctx, w) {
		return
	}
	var body bytes.Buffer
	if err := templates.ExecuteTemplate(&body, "page.html", doc); err != nil {
		http.Error(w, "rendering the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // a browser that went away is its own affair
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceWait)
	defer cancel()
	if host := h.source.Host(ctx); !late(ctx, w) {
		writeJSON(w, filledHost(host))
	}
}

// late answers for a source that took too long: what it returned then is no
// answer.
func late(ctx context.Context, w http.ResponseWriter) bool {
	if ctx.Err() == nil {
		return false
	}
	http.Error(w, "the daemons take too long to answer; try again", http.StatusServiceUnavailable)
	return true
}

func writeJSON(w http.ResponseWriter, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, "encoding the document: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

// filledHost says "none" of what may be many as an empty list, not as null.
func filledHost(host telemetry.Host) telemetry.Host {
	if host.WANs == nil {
		host.WANs = []telemetry.WANHealth{}
	}
	if host.Steering == nil {
		host.Steering = []telemetry.SteeringHealth{}
	}
	return host
}

// filled is filledHost for an excerpt.
func filled(e history.Excerpt) history.Excerpt {
	if e.WANs == nil {
		e.WANs = map[string][]history.Sample{}
	}
	if e.Events == nil {
		e.Events = []history.Event{}
	}
	return e
}
