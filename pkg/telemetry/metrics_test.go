package telemetry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry/metricstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var spectrum = WANConfig{
	Name:       "Spectrum",
	Reflectors: []string{"1.1.1.1", "9.9.9.9"},
	Floor:      [2]bitrate.Rate{200 * bitrate.Mbps, 10 * bitrate.Mbps},
	Ceiling:    [2]bitrate.Rate{940 * bitrate.Mbps, 38 * bitrate.Mbps},
}

// page is what a scrape of reg returns.
func page(t *testing.T, reg *prometheus.Registry, accept string) (string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	MetricsHandler(reg).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String(), w.Result().Header
}

// series of the metric names with a prefix, with their values.
func series(text string, prefixes ...string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, _, _ := strings.Cut(line, "{")
		if slices.Contains(prefixes, name) {
			out = append(out, line)
		}
	}
	return out
}

func newMetrics(t *testing.T) (*Metrics, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	m, err := New(reg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return m, reg
}

// What dashboards of the earlier system ask for is there from the start.
func TestKnownSeriesExistFromTheStart(t *testing.T) {
	m, reg := newMetrics(t)
	m.WAN(spectrum)
	m.Steering("Spectrum", "SPECTRUM_GOOD", "SPECTRUM_DEGRADED")
	text, head := page(t, reg, "text/plain")
	if got := head.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type %q", got)
	}
	want := []string{
		`wanctl_bandwidth_mbps{direction="download",wan="spectrum"} 0`,
		`wanctl_bandwidth_mbps{direction="upload",wan="spectrum"} 0`,
		`wanctl_congestion_state{wan="spectrum"} 0`,
		`wanctl_cycle_duration_seconds{wan="spectrum"} 0`,
		`wanctl_cycles_total{wan="spectrum"} 0`,
		`wanctl_ping_failures_total{wan="spectrum"} 0`,
		`wanctl_rate_limit_events_total{wan="spectrum"} 0`,
		`wanctl_router_updates_total{wan="spectrum"} 0`,
		`wanctl_rtt_baseline_ms{wan="spectrum"} 0`,
		`wanctl_rtt_delta_ms{wan="spectrum"} 0`,
		`wanctl_rtt_load_ms{wan="spectrum"} 0`,
		`wanctl_state{direction="download",wan="spectrum"} 0`,
		`wanctl_state{direction="upload",wan="spectrum"} 0`,
		`wanctl_state_transitions_total{direction="download",wan="spectrum"} 0`,
		`wanctl_state_transitions_total{direction="upload",wan="spectrum"} 0`,
		`wanctl_steering_enabled{wan="spectrum"} 0`,
		`wanctl_steering_rule_usable{wan="spectrum"} 0`,
		`wanctl_steering_score{wan="spectrum"} 0`,
		`wanctl_steering_transitions_total{from="SPECTRUM_DEGRADED",to="SPECTRUM_GOOD",wan="spectrum"} 0`,
		`wanctl_steering_transitions_total{from="SPECTRUM_GOOD",to="SPECTRUM_DEGRADED",wan="spectrum"} 0`,
	}
	got := series(text, "wanctl_bandwidth_mbps", "wanctl_rtt_baseline_ms", "wanctl_rtt_load_ms", "wanctl_rtt_delta_ms",
		"wanctl_state", "wanctl_cycle_duration_seconds", "wanctl_cycles_total", "wanctl_state_transitions_total",
		"wanctl_rate_limit_events_total", "wanctl_router_updates_total", "wanctl_ping_failures_total",
		"wanctl_steering_enabled", "wanctl_steering_rule_usable", "wanctl_steering_score",
		"wanctl_congestion_state", "wanctl_steering_transitions_total")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// And so are all others.
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+"_count{") &&
				!strings.HasPrefix(name, "promhttp_") {
				t.Errorf("%s has no series at the start", name)
			}
		}
	}
	if !strings.Contains(text, `wanctl_build_info{goversion="go1`) || !strings.Contains(text, `version="1.2.3"} 1`) {
		t.Error("no build info")
	}
}

// A direction that is not controlled has no series, rather than some that are 0.
func TestMetricsOfOneDirection(t *testing.T) {
	m, reg := newMetrics(t)
	w := m.WAN(WANConfig{Name: "dsl", NotControlled: [2]bool{autorate.Download: true}})
	w.Stepped(autorate.Input{Readings: []autorate.Reading{{}}}, autorate.Decision{Alive: 3}, 0)
	w.Fault(autorate.Download, actuate.NoFault)
	w.Written([2]bitrate.Rate{0, bitrate.Mbps}, time.Millisecond, nil, [2]bool{})
	text, _ := page(t, reg, "text/plain")
	if strings.Contains(text, `direction="download"`) || !strings.Contains(text, `wanctl_limit_bits_per_second{direction="upload",wan="dsl"} 0`) {
		t.Error(text)
	}
}

func TestScrapeAfterWork(t *testing.T) {
	m, reg := newMetrics(t)
	w := m.WAN(spectrum)
	dec := autorate.Decision{
		RTT: 31500 * time.Microsecond, Baseline: 24 * time.Millisecond, Excess: 7 * time.Millisecond,
		Threshold: 4 * time.Millisecond, Alive: 2,
	}
	dec.Directions[autorate.Download] = autorate.DirectionDecision{
		Limit: 500 * bitrate.Mbps, State: autorate.Green, Throughput: 400 * bitrate.Mbps, Capacity: 520 * bitrate.Mbps,
	}
	dec.Directions[autorate.Upload] = autorate.DirectionDecision{Limit: 20500 * bitrate.Kbps, State: autorate.Green}
	reading := func(bytes, dropped, queued uint64) autorate.Reading {
		c := autorate.Counters{Bytes: bytes, Dropped: dropped, QueuedBytes: queued}
		return autorate.Reading{Queues: [2]autorate.Counters{c, {}}}
	}
	in := autorate.Input{
		Events: []rtt.Event{
			{Kind: rtt.Sent}, {Kind: rtt.Reply, RTT: 31 * time.Millisecond}, {Kind: rtt.Sent, Reflector: 1},
			{Kind: rtt.Lost, Reflector: 1}, {Kind: rtt.Reply, Reflector: 1, RTT: 900 * time.Millisecond},
			{Kind: rtt.Reply, Reflector: 31, RTT: time.Millisecond}, // unknown reflector
		},
		Readings: []autorate.Reading{reading(1e9, 70, 3000), reading(1e9+500, 72, 1500)},
		Applied:  [2]bitrate.Rate{490 * bitrate.Mbps, 20 * bitrate.Mbps},
	}
	w.Stepped(in, dec, 3*time.Millisecond)
	dec.Directions[autorate.Download].State = autorate.Red
	// The router has booted: its counters begin anew.
	w.Stepped(autorate.Input{Readings: []autorate.Reading{reading(100, 1, 0)}}, dec, 0)
	dec.Alive = 0
	w.Stepped(autorate.Input{}, dec, 0)
	w.CycleTook(250 * time.Microsecond)
	w.HeldBack(autorate.Download)
	w.Foreign(autorate.Upload, 0, 0)
	w.Fault(autorate.Upload, actuate.Invalid)
	w.Fault(autorate.Upload, actuate.Disabled)
	w.Written([2]bitrate.Rate{1, 1}, 12*time.Millisecond, nil, [2]bool{})
	w.Written([2]bitrate.Rate{1, 1}, time.Second, errors.New("no"), [2]bool{})
	w.Written([2]bitrate.Rate{1, 1}, time.Millisecond, nil, [2]bool{true, false})
	w.Written([2]bitrate.Rate{1, 0}, time.Millisecond, nil, [2]bool{true, false})
	w.Polled(time.Millisecond, nil)
	w.FailedOver()
	w.RouteShared(true)
	m.WAN(spectrum) // a reload goes on with the same series

	text, _ := page(t, reg, "")
	for _, want := range []string{
		`wanctl_bandwidth_mbps{direction="upload",wan="spectrum"} 20.5`,
		`wanctl_limit_bits_per_second{direction="upload",wan="spectrum"} 2.05e+07`,
		`wanctl_applied_limit_bits_per_second{direction="download",wan="spectrum"} 0`, // as the last step knew it
		`wanctl_floor_bits_per_second{direction="upload",wan="spectrum"} 1e+07`,
		`wanctl_ceiling_bits_per_second{direction="download",wan="spectrum"} 9.4e+08`,
		`wanctl_throughput_bits_per_second{direction="download",wan="spectrum"} 4e+08`,
		`wanctl_capacity_bits_per_second{direction="download",wan="spectrum"} 5.2e+08`,
		`wanctl_queue_backlog_bytes{direction="download",wan="spectrum"} 0`,
		`wanctl_queue_sent_bytes_total{direction="download",wan="spectrum"} 600`,
		`wanctl_queue_dropped_packets_total{direction="download",wan="spectrum"} 3`,
		`wanctl_state{direction="download",wan="spectrum"} 4`,
		`wanctl_state{direction="upload",wan="spectrum"} 1`,
		`wanctl_state_transitions_total{direction="download",wan="spectrum"} 1`,
		`wanctl_state_transitions_total{direction="upload",wan="spectrum"} 0`,
		`wanctl_rtt_load_ms{wan="spectrum"} 31.5`,
		`wanctl_rtt_baseline_ms{wan="spectrum"} 24`,
		`wanctl_rtt_delta_ms{wan="spectrum"} 7.5`,
		`wanctl_cycles_total{wan="spectrum"} 3`,
		`wanctl_ping_failures_total{wan="spectrum"} 1`,
		`wanctl_cycle_duration_seconds{wan="spectrum"} 0.00025`,
		`wanctl_rate_limit_events_total{wan="spectrum"} 1`,
		`wanctl_foreign_changes_total{direction="upload",wan="spectrum"} 1`,
		`wanctl_queue_fault{direction="upload",fault="invalid",wan="spectrum"} 0`,
		`wanctl_queue_fault{direction="upload",fault="disabled",wan="spectrum"} 1`,
		`wanctl_router_refused_writes_total{direction="download",wan="spectrum"} 2`,
		`wanctl_router_write_refused{direction="download",wan="spectrum"} 1`,
		`wanctl_router_write_refused{direction="upload",wan="spectrum"} 0`,
		`wanctl_router_updates_total{wan="spectrum"} 2`,
		`wanctl_router_requests_total{kind="write",wan="spectrum"} 4`,
		`wanctl_router_errors_total{kind="write",wan="spectrum"} 2`,
		`wanctl_router_errors_total{kind="read",wan="spectrum"} 0`,
		`wanctl_router_reachable{wan="spectrum"} 1`,
		`wanctl_probe_route_shared{wan="spectrum"} 1`,
		`wanctl_router_failovers_total{wan="spectrum"} 1`,
		`wanctl_probes_sent_total{reflector="9.9.9.9",wan="spectrum"} 1`,
		`wanctl_probe_replies_total{reflector="9.9.9.9",wan="spectrum"} 1`,
		`wanctl_probe_timeouts_total{reflector="9.9.9.9",wan="spectrum"} 1`,
		`wanctl_probe_timeouts_total{reflector="1.1.1.1",wan="spectrum"} 0`,
		`wanctl_rtt_seconds_count{wan="spectrum"} 3`,
		`wanctl_rtt_seconds_bucket{wan="spectrum",le="0.04"} 2`,
		`wanctl_excess_delay_seconds_count{wan="spectrum"} 2`,
		`wanctl_router_write_seconds_sum{wan="spectrum"} 0.014000000000000002`,
		`wanctl_loop_lateness_seconds_bucket{wan="spectrum",le="0.005"} 3`,
		`wanctl_reflectors_alive{wan="spectrum"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			name, _, _ := strings.Cut(want, "{")
			t.Errorf("want %s\ngot  %s", want, strings.Join(series(text, name), "\n     "))
		}
	}
}

// Until the first reply or timeout, a silent cycle is not a failure.
func TestFirstTicksAreNoFailures(t *testing.T) {
	m, reg := newMetrics(t)
	w := m.WAN(spectrum)
	w.Stepped(autorate.Input{Events: []rtt.Event{{Kind: rtt.Sent}}}, autorate.Decision{}, 0)
	w.Stepped(autorate.Input{}, autorate.Decision{}, 0)
	w.Stepped(autorate.Input{Events: []rtt.Event{{Kind: rtt.Lost}}}, autorate.Decision{}, 0)
	text, _ := page(t, reg, "")
	if got := series(text, "wanctl_ping_failures_total"); got[0] != `wanctl_ping_failures_total{wan="spectrum"} 1` {
		t.Error(got)
	}
}

func TestSteeringMetrics(t *testing.T) {
	for _, tt := range []struct {
		congestion string
		enabled    bool
		want       []string
	}{
		{"GREEN", false, []string{`wanctl_congestion_state{wan="isp"} 1`, `wanctl_steering_enabled{wan="isp"} 0`}},
		{"YELLOW", false, []string{`wanctl_congestion_state{wan="isp"} 2`, `wanctl_steering_enabled{wan="isp"} 0`}},
		{"RED", true, []string{`wanctl_congestion_state{wan="isp"} 4`, `wanctl_steering_enabled{wan="isp"} 1`}},
		{"", true, []string{`wanctl_congestion_state{wan="isp"} 0`, `wanctl_steering_enabled{wan="isp"} 1`}},
	} {
		m, reg := newMetrics(t)
		s := m.Steering("ISP", "A", "B")
		s.Set(tt.enabled, tt.congestion)
		s.Transition("A", "B")
		text, _ := page(t, reg, "")
		if diff := cmp.Diff(tt.want, series(text, "wanctl_congestion_state", "wanctl_steering_enabled")); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tt.congestion, diff)
		}
		s.SetScore(57.5)
		s.SetUsable(tt.enabled)
		text, _ = page(t, reg, "")
		usable := `wanctl_steering_rule_usable{wan="isp"} 0`
		if tt.enabled {
			usable = `wanctl_steering_rule_usable{wan="isp"} 1`
		}
		want := []string{usable, `wanctl_steering_score{wan="isp"} 57.5`}
		if diff := cmp.Diff(want, series(text, "wanctl_steering_rule_usable", "wanctl_steering_score")); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tt.congestion, diff)
		}
		if !strings.Contains(text, `wanctl_steering_transitions_total{from="A",to="B",wan="isp"} 1`) {
			t.Error("transition not counted")
		}
	}
}

func TestOpenMetrics(t *testing.T) {
	m, reg := newMetrics(t)
	m.WAN(spectrum).HeldBack(autorate.Download)
	text, head := page(t, reg, "application/openmetrics-text;version=1.0.0")
	if got := head.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") {
		t.Errorf("Content-Type %q", got)
	}
	if !strings.HasSuffix(text, "# EOF\n") || !strings.Contains(text, "# TYPE wanctl_cycles counter\n") {
		t.Error("not OpenMetrics")
	}
}

func TestLint(t *testing.T) {
	m, reg := newMetrics(t)
	m.WAN(spectrum)
	m.Steering("spectrum", "A", "B")
	text, _ := page(t, reg, "")
	wrong, err := metricstest.Lint(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	m, _ := newMetrics(t)
	w := m.WAN(spectrum)
	in := autorate.Input{
		Events:   []rtt.Event{{Kind: rtt.Sent}, {Kind: rtt.Reply, RTT: 20 * time.Millisecond}, {Kind: rtt.Lost, Reflector: 1}},
		Readings: []autorate.Reading{{Queues: [2]autorate.Counters{{Bytes: 1}, {Dropped: 2}}}},
	}
	dec := autorate.Decision{Alive: 2, RTT: 20 * time.Millisecond}
	failed := errors.New("no")
	if n := testing.AllocsPerRun(1000, func() {
		dec.Directions[0].State = 1 + dec.Directions[0].State%4
		in.Readings[0].Queues[0].Bytes += 1000
		w.Stepped(in, dec, time.Millisecond)
		w.CycleTook(time.Millisecond)
		w.HeldBack(autorate.Upload)
		w.Written([2]bitrate.Rate{1, 1}, time.Millisecond, nil, [2]bool{})
		w.Polled(time.Millisecond, failed)
	}); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

func TestNilDiscards(t *testing.T) {
	var m *Metrics
	w, s := m.WAN(spectrum), m.Steering("x", "A", "B")
	w.Stepped(autorate.Input{Events: []rtt.Event{{Kind: rtt.Reply}}}, autorate.Decision{}, 0)
	w.CycleTook(0)
	w.HeldBack(autorate.Download)
	w.Foreign(autorate.Upload, 1, 2)
	w.Written([2]bitrate.Rate{1, 1}, 0, nil, [2]bool{})
	w.Polled(0, nil)
	w.FailedOver()
	s.Set(true, "RED")
	s.Transition("A", "B")
}

func TestRegisterTwice(t *testing.T) {
	_, reg := newMetrics(t)
	if _, err := New(reg, "1"); err == nil {
		t.Error("registered twice")
	}
	// The registry of the daemon has room for ours beside its own.
	if _, err := New(NewRegistry(), "1"); err != nil {
		t.Error(err)
	}
}

func TestScrapeWhileStepping(t *testing.T) {
	m, reg := newMetrics(t)
	w := m.WAN(spectrum)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 2000 {
			w.Stepped(autorate.Input{}, autorate.Decision{Alive: 1, Directions: [2]autorate.DirectionDecision{{State: autorate.State(i%4 + 1)}}}, 0)
		}
	})
	for range 20 {
		page(t, reg, "")
	}
	wg.Wait()
}

func TestMetricsPaths(t *testing.T) {
	_, reg := newMetrics(t)
	srv := httptest.NewServer(MetricsHandler(reg))
	defer srv.Close()
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/metrics", 200}, {"HEAD", "/metrics", 200}, {"POST", "/metrics", 405}, {"GET", "/other", 404},
	} {
		r, _ := http.NewRequest(tt.method, srv.URL+tt.path, nil)
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, resp.StatusCode, tt.want)
		}
	}
}
