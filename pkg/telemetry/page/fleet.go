package page

import (
	"net/http"
)

// FleetHandler serves the page of a fleet at GET / and what it needs below /page/:
//
//	GET /page/fleet           the WANs that match a query, from rows
//	GET /page/fleet/history   the last ten minutes of one, from past
//	GET /page/assets/...      script and style
//
// The page asks for the rows it shows, and no more: what it costs does not grow with the
// fleet.
func FleetHandler(rows, past http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		http.ServeFileFS(w, r, templateFS, "fleet.html")
	})
	mux.Handle("GET /page/fleet", rows)
	mux.Handle("GET /page/fleet/history", past)
	mux.Handle("GET /page/assets/{name}", assetHandler())
	return guarded(mux)
}
