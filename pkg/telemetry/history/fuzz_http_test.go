package history

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// FuzzSince: a request is refused, or asks for what its time says.
func FuzzSince(f *testing.F) {
	for _, s := range []string{"", "since=2026-11-01T12:00:00Z", "since=2026-11-01T12:00:00+01:00", "since=2026-11-01T12:00:00.123456789%2B01:00", "since=yesterday", "since=%zz", "since=&since=x", "since=-1-01-01T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var asked []time.Time
		h := Handler(func(_ context.Context, since time.Time) Window {
			asked = append(asked, since)
			return Window{}
		})
		r := httptest.NewRequest(http.MethodGet, "/history", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		values, _ := url.ParseQuery(query)
		switch text := values.Get("since"); {
		case w.Code == http.StatusOK && len(asked) != 1, w.Code != http.StatusOK && (w.Code != http.StatusBadRequest || len(asked) != 0):
			t.Errorf("%q: status %d, asked for %v", query, w.Code, asked)
		case w.Code == http.StatusOK && asked[0].IsZero() != (text == ""):
			// The zero time, written out, is a time as well.
			if at, err := time.Parse(time.RFC3339, text); err != nil || !at.IsZero() {
				t.Errorf("%q: asked for %v", query, asked)
			}
		}
	})
}
