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
		{"the path", rtt.EchoLimit{Limited: 2, Used: 3, Path: true, Rate: 4.9, Sent: 60},
			[]string{"the reflectors answer about 5 of 60 echoes a second", "firewall", "/ip firewall filter", "interval: 800ms", "TCP"}},
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
		path           bool
		from, to       time.Duration
		warnings, ends int
	}{
		{"good", 0, false, 0, time.Minute, 0, 0},
		{"limited", 3, true, time.Minute, time.Hour, 1, 0},
		{"an hour later", 3, true, time.Hour, time.Hour + 2*time.Minute, 1, 0},
		{"fewer", 2, true, time.Hour + 2*time.Minute, time.Hour + 150*time.Second, 0, 0},
		{"not the path", 1, false, time.Hour + 150*time.Second, time.Hour + 3*time.Minute, 1, 0},
		{"over", 0, false, time.Hour + 3*time.Minute, time.Hour + 4*time.Minute, 0, 1},
	} {
		probes.limit = rtt.EchoLimit{Limited: tt.limited, Used: 3, Path: tt.path, Rate: 5, Sent: 60}
		if warnings, ends := lines(tt.from, tt.to); warnings != tt.warnings || ends != tt.ends {
			t.Errorf("%s: %d warnings and %d ends, want %d and %d\n%s", tt.name, warnings, ends, tt.warnings, tt.ends, log.String())
		}
	}
}

func TestEchoCheck(t *testing.T) {
	third := func(n int) bool { return n%3 == 0 }
	none := func(int) bool { return false }
	all := func(int) bool { return true }
	for _, tt := range []struct {
		name    string
		answers [3]func(n int) bool
		warns   bool
	}{
		{"good", [3]func(int) bool{all, all, all}, false},
		{"limited", [3]func(int) bool{third, third, third}, true},
		{"limited, one starves", [3]func(int) bool{third, none, third}, true},
		{"one host limited", [3]func(int) bool{third, all, all}, false},
		{"outages", [3]func(int) bool{func(n int) bool { return n/300%2 == 0 }, func(n int) bool { return n/300%2 == 0 }, none}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c EchoCheck
			for n := range 60 * 20 {
				var in autorate.Input
				for i, answers := range tt.answers {
					in.Events = append(in.Events, rtt.Event{Kind: rtt.Sent, Reflector: uint8(i)})
					if answers(n) {
						in.Events = append(in.Events, rtt.Event{Kind: rtt.Reply, Reflector: uint8(i)})
					}
				}
				c.Step(&in, time.Duration(n)*50*time.Millisecond)
			}
			if got := c.Warning(); (got != "") != tt.warns {
				t.Errorf("warning %q", got)
			}
		})
	}
}
