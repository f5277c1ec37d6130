package statuscmd

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// TestAlive: a container is started again for a process that does not answer, not
// for a router that does not.
func TestAlive(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"status": "degraded", "wans": [{"name": "dsl", "reasons": ["router unreachable"]}]}`)
	}))
	defer daemon.Close()
	var out bytes.Buffer
	a := &app.App{Streams: output.Streams{Out: &out}}
	if err := runHealth(a, t.Context(), daemon.URL, false); err == nil {
		t.Error("a degraded daemon is healthy, want an error")
	}
	if err := runHealth(a, t.Context(), daemon.URL, true); err != nil || out.String() != "degraded\n" {
		t.Errorf("a degraded daemon is not alive: %v, %q", err, &out)
	}
	daemon.Close()
	if err := runHealth(a, t.Context(), daemon.URL, true); err == nil {
		t.Error("a daemon that does not answer is alive, want an error")
	}
}

func TestDefaultAddress(t *testing.T) {
	for mode, want := range map[string]string{
		"": "127.0.0.1:9101", "shape": "127.0.0.1:9101", " shape --wan dsl": "127.0.0.1:9101",
		"steer --dry-run": "127.0.0.1:9102", "serve": "127.0.0.1:9103", "dance": "",
	} {
		if got, err := defaultAddress(mode); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", mode, got, err, want)
		}
	}
}
