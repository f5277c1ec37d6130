package history

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Handler serves an Excerpt at GET, of what came after ?since=T, RFC 3339, or
// of all.
func Handler(read func(ctx context.Context, since time.Time) Excerpt) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		var since time.Time
		if text := r.URL.Query().Get("since"); text != "" {
			var err error
			// A + that nobody escaped has become a space.
			if since, err = time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+")); err != nil {
				http.Error(w, "since: give a time such as 2006-01-02T15:04:05Z", http.StatusBadRequest)
				return
			}
		}
		body, err := json.Marshal(read(r.Context(), since))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		head := w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(append(body, '\n')) // a client that went away is its own affair
	})
}
