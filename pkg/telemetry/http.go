package telemetry

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Handler serves the health document at GET /health and GET /: 200 when
// healthy, 503 otherwise. A browser that requests / gets page instead, unless
// page is nil.
func (c *Checker) Handler(page http.Handler) http.Handler {
	return handler(page, func(ctx context.Context) (Status, any) {
		h := c.Health(ctx)
		return h.Status, h
	})
}

// Handler is that of Checker, for steering.
func (c *SteeringChecker) Handler(page http.Handler) http.Handler {
	return SteeringHandler(c.Health, page)
}

// SteeringHandler is Handler of Checker, for one steering of a process.
func SteeringHandler(steering func(context.Context) SteeringHealth, page http.Handler) http.Handler {
	return handler(page, func(ctx context.Context) (Status, any) {
		h := steering(ctx)
		return h.Status, h
	})
}

// HostHandler is Handler of Checker, for the daemons of a host.
func HostHandler(host func(context.Context) Host, page http.Handler) http.Handler {
	return handler(page, func(ctx context.Context) (Status, any) {
		h := host(ctx)
		return h.Status, h
	})
}

// DocumentHandler serves a health document as JSON: 200 with status Healthy, 503 with
// another one.
func DocumentHandler(health func(context.Context) (Status, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, doc := health(r.Context())
		body, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		head := w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		if status != Healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write(append(body, '\n')) // the client may have left
	}
}

func handler(page http.Handler, health func(context.Context) (Status, any)) http.Handler {
	document := DocumentHandler(health)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", document)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if page != nil && wantsHTML(r.Header.Get("Accept")) {
			page.ServeHTTP(w, r)
			return
		}
		document(w, r)
	})
	return mux
}

// wantsHTML reports whether a request comes from a browser: programs accept
// anything or JSON, browsers name text/html.
func wantsHTML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || kind != "text/html" {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		return err != nil || q > 0
	}
	return false
}
