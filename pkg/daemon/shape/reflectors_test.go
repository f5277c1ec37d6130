package shape

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
)

func TestEchoLimitWarning(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit rtt.EchoLimit
		want  []string
	}{
		{"none", rtt.EchoLimit{Used: 3}, nil},
		{"the path", rtt.EchoLimit{Limited: 3, Used: 3, Rate: 4.9, Sent: 60},
			[]string{"the reflectors answer about 5 of 60 echoes a second", "firewall", "/ip firewall filter", "interval: 500ms", "TCP"}},
		{"one host", rtt.EchoLimit{Limited: 1, Used: 3, Rate: 5, Sent: 20},
			[]string{"1 of 3 reflectors answer about 5 of 20 echoes a second", "ping_hosts"}},
	} {
		got := echoLimitWarning(tt.limit)
		if (got == "") != (tt.want == nil) {
			t.Errorf("%s: %q", tt.name, got)
		}
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q lacks %q", tt.name, got, want)
			}
		}
	}
}

// An echo limit is logged at first, every hour, and when it ends.
func TestEchoLimitIsLogged(t *testing.T) {
	var log bytes.Buffer
	probes := &fakeProbes{mode: probe.ModeICMP}
	o := newEventObserver(slog.New(slog.NewTextHandler(&log, nil)), nil, probes, "dsl.yaml", nil)
	lines := func(from, to time.Duration) (warnings, ends int) {
		log.Reset()
		for at := from; at < to; at += 50 * time.Millisecond {
			o.Observe(&control.Step{Decision: autorate.Decision{At: at, Alive: 3}})
		}
		return strings.Count(log.String(), "few echoes are answered"), strings.Count(log.String(), "echoes are answered again")
	}
	for _, tt := range []struct {
		name           string
		limited        int
		from, to       time.Duration
		warnings, ends int
	}{
		{"good", 0, 0, time.Minute, 0, 0},
		{"limited", 3, time.Minute, time.Hour, 1, 0},
		{"an hour later", 3, time.Hour, time.Hour + 2*time.Minute, 1, 0},
		{"fewer", 2, time.Hour + 2*time.Minute, time.Hour + 3*time.Minute, 1, 0},
		{"over", 0, time.Hour + 3*time.Minute, time.Hour + 4*time.Minute, 0, 1},
	} {
		probes.limit = rtt.EchoLimit{Limited: tt.limited, Used: 3, Rate: 5, Sent: 60}
		if warnings, ends := lines(tt.from, tt.to); warnings != tt.warnings || ends != tt.ends {
			t.Errorf("%s: %d warnings and %d ends, want %d and %d\n%s", tt.name, warnings, ends, tt.warnings, tt.ends, log.String())
		}
	}
}
