package history

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// readWait bounds one read of the history.
	readWait = 5 * time.Second
	// atOnce bounds concurrent responses: with many WANs, each has megabytes.
	atOnce = 4
)

// Handler serves a Window at GET: the history after ?since=T, RFC 3339, or
// all of it. The result of a read that outlasts its context is discarded.
func Handler(read func(ctx context.Context, since time.Time) Window) http.Handler {
	turn := make(chan struct{}, atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		var since time.Time
		if text := r.URL.Query().Get("since"); text != "" {
			var err error
			// A + that was not escaped has become a space.
			if since, err = time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+")); err != nil {
				http.Error(w, "since: give a time such as 2006-01-02T15:04:05Z (RFC 3339), or leave it out for all there is", http.StatusBadRequest)
				return
			}
		}
		ctx, cancel := context.WithTimeout(r.Context(), readWait)
		defer cancel()
		var x Window
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			x = read(ctx, since)
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			http.Error(w, "the answer takes too long; try again", http.StatusServiceUnavailable)
			return
		}
		head := w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodHead {
			_ = x.write(w) // the client may have left
		}
	})
}

// write writes x as one line of JSON, WAN by WAN: the whole may be large.
func (x Window) write(w io.Writer) error {
	var failed error
	text := func(s string) {
		if failed == nil {
			_, failed = io.WriteString(w, s)
		}
	}
	doc := func(v any) {
		body, err := json.Marshal(v)
		if failed = cmp.Or(failed, err); failed == nil {
			_, failed = w.Write(body)
		}
	}
	text(`{"wans":{`)
	for i, name := range slices.Sorted(maps.Keys(x.WANs)) {
		if i > 0 {
			text(",")
		}
		doc(name)
		text(":")
		doc(some(x.WANs[name]))
	}
	text(`},"events":`)
	doc(some(x.Events))
	text("}\n")
	return failed
}

// some returns an empty list instead of nil, so that JSON has [] and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
