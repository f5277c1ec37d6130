package live

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// askWait bounds how long a page waits for the answer of a node.
const askWait = 3 * time.Second

// Document is the answer to a page or program.
type Document struct {
	Connected bool `json:"connected"` // to a NATS server; otherwise what is here is old
	Fleet
}

// RowsHandler serves the WANs of v that the parameters ask for; see ParseQuery.
func RowsHandler(v *View, connected func() bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := ParseQuery(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body, err := json.Marshal(Document{connected(), v.Query(q)})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, append(body, '\n'))
	})
}

// HistoryHandler serves the last ten minutes of the WAN that the parameters site, node and
// wan name, as its node has them.
func HistoryHandler(ask func(ctx context.Context, site, node, wan string) (json.RawMessage, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, node, wan := r.FormValue("site"), r.FormValue("node"), r.FormValue("wan")
		if !isName(site) || !isName(node) || wan == "" || len(wan) > maxText {
			http.Error(w, "name site, node and wan", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), askWait)
		defer cancel()
		body, err := ask(ctx, site, node, wan)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		writeJSON(w, body)
	})
}

// isName reports whether s can be the name of a site or of a node, so that it cannot widen a
// subject.
func isName(s string) bool {
	for _, c := range s {
		if c != '.' && c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}

func writeJSON(w http.ResponseWriter, body []byte) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // the browser may have left
}
