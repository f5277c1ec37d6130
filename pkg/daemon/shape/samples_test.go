package shape

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// The log tells that the jitter of a line has changed, once a minute at most.
func TestSamplesAreLogged(t *testing.T) {
	var log bytes.Buffer
	o := newEventObserver(slog.New(slog.NewTextHandler(&log, nil)), history.New().Feed("dsl", nil), nil, "dsl.yaml", nil)
	for i, samples := range []int{1, 1, 3, 4, 1, 3} {
		o.Observe(&control.Step{Decision: autorate.Decision{At: time.Duration(i) * 20 * time.Second, Alive: 1, Samples: samples}})
	}
	if n := strings.Count(log.String(), "jitter"); n != 1 || !strings.Contains(log.String(), "samples=3") {
		t.Errorf("told %d times, want once:\n%s", n, log.String())
	}
	o.Observe(&control.Step{Decision: autorate.Decision{At: 3 * time.Minute, Alive: 1, Samples: 2}})
	if !strings.Contains(log.String(), "samples=2") {
		t.Errorf("not told after a minute:\n%s", log.String())
	}
}
