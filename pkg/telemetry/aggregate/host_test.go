package aggregate

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/metricstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDaemon is a running one, on a socket.
type fakeDaemon struct {
	t     *testing.T
	path  string
	past  *history.Store
	asked atomic.Int32
	stop  func()
}

// start serves handler at path.
func start(t *testing.T, path string, past *history.Store, handler http.Handler) *fakeDaemon {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d := &fakeDaemon{t: t, path: path, past: past}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		handler.ServeHTTP(w, r)
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	d.stop = sync.OnceFunc(func() {
		_ = srv.Close()
		<-ended
	})
	t.Cleanup(d.stop)
	return d
}

type wanSource struct{ name string }

func (s wanSource) Snapshot(context.Context) (telemetry.WANHealth, error) {
	h := telemetry.NewWANHealth(s.name, time.Now(), autorate.Decision{})
	h.Source, h.Probe.LastReplyAgeSeconds = telemetry.FromLoop, new(0.0)
	for _, d := range autorate.Directions {
		h.Direction(d).SetLimits(40*bitrate.Mbps, 0, 0)
	}
	return h, nil
}

type steeringSource struct{ primary string }

func (s steeringSource) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	h := telemetry.NewSteeringHealth(s.primary, "GREEN", time.Now())
	h.SetState(false, "DSL_GOOD", "active")
	h.Detail.Name = "steering"
	return h, nil
}

func loop(t *testing.T, path, name string) *fakeDaemon {
	t.Helper()
	reg := telemetry.NewRegistry()
	m, err := telemetry.New(reg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	m.WAN(telemetry.WANConfig{Name: name}).Written([2]bitrate.Rate{1, 1}, time.Millisecond, nil, [2]bool{})
	past := history.NewStore()
	return start(t, path, past, daemonsock.Handler(telemetry.NewChecker("1", wanSource{name}).Handler(nil), past.Since,
		telemetry.OfLoop(reg, name, func() (string, string) { return "shape", "dsl,lte" }))) // one process
}

func steer(t *testing.T, path, primary string) *fakeDaemon {
	t.Helper()
	reg := telemetry.NewRegistry()
	m, err := telemetry.New(reg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	m.Steering(primary, "DSL_GOOD", "DSL_DEGRADED").Set(true, "RED")
	past := history.NewStore()
	return start(t, path, past, daemonsock.Handler(telemetry.NewSteeringChecker("1", steeringSource{primary}).Handler(nil), past.Since,
		telemetry.OfLoop(reg, primary, func() (string, string) { return "steer", "dsl" })))
}

// left is a state file of five minutes ago.
func left() (telemetry.WANHealth, error) {
	return telemetry.NewWANHealth("", time.Now().Add(-5*time.Minute), autorate.Decision{Baseline: 20 * time.Millisecond}), nil
}

func leftNothing() (telemetry.WANHealth, error) {
	return telemetry.WANHealth{}, fmt.Errorf("reading: %w", fs.ErrNotExist)
}

func steeringLeft() (telemetry.SteeringHealth, error) {
	h := telemetry.NewSteeringHealth("", "", time.Now().Add(-time.Minute))
	h.SetState(true, "DSL_DEGRADED", "")
	return h, nil
}

// summary returns the essence of a health document, one line per daemon.
func summary(h telemetry.Host) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s wans=%d\n", h.Status, h.WANCount)
	age := func(s *float64) string {
		if s == nil {
			return "-"
		}
		return fmt.Sprintf("%.0fs", *s)
	}
	for _, w := range h.WANs {
		fmt.Fprintf(&b, "%s %s source=%s age=%s %s\n", w.Name, w.Status, w.Source, age(w.AgeSeconds), strings.Join(w.Reasons, ", "))
	}
	for _, s := range h.Steering {
		fmt.Fprintf(&b, "%s %s source=%s age=%s %s %s\n", s.Detail.Name, s.Status, s.Source, age(s.AgeSeconds), s.Steering.State, strings.Join(s.Reasons, ", "))
	}
	return b.String()
}

func TestHealthOfAHost(t *testing.T) {
	dir := t.TempDir()
	sock := func(name string) string { return filepath.Join(dir, name) }
	loop(t, sock("dsl"), "dsl")
	steer(t, sock("steer"), "dsl")
	loop(t, sock("renamed"), "old-name")
	start(t, sock("broken"), nil, http.NotFoundHandler())
	client := func(name string) *daemonsock.Client { return daemonsock.New(sock(name)) }

	dsl := WAN{Name: "dsl", Loop: client("dsl"), State: left}
	steering := Steering{Name: "steering", Primary: "dsl", Daemon: client("steer"), State: steeringLeft}
	for _, c := range []struct {
		name     string
		wans     []WAN
		steering []Steering
		want     string
	}{
		{"nothing", nil, nil, "degraded wans=0\n"},
		{"all of it runs", []WAN{dsl}, []Steering{steering},
			"healthy wans=1\ndsl healthy source=loop age=0s \nsteering healthy source=loop age=0s DSL_GOOD \n"},
		{"one does not run", []WAN{dsl, {Name: "lte", Loop: client("none"), State: left}}, nil,
			"degraded wans=2\ndsl healthy source=loop age=0s \nlte degraded source=file age=300s no loop runs for this WAN; the values are from its state file\n"},
		{"one never ran", []WAN{{Name: "lte", Loop: client("none"), State: leftNothing}}, nil,
			"degraded wans=1\nlte degraded source=file age=- no loop runs for this WAN, and there is no state file\n"},
		{"one answers nonsense", []WAN{{Name: "lte", Loop: client("broken"), State: left}}, nil,
			"degraded wans=1\nlte degraded source=file age=300s the loop of this WAN does not answer: socket " + sock("broken") + ", /health: status 404 Not Found; the values are from its state file\n"},
		{"one is of another WAN", []WAN{{Name: "new-name", Loop: client("renamed"), State: leftNothing}}, nil,
			"degraded wans=1\nnew-name degraded source=file age=- the loop of this WAN does not answer: the daemon that answers controls another WAN, and there is no state file\n"},
		{"a bad configuration", []WAN{{Name: "dsl2", Problem: "dsl2.yaml:3: no"}}, []Steering{{Name: "s2", Problem: "s2.yaml: no"}},
			"degraded wans=1\ndsl2 degraded source= age=- dsl2.yaml:3: no\ns2 degraded source= age=-  s2.yaml: no\n"},
		{"steering does not run", []WAN{dsl}, []Steering{{Name: "steering", Primary: "dsl", Daemon: client("none"), State: steeringLeft}},
			"degraded wans=1\ndsl healthy source=loop age=0s \nsteering degraded source=file age=60s DSL_DEGRADED the steering daemon does not run; the values are from its state file\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New("1.2.3")
			h.Set(c.wans, c.steering)
			if diff := cmp.Diff(c.want, summary(h.Host(t.Context()))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if doc := h.Host(t.Context()); doc.Version != "1.2.3" || doc.WANs == nil || doc.Steering == nil || time.Since(doc.At) > time.Minute {
				t.Errorf("%+v", doc)
			}
		})
	}
}

// Many who ask cost a daemon one answer; after a while there is a new one, and
// after a reload at once.
func TestConcurrentRequestsAreShared(t *testing.T) {
	dir := t.TempDir()
	d := loop(t, filepath.Join(dir, "dsl"), "dsl")
	h := New("1")
	set := func() { h.Set([]WAN{{Name: "dsl", Loop: daemonsock.New(d.path), State: left}}, nil) }
	set()
	for name, ask := range map[string]func(){
		"health":  func() { h.Host(t.Context()) },
		"history": func() { h.History(t.Context(), time.Time{}) },
		"metrics": func() { h.gather(t.Context(), prometheus.NewRegistry()) },
	} {
		set() // the order of the cases is random
		before := d.asked.Load()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(ask)
		}
		wg.Wait()
		if n := d.asked.Load() - before; n < 1 || n > 3 { // more than one where the machine was slow
			t.Errorf("%s: asked %d times for 20", name, n)
		}
		set()
		h.Host(t.Context()) // only a daemon that answers is asked for more
		before = d.asked.Load()
		if name == "health" {
			set()
		}
		ask()
		if n := d.asked.Load() - before; n != 1 {
			t.Errorf("%s: asked %d times after a reload", name, n)
		}
	}
	h.surveys.at = time.Now().Add(-2 * cacheTime)
	before := d.asked.Load()
	h.Host(t.Context())
	if n := d.asked.Load() - before; n != 1 {
		t.Errorf("asked %d times after a while", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.surveys.turn <- struct{}{} // somebody is at it
	if got := h.Host(ctx); len(got.WANs) != 0 {
		t.Errorf("who has gone does not wait: %+v", got)
	}
	<-h.surveys.turn
}

// A loop that stands still takes its time from those who ask at once, and not
// from one after the other.
func TestSilentDaemon(t *testing.T) {
	dir := t.TempDir()
	mute := make(chan struct{})
	d := start(t, filepath.Join(dir, "dsl"), nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-mute:
		case <-r.Context().Done():
		}
	}))
	h := New("1")
	h.Set([]WAN{{Name: "dsl", Loop: daemonsock.New(d.path), State: left}}, nil)
	var wg, begun sync.WaitGroup
	begun.Add(10)
	for range 10 {
		wg.Go(func() {
			begun.Done()
			h.Host(t.Context())
		})
	}
	begun.Wait()
	time.AfterFunc(2*cacheTime, func() { close(mute) })
	wg.Wait()
	if n := d.asked.Load(); n != 1 {
		t.Errorf("asked %d times for 10 who waited together", n)
	}
	h.History(t.Context(), time.Time{})
	h.gather(t.Context(), prometheus.NewRegistry())
	if n := d.asked.Load(); n > 2 { // its health once more, where the machine was slow
		t.Errorf("asked %d times: for more, though it does not answer", n)
	}
}

func scrape(t *testing.T, h *Host) string {
	t.Helper()
	own := prometheus.NewPedanticRegistry()
	if _, err := telemetry.New(own, "9.9.9"); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.Metrics(own).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsOfAHost(t *testing.T) {
	dir := t.TempDir()
	dsl := loop(t, filepath.Join(dir, "dsl"), "DSL")
	lte := loop(t, filepath.Join(dir, "lte"), "lte")
	s := steer(t, filepath.Join(dir, "steer"), "DSL")
	h := New("1")
	h.Set([]WAN{
		{Name: "DSL", Loop: daemonsock.New(dsl.path), State: left},
		{Name: "lte", Loop: daemonsock.New(lte.path), State: leftNothing},
		{Name: "off", Loop: daemonsock.New(filepath.Join(dir, "none")), State: left},
		{Name: "bad", Problem: "bad.yaml: no"},
	}, []Steering{{Name: "steering", Primary: "DSL", Daemon: daemonsock.New(s.path), State: steeringLeft}})
	text := scrape(t, h)
	for _, want := range []string{
		`wanctl_loop_running{wan="dsl"} 1`, `wanctl_loop_running{wan="lte"} 1`, `wanctl_loop_running{wan="off"} 0`,
		`wanctl_steering_running{wan="dsl"} 1`,
		`wanctl_state_age_seconds{wan="dsl"} 30`, `wanctl_state_age_seconds{wan="off"} 30`,
		`wanctl_router_updates_total{wan="dsl"} 1`, `wanctl_router_updates_total{wan="lte"} 1`,
		`wanctl_congestion_state{wan="dsl"} 4`, `version="9.9.9"} 1`,
		`wanctl_router_write_seconds_bucket{wan="lte",le="+Inf"} 1`,
		`process_cpu_seconds_total{daemon="shape",wan="dsl,lte"} `, `process_cpu_seconds_total{daemon="steer",wan="dsl"} `,
		`process_resident_memory_bytes{daemon="shape",wan="dsl,lte"} `, `process_open_fds{daemon="steer",wan="dsl"} `,
		`process_start_time_seconds{daemon="steer",wan="dsl"} `, `go_goroutines{daemon="shape",wan="dsl,lte"} `,
	} {
		if !strings.Contains(text, "\n"+want) && !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	wrong, err := metricstest.Lint(text)
	if err != nil || len(wrong) != 0 {
		t.Errorf("lint: %v, %v", wrong, err)
	}
	for _, never := range []string{`wan="bad"`, `wanctl_state_age_seconds{wan="lte"}`, `version="1.2.3"`} {
		if strings.Contains(text, never) {
			t.Errorf("%s is invented", never)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, `wan="off"`) && !strings.HasPrefix(line, "wanctl_loop_running") && !strings.HasPrefix(line, "wanctl_state_age_seconds") {
			t.Errorf("invented for a WAN whose loop does not run: %s", line)
		}
	}
}

// A loop of another version, whose metrics do not fit the others', costs only
// those.
func TestMetricsThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	dsl := loop(t, filepath.Join(dir, "dsl"), "dsl")
	mux := http.NewServeMux()
	mux.Handle("/health", telemetry.NewChecker("1", wanSource{"old"}).Handler(nil))
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE wanctl_router_updates_total gauge\nwanctl_router_updates_total{wan=\"old\"} 3\n"+
			"# TYPE wanctl_only_here gauge\nwanctl_only_here{wan=\"old\"} 4\n"+
			"# HELP wanctl_router_requests_total In other words.\n"+
			"# TYPE wanctl_router_requests_total counter\nwanctl_router_requests_total{wan=\"old\",kind=\"read\"} 5\n")
	})
	old := start(t, filepath.Join(dir, "old"), history.NewStore(), mux)
	h := New("1")
	h.Set([]WAN{{Name: "dsl", Loop: daemonsock.New(dsl.path), State: left}, {Name: "old", Loop: daemonsock.New(old.path), State: left}}, nil)
	text := scrape(t, h)
	for _, want := range []string{`wanctl_router_updates_total{wan="dsl"} 1`, `wanctl_only_here{wan="old"} 4`, `wanctl_loop_running{wan="old"} 1`,
		`wanctl_router_requests_total{kind="read",wan="old"} 5`, "Requests to the router."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}
