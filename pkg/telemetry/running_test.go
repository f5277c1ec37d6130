package telemetry

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A loop that does not run is there with a 0: an alert needs a series to compare.
func TestRunningLoops(t *testing.T) {
	wans := map[string]bool{"DSL": true, "lte": false}
	handler := MetricsHandler(Together(NewRegistry(), RunningLoops(func() map[string]bool { return wans })))
	get := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		return w.Body.String()
	}
	for _, line := range []string{`wanctl_loop_running{wan="dsl"} 1`, `wanctl_loop_running{wan="lte"} 0`, "go_goroutines "} {
		if text := get(); !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	delete(wans, "lte")
	if strings.Contains(get(), `wan="lte"`) {
		t.Error("a WAN that is gone is still there")
	}
}
