package page

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"ms unknown", ms(nil), "–"},
		{"ms", ms(new(7.26)), "7.3"},
		{"ms large", ms(new(1234.6)), "1235"},
		{"ms negative", ms(new(-3.16)), "-3.2"},
		{"excess", signedMs(new(0.0)), "+0.0"},
		{"excess below", signedMs(new(-1.0)), "-1.0"},
		{"excess unknown", signedMs(nil), "–"},
		{"rate unknown", mbps(nil), "–"},
		{"rate small", mbps(new(0.064)), "0.06"},
		{"rate", mbps(new(20.54)), "20.5"},
		{"rate large", mbps(new(9400.4)), "9400"},
		{"no time", duration(0), "0.0 s"},
		{"in the future", duration(-3), "0.0 s"},
		{"tenths", duration(9.94), "9.9 s"},
		{"seconds", duration(9.96), "10 s"},
		{"minute", duration(59.7), "1 min 0 s"},
		{"minutes", duration(185), "3 min 5 s"},
		{"hours", duration(3*3600 + 62), "3 h 1 min"},
		{"days", duration(86400*2 + 3600*5), "2 d 5 h"},
		{"ago", ago(new(0.03)), "0.0 s ago"},
		{"never", ago(nil), "never"},
		{"count", count(new(3)), "3"},
		{"count unknown", count(nil), "–"},
		{"few", few([]string{"a", "b", "c"}), "a, b, c"},
		{"many", few([]string{"a", "b", "c", "d", "e"}), "a, b, c and 2 more"},
		{"no address", addresses(0), "no addresses"},
		{"an address", addresses(1), "1 address"},
		{"failures", inARow(0), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 10, 0, 0, time.Local)
	for _, tt := range []struct {
		name string
		at   time.Time
		want string
	}{
		{"today", now.Add(-10 * time.Minute), "00:00:00"},
		{"yesterday", now.Add(-11 * time.Minute), "22 Nov 23:59:00"},
		{"the same day of another year", now.AddDate(-1, 0, 0), "23 Nov 00:10:00"},
		{"another zone", now.UTC(), "00:10:00"},
	} {
		if got := clock(tt.at, now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	wan := func(name string, status telemetry.Status) telemetry.WANHealth {
		return telemetry.WANHealth{Name: name, Status: status}
	}
	for _, tt := range []struct {
		name         string
		wans         []telemetry.WANHealth
		steering     []telemetry.SteeringHealth
		want         string
		wantSeverity severity
	}{
		{"nothing", nil, nil, "Nothing runs here", "none"},
		{"well", []telemetry.WANHealth{wan("a", telemetry.Healthy)}, nil, "Healthy", "good"},
		{"steering alone", nil, []telemetry.SteeringHealth{{Status: telemetry.Healthy}}, "Healthy", "good"},
		{"starting", []telemetry.WANHealth{wan("a", telemetry.Starting), wan("b", telemetry.Healthy)}, nil, "Starting: a", "watch"},
		{"degraded before starting", []telemetry.WANHealth{wan("a", telemetry.Starting), wan("b", telemetry.Degraded)}, nil, "Degraded: b", "bad"},
		{"steering degraded", []telemetry.WANHealth{wan("a", telemetry.Healthy)}, []telemetry.SteeringHealth{{Status: telemetry.Degraded}}, "Degraded: steering", "bad"},
		{"a word of a newer version", []telemetry.WANHealth{wan("a", "confused")}, nil, "Degraded: a", "bad"},
	} {
		h := telemetry.Host{Steering: tt.steering}
		h.WANs = tt.wans
		if got, is := verdict(h); got != tt.want || is != tt.wantSeverity {
			t.Errorf("%s: %q %s, want %q %s", tt.name, got, is, tt.want, tt.wantSeverity)
		}
	}
}

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		source telemetry.Origin
		age    time.Duration
		text   string
		is     severity
		stale  bool
	}{
		{"live", telemetry.FromLoop, 40 * time.Millisecond, "live", "good", false},
		{"just so", telemetry.FromLoop, 5 * time.Second, "live", "good", false},
		{"stands still", telemetry.FromLoop, 12 * time.Second, "stale: 12 s old", "bad", true},
		{"clocks differ", telemetry.FromLoop, -time.Second, "live", "good", false},
		{"file", telemetry.FromFile, time.Second, "stale: 1.0 s old", "bad", true},
		{"a source of a newer version", "socket", time.Second, "live", "good", false},
	} {
		p := wanPanel(telemetry.WANHealth{Source: tt.source, At: new(noon.Add(-tt.age))}, noon, report.Latency{})
		if p.Text["source"] != tt.text || p.Severity["source"] != tt.is || p.Stale != tt.stale {
			t.Errorf("%s: %q %s %v", tt.name, p.Text["source"], p.Severity["source"], p.Stale)
		}
	}
	if p := wanPanel(telemetry.WANHealth{}, noon, report.Latency{}); p.Text["source"] != "no data yet" || !p.Stale {
		t.Errorf("nothing: %q", p.Text["source"])
	}
}

func TestEventRows(t *testing.T) {
	var events []history.Event
	for i := range eventsShown + 10 {
		events = append(events, history.Event{At: noon.Add(time.Duration(i/2) * time.Second), Text: string(rune('a' + i%26))})
	}
	rows := eventRows(events, noon, false)
	if len(rows) != eventsShown {
		t.Fatalf("%d rows", len(rows))
	}
	last := events[len(events)-1]
	if !rows[0].At.Equal(last.At) || rows[0].Text != last.Text {
		t.Errorf("the first row is not the newest event: %+v", rows[0])
	}
	for i := range rows[1:] {
		if rows[i+1].At.After(rows[i].At) {
			t.Fatalf("row %d is newer than the one above", i+1)
		}
	}
}

func TestTimesAfterTexts(t *testing.T) {
	later := noon.Add(25 * time.Second)
	for _, tt := range []struct {
		name                   string
		hold, switched         *time.Time
		wantHold, wantSwitched string
	}{
		{name: "none", wantHold: "none", wantSwitched: "not switched since it started"},
		{name: "hold over", hold: &noon, wantHold: "none", wantSwitched: "not switched since it started"},
		{name: "both", hold: &later, switched: &noon, wantHold: "25 s, until " + clock(later, noon), wantSwitched: clock(noon, noon)},
	} {
		var s telemetry.SteeringHealth
		s.Detail.HoldUntil, s.Decision.LastTransitionTime = tt.hold, tt.switched
		p := steeringPanel(s, noon)
		hold, err1 := p.Field("hold")
		switched, err2 := p.Field("switched")
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if hold.Text != tt.wantHold || switched.Text != tt.wantSwitched {
			t.Errorf("%s: %q %q, want %q %q", tt.name, hold.Text, switched.Text, tt.wantHold, tt.wantSwitched)
		}
	}
}

func TestGauge(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   telemetry.DirectionHealth
		want gauge
	}{
		{"nothing known", telemetry.DirectionHealth{}, gauge{0, -1, -1}},
		{"no ceiling", telemetry.DirectionHealth{CurrentRateMbps: new(10.0), ThroughputMbps: new(5.0)}, gauge{0, -1, -1}},
		{"all known", telemetry.DirectionHealth{CurrentRateMbps: new(50.0), ThroughputMbps: new(25.0), FloorMbps: new(10.0), CeilingMbps: new(200.0)}, gauge{12.5, 25, 5}},
		{"beyond the ceiling", telemetry.DirectionHealth{CurrentRateMbps: new(300.0), ThroughputMbps: new(250.0), CeilingMbps: new(200.0)}, gauge{100, 100, -1}},
	} {
		if diff := cmp.Diff(tt.want, wanPanel(telemetry.WANHealth{Download: tt.in}, noon, report.Latency{}).Gauges["download"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestOneDirection(t *testing.T) {
	p := wanPanel(telemetry.WANHealth{Download: telemetry.DirectionHealth{NotControlled: true}}, noon, report.Latency{})
	if down, up := p.Directions()[0], p.Directions()[1]; !down.Absent() || up.Absent() {
		t.Errorf("absent: %v", p.Absent)
	}
}

func TestFieldThatDoesNotExist(t *testing.T) {
	if _, err := (fields{Text: map[string]string{"a": ""}}).Field("b"); err == nil {
		t.Error("a misspelt field renders as nothing")
	}
}
