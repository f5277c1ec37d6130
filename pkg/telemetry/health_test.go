package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixed is a Source that returns the same each time.
type fixed struct {
	health WANHealth
	err    error
}

func (f fixed) Snapshot(context.Context) (WANHealth, error) { return f.health, f.err }

// well is a healthy WAN at noon.
func well() WANHealth {
	dec := autorate.Decision{Baseline: 24 * time.Millisecond, RTT: 31234567, Excess: 7 * time.Millisecond, Alive: 3}
	dec.Directions[autorate.Download] = autorate.DirectionDecision{
		Limit: 500 * bitrate.Mbps, Throughput: 1234567, State: autorate.Yellow, Reason: autorate.Probing,
	}
	dec.Directions[autorate.Upload] = autorate.DirectionDecision{Limit: 20500 * bitrate.Kbps, State: autorate.Green, Reason: autorate.Idle}
	h := NewWANHealth("spectrum", noon, dec)
	h.Source = FromLoop
	h.Download.SetLimits(495*bitrate.Mbps, 200*bitrate.Mbps, 940*bitrate.Mbps)
	h.Upload.SetLimits(20500*bitrate.Kbps, 0, 0)
	h.Probe.Mode, h.Probe.Reflectors, h.Probe.LastReplyAgeSeconds = "icmp", 3, Age(noon, noon.Add(-30*time.Millisecond))
	h.Router = RouterHealth{
		Transport: "rest", Address: "192.168.88.1:443", Failovers: 2,
		LatencyMs: Milliseconds(14500 * time.Microsecond), LastAnswerAgeSeconds: Age(noon, noon.Add(-100*time.Millisecond)),
	}
	return h
}

func checker(uptime time.Duration, sources ...Source) *Checker {
	c := NewChecker("1.2.3", sources...)
	c.started, c.now = noon.Add(-uptime), func() time.Time { return noon }
	return c
}

// A direction that is not controlled is absent from the document, also from that of a
// program that has read it.
func TestHealthOfOneDirection(t *testing.T) {
	h := well()
	h.Download = DirectionHealth{NotControlled: true}
	for range 2 {
		got := checker(time.Hour, fixed{health: h}).Health(t.Context())
		if got.Status != Healthy {
			t.Errorf("%s: %v", got.Status, got.WANs[0].Reasons)
		}
		text, err := json.Marshal(got.WANs[0])
		if err != nil || strings.Contains(string(text), "download") || !strings.Contains(string(text), `"upload":{"current_rate_mbps":20.5,`) {
			t.Errorf("%s, %v", text, err)
		}
		h = WANHealth{}
		if err := json.Unmarshal(text, &h); err != nil || !h.Download.NotControlled || h.Upload.NotControlled {
			t.Fatalf("%+v, %v", h, err)
		}
	}
}

func TestHealthDocument(t *testing.T) {
	w := httptest.NewRecorder()
	checker(90*time.Second, fixed{health: well()}).Handler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
	const want = `{
  "status": "healthy",
  "uptime_seconds": 90,
  "version": "1.2.3",
  "consecutive_failures": 0,
  "wan_count": 1,
  "wans": [
    {
      "name": "spectrum",
      "baseline_rtt_ms": 24,
      "load_rtt_ms": 31.235,
      "download": {
        "current_rate_mbps": 500,
        "state": "YELLOW",
        "reason": "climbing",
        "applied_rate_mbps": 495,
        "floor_mbps": 200,
        "ceiling_mbps": 940,
        "throughput_mbps": 1.235,
        "capacity_mbps": null
      },
      "upload": {
        "current_rate_mbps": 20.5,
        "state": "GREEN",
        "reason": "idle",
        "applied_rate_mbps": 20.5,
        "floor_mbps": null,
        "ceiling_mbps": null,
        "throughput_mbps": null,
        "capacity_mbps": null
      },
      "status": "healthy",
      "source": "loop",
      "at": "2026-11-23T12:00:00Z",
      "age_seconds": 0,
      "excess_ms": 7,
      "consecutive_failures": 0,
      "dry_run": false,
      "probe": {
        "mode": "icmp",
        "reflectors_alive": 3,
        "reflectors": 3,
        "last_reply_age_seconds": 0.03
      },
      "router": {
        "transport": "rest",
        "address": "192.168.88.1:443",
        "failovers": 2,
        "latency_ms": 14.5,
        "reachable": true,
        "last_answer_age_seconds": 0.1
      }
    }
  ]
}
`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", w.Code, w.Header())
	}
}

func TestHealthStatus(t *testing.T) {
	for _, tt := range []struct {
		name   string
		uptime time.Duration
		change func(*WANHealth)
		err    error
		want   Status
		why    string
	}{
		{name: "well", want: Healthy},
		{name: "congested is healthy", change: func(w *WANHealth) { w.Download.State = "RED" }, want: Healthy},
		{name: "ICMP filtered, TCP works", change: func(w *WANHealth) { w.Probe.Mode = "tcp" }, want: Healthy},
		{name: "two failures", change: func(w *WANHealth) { w.ConsecutiveFailures = 2 }, want: Healthy},
		{name: "three failures", change: func(w *WANHealth) { w.ConsecutiveFailures = 3 }, want: Degraded, why: "in a row"},
		{name: "no RTT yet", uptime: time.Second, change: func(w *WANHealth) { w.Probe.LastReplyAgeSeconds = nil }, want: Starting, why: "round-trip"},
		{name: "still no RTT", uptime: 61 * time.Second, change: func(w *WANHealth) { w.Probe.LastReplyAgeSeconds = nil }, want: Degraded, why: "round-trip"},
		{name: "limit not known yet", uptime: time.Second, change: func(w *WANHealth) { w.Upload.AppliedMbps = nil }, want: Starting, why: "limits"},
		{name: "limit still not known", uptime: time.Hour, change: func(w *WANHealth) { w.Upload.AppliedMbps = nil }, want: Degraded, why: "limits"},
		{name: "nine seconds of silence", change: func(w *WANHealth) { w.Probe.LastReplyAgeSeconds = new(9.0) }, want: Healthy},
		{name: "silence", change: func(w *WANHealth) { w.Probe.LastReplyAgeSeconds = new(11.0) }, want: Degraded, why: "for 11s"},
		{name: "silence at the start", uptime: 15 * time.Second, change: func(w *WANHealth) {
			w.Probe.LastReplyAgeSeconds, w.Download.AppliedMbps = new(11.0), nil
		}, want: Degraded, why: "limits"},
		{name: "one failed call", change: func(w *WANHealth) { w.Router.LastError = "timeout" }, want: Healthy},
		{name: "router gone", change: func(w *WANHealth) {
			w.Router.LastError, w.Router.LastAnswerAgeSeconds = "timeout", new(31.0)
		}, want: Degraded, why: "router has not answered for 31s"},
		{name: "refused", change: func(w *WANHealth) {
			w.Upload.Refused, w.ConsecutiveFailures = "router r: denied", 3
		}, want: Degraded, why: "the router refuses the upload limit: router r: denied"},
		{name: "a queue that limits nothing", change: func(w *WANHealth) {
			w.Faults = []string{"queue up is disabled"}
		}, want: Degraded, why: "queue up is disabled"},
		{name: "router not asked for long", change: func(w *WANHealth) { w.Router.LastAnswerAgeSeconds = new(3600.0) }, want: Healthy},
		{name: "loop stands still", change: func(w *WANHealth) { w.At = new(noon.Add(-6 * time.Second)) }, want: Degraded, why: "nothing for 6s"},
		{name: "from the file", change: func(w *WANHealth) { w.Source = FromFile }, want: Degraded, why: "no loop runs"},
		{name: "no answer", err: errors.New("loop\nis gone"), want: Degraded, why: "loop is gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := well()
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.uptime == 0 {
				tt.uptime = time.Hour
			}
			// A second WAN that is well does not hide the first.
			h := checker(tt.uptime, fixed{s, tt.err}, fixed{health: well()}).Health(t.Context())
			if h.Status != tt.want || h.WANs[0].Status != tt.want || h.WANs[1].Status != Healthy {
				t.Errorf("status %s (%s, %s), want %s", h.Status, h.WANs[0].Status, h.WANs[1].Status, tt.want)
			}
			if why := strings.Join(h.WANs[0].Reasons, "; "); !strings.Contains(why, tt.why) || (why == "") != (tt.want == Healthy) {
				t.Errorf("reasons %q, want %q", why, tt.why)
			}
			if h.ConsecutiveFailures != s.ConsecutiveFailures || h.WANCount != 2 || h.WANs[0].Name != "spectrum" {
				t.Errorf("document %+v", h)
			}
		})
	}
}

func TestUnknownIsNull(t *testing.T) {
	data, err := json.Marshal(checker(time.Second, fixed{health: WANHealth{Name: "x"}}).Health(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"baseline_rtt_ms":null`, `"load_rtt_ms":null`, `"current_rate_mbps":null`, `"state":"UNKNOWN"`, `"excess_ms":null`, `"reachable":false`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	if h := checker(time.Second).Health(t.Context()); h.Status != Degraded || h.WANs == nil {
		t.Errorf("without WANs: %+v", h)
	}
}

// stuck never answers.
type stuck struct{}

func (stuck) Snapshot(ctx context.Context) (WANHealth, error) {
	<-ctx.Done()
	return WANHealth{Name: "stuck"}, ctx.Err()
}

// A loop that stands still delays the answer by a second, whatever their number.
func TestHealthOfStuckLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h := NewChecker("1", stuck{}, stuck{}, stuck{}).Health(t.Context())
		if took := time.Since(start); took != snapshotWait || h.Status != Degraded || h.WANs[2].Name != "stuck" {
			t.Errorf("%v after %v", h, took)
		}
	})
}

func TestHealthHTTP(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	html := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	sick := well()
	sick.ConsecutiveFailures = 3
	for _, tt := range []struct {
		name, method, path, accept string
		health                     WANHealth
		page                       http.Handler
		code                       int
		body                       string
	}{
		{"health", "GET", "/health", "", well(), html, 200, `"healthy"`},
		{"root", "GET", "/", "*/*", well(), html, 200, `"healthy"`},
		{"root as JSON", "GET", "/", "application/json", well(), html, 200, `"healthy"`},
		{"root in a browser", "GET", "/", browser, well(), html, 200, "<html>"},
		{"root without HTML please", "GET", "/", "text/html;q=0, */*", well(), html, 200, `"healthy"`},
		{"root in a browser without a page", "GET", "/", browser, well(), nil, 200, `"healthy"`},
		{"health in a browser", "GET", "/health", browser, well(), html, 200, `"healthy"`},
		{"degraded", "GET", "/health", "", sick, html, 503, `"degraded"`},
		{"head", "HEAD", "/health", "", sick, html, 503, ""},
		{"post", "POST", "/health", "", well(), html, 405, ""},
		{"elsewhere", "GET", "/other", "", well(), html, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Accept", tt.accept)
			w := httptest.NewRecorder()
			checker(time.Hour, fixed{health: tt.health}).Handler(tt.page).ServeHTTP(w, r)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, tt.code, tt.body)
			}
		})
	}
}

type fixedSteering struct {
	health SteeringHealth
	err    error
}

func (f fixedSteering) Snapshot(context.Context) (SteeringHealth, error) { return f.health, f.err }

func wellSteering(congestion string) SteeringHealth {
	h := NewSteeringHealth("spectrum", congestion, noon)
	h.SetState(true, "SPECTRUM_DEGRADED", "dry_run")
	h.SetSince(noon.Add(-75*time.Second), 75*time.Second)
	h.Counters = SteeringCounters{RedCount: 3, GoodCount: 1, CakeReadFailures: 1}
	h.Errors = SteeringErrors{CakeReadFailures: 1}
	h.Thresholds = SteeringThresholds{GreenRTTMs: 5, YellowRTTMs: 15, RedRTTMs: 15, RedSamplesRequired: 2, GreenSamplesRequired: 15}
	return h
}

func steeringChecker(uptime time.Duration, h SteeringHealth, err error) *SteeringChecker {
	c := NewSteeringChecker("1.2.3", fixedSteering{h, err})
	c.checker.started, c.checker.now = noon.Add(-uptime), func() time.Time { return noon }
	return c
}

func TestSteeringDocument(t *testing.T) {
	h := steeringChecker(time.Hour, wellSteering("RED"), nil).Health(t.Context())
	h.PID = 7
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"status":"healthy","uptime_seconds":3600,"version":"1.2.3",` +
		`"steering":{"enabled":true,"state":"SPECTRUM_DEGRADED","mode":"dry_run"},` +
		`"congestion":{"primary":{"state":"RED","state_code":2,"wan":"spectrum"}},` +
		`"decision":{"last_transition_time":"2026-11-23T11:58:45Z","time_in_state_seconds":75},` +
		`"counters":{"red_count":3,"good_count":1,"bad_count":0,"cake_read_failures":1},` +
		`"errors":{"consecutive_failures":0,"cake_read_failures":1},` +
		`"thresholds":{"green_rtt_ms":5,"yellow_rtt_ms":15,"red_rtt_ms":15,"red_samples_required":2,"green_samples_required":15},"pid":7,` +
		`"detail":{"name":"","reason":"","alternate":{"wan":"","condition":""},` +
		`"path":{"source":"","baseline_rtt_ms":null,"rtt_ms":null,"excess_ms":null,"excess_ewma_ms":null},` +
		`"queue":{"available":false,"drops":null,"depth_packets":null,"depth_ewma_packets":null},` +
		`"rule":{"comment":"","enabled":null},"score":null,"steer_threshold":null,"hold_until":null,` +
		`"flap_penalty_until":null,"force_out":{"list":"","entries":[]}},` +
		`"source":"loop","at":"2026-11-23T12:00:00Z","age_seconds":0}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSteeringStatus(t *testing.T) {
	for _, tt := range []struct {
		name       string
		uptime     time.Duration
		congestion string
		change     func(*SteeringHealth)
		err        error
		want       Status
		code       int
	}{
		{name: "steering is healthy", congestion: "RED", want: Healthy, code: 2},
		{name: "green", congestion: "GREEN", want: Healthy},
		{name: "yellow", congestion: "YELLOW", want: Healthy, code: 1},
		{name: "not known yet", uptime: time.Second, want: Starting, code: 3},
		{name: "still not known", want: Degraded, code: 3},
		{name: "queue unreadable", congestion: "RED", change: func(s *SteeringHealth) { s.Errors.CakeReadFailures = 3 }, want: Degraded, code: 2},
		{name: "measurements fail", congestion: "RED", change: func(s *SteeringHealth) { s.Errors.ConsecutiveFailures = 3 }, want: Degraded, code: 2},
		{name: "stands still", congestion: "RED", change: func(s *SteeringHealth) { s.At = new(noon.Add(-time.Hour)) }, want: Degraded, code: 2},
		{name: "no answer", congestion: "RED", err: errors.New("gone"), want: Degraded, code: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := wellSteering(tt.congestion)
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.uptime == 0 {
				tt.uptime = time.Hour
			}
			c := steeringChecker(tt.uptime, s, tt.err)
			h := c.Health(t.Context())
			if h.Status != tt.want || h.Congestion.Primary.StateCode != tt.code || (len(h.Reasons) > 0) != (tt.want != Healthy) {
				t.Errorf("%+v, want %s and code %d", h, tt.want, tt.code)
			}
			w := httptest.NewRecorder()
			c.Handler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if (w.Code == 200) != (tt.want == Healthy) {
				t.Errorf("HTTP %d", w.Code)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"a\nb\t c":                     "a b c",
		strings.Repeat("ä", 200):       strings.Repeat("ä", 150) + "...",
		"x" + strings.Repeat("ä", 200): "x" + strings.Repeat("ä", 149) + "...",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%.20q) = %q", in, got)
		}
	}
}
