package daemonsock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listening serves handler on a socket of its own and returns its path.
func listening(t *testing.T, handler http.Handler) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-ended
	})
	return path
}

// answer is a handler that says text with a status.
func answer(status int, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})
}

type source struct {
	telemetry.WANHealth
	err error
}

func (s source) Snapshot(context.Context) (telemetry.WANHealth, error) { return s.WANHealth, s.err }

type steering struct{ telemetry.SteeringHealth }

func (s steering) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	return s.SteeringHealth, nil
}

// loop is a handler as the loop of a WAN has it.
func loop(t *testing.T, s telemetry.Source, past *history.Store) http.Handler {
	t.Helper()
	reg := telemetry.NewRegistry()
	m, err := telemetry.New(reg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DSL", "lte"} {
		m.WAN(telemetry.WANConfig{Name: name, Reflectors: []string{"1.1.1.1"}, Ceiling: [2]bitrate.Rate{5, 6}})
	}
	return Handler(telemetry.NewChecker("1.2.3", s).Handler(nil),
		func(since time.Time) history.Window { return past.Since(since) }, telemetry.OfWAN(reg, "DSL"))
}

func TestLoopDocument(t *testing.T) {
	past := history.NewStore()
	at := time.Now().Add(-time.Minute)
	past.Add(history.Window{
		WANs:   map[string][]history.Point{"DSL": {{At: at}, {At: at.Add(time.Second)}}},
		Events: []history.Event{{At: at, WAN: "DSL", Kind: "life", Text: "<started>"}},
	})
	s := source{WANHealth: telemetry.NewWANHealth("DSL", time.Now(), autorate.Decision{Baseline: 20 * time.Millisecond})}
	s.Source, s.DryRun = telemetry.FromLoop, true
	c := New(listening(t, loop(t, s, past)))

	h, err := c.Health(t.Context()) // it is starting: 503, and an answer
	if err != nil || h.Status != telemetry.Starting || h.WANs[0].Name != "DSL" || *h.WANs[0].BaselineRTTMs != 20 || !h.WANs[0].DryRun {
		t.Errorf("%+v, %v", h, err)
	}
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 5*3600+1800)} {
		x, err := c.History(t.Context(), at.In(zone))
		if err != nil || len(x.WANs["DSL"]) != 1 || len(x.Events) != 0 {
			t.Errorf("%+v, %v", x, err)
		}
	}
	x, err := c.History(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(past.Since(time.Time{}), x); diff != "" {
		t.Errorf("history (-want +got)\n%s", diff)
	}
	if _, err := c.SteeringHealth(t.Context()); err == nil || !strings.Contains(err.Error(), "not the health document of a steering daemon") {
		t.Errorf("a WAN taken for steering: %v", err)
	}
}

func TestSteeringDocument(t *testing.T) {
	away := telemetry.NewSteeringHealth("DSL", "", time.Now())
	away.SetState(true, "DSL_DEGRADED", "active")
	checker := telemetry.NewSteeringChecker("1", steering{away})
	c := New(listening(t, checker.Handler(nil)))
	h, err := c.SteeringHealth(t.Context())
	if err != nil || !h.Steering.Enabled || h.Steering.State != "DSL_DEGRADED" || h.PID != os.Getpid() || h.Source != telemetry.FromLoop {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := c.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "not the health document of a WAN") {
		t.Errorf("steering taken for a WAN: %v", err)
	}
}

// One WAN's metrics come over the socket as they were, and nothing else.
func TestMetrics(t *testing.T) {
	reg := telemetry.NewRegistry()
	m, err := telemetry.New(reg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DSL", "lte"} {
		w := m.WAN(telemetry.WANConfig{Name: name, Reflectors: []string{"1.1.1.1"}, Ceiling: [2]bitrate.Rate{5, 6}})
		w.Written([2]bitrate.Rate{1, 1}, 30*time.Millisecond, nil, [2]bool{})
	}
	m.Steering("dsl", "DSL_GOOD", "DSL_DEGRADED")
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", telemetry.MetricsHandler(reg)) // unfiltered, as of another version
	c := New(listening(t, mux))
	dsl := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return c.Metrics(t.Context(), "dsl") })
	got, err := prometheus.Gatherers{dsl}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	// What is read has no time of its creation, which the text format does not say.
	for _, f := range all {
		for _, metric := range f.GetMetric() {
			if metric.Counter != nil {
				metric.Counter.CreatedTimestamp = nil
			}
			if metric.Summary != nil {
				metric.Summary.CreatedTimestamp = nil
			}
			if metric.Histogram != nil {
				metric.Histogram.CreatedTimestamp = nil
				metric.Histogram.Bucket = append(metric.Histogram.Bucket, &dto.Bucket{
					CumulativeCount: metric.Histogram.SampleCount, UpperBound: inf()})
			}
		}
	}
	want := telemetry.FamiliesOfWAN(all, "DSL")
	text := func(families []*dto.MetricFamily) string {
		var b strings.Builder
		for _, f := range families {
			b.WriteString(f.String() + "\n")
		}
		return spaces.Replace(b.String())
	}
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, f := range got {
		if !strings.HasPrefix(f.GetName(), "wanctl_") || f.GetName() == "wanctl_build_info" {
			t.Errorf("%s", f.GetName())
		}
	}
	if len(got) < 30 {
		t.Errorf("%d families", len(got))
	}
	for _, none := range []string{"ds", "dsl2", ""} {
		if f, err := c.Metrics(t.Context(), none); err != nil || len(f) != 0 {
			t.Errorf("WAN %q has %d families, %v", none, len(f), err)
		}
	}
}

// spaces undoes what the text form of these messages does on purpose: it is not
// the same from one build to another.
var spaces = strings.NewReplacer("  ", " ")

func inf() *float64 { v := 1e308; v *= 10; return &v }

func TestNoDaemon(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"no socket": filepath.Join(dir, "none"), "no directory": filepath.Join(dir, "no", "ne"),
		"a dead one": dead, "no socket but a file": file, "below a file": filepath.Join(file, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			c := New(path)
			_, err1 := c.Health(t.Context())
			_, err2 := c.SteeringHealth(t.Context())
			_, err3 := c.History(t.Context(), time.Now())
			_, err4 := c.Metrics(t.Context(), "dsl")
			for _, err := range []error{err1, err2, err3, err4} {
				if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), path) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestUnexpectedAnswers(t *testing.T) {
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat("x", 1<<16))
		_, _ = io.WriteString(w, `{"version":"`)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mute := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"not found", answer(404, "no"), "status 404"},
		{"somewhere else", http.RedirectHandler("http://192.0.2.1/", http.StatusFound), "status 302"},
		{"no document", answer(200, "hello"), "invalid character"},
		{"half of one", answer(200, `{"status":"healthy","wans":[`), "unexpected EOF"},
		{"another document", answer(200, `{"status":"healthy"}`), "not the health document"},
		{"another type", answer(200, `{"status":7}`), "cannot unmarshal"},
		{"one without end", endless, "longer than"},
		{"silence", mute, "deadline exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			if c.name == "silence" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			path := listening(t, c.handler)
			_, err := New(path).Health(ctx)
			if err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if _, err := New(path).Metrics(ctx, "dsl"); err == nil && c.name != "no document" && !strings.HasPrefix(c.name, "another") {
				t.Error("metrics without an error")
			}
		})
	}
}

// FuzzMetrics: whatever a socket says, what is taken for metrics of a WAN is of
// that WAN, and can be served.
func FuzzMetrics(f *testing.F) {
	f.Add("# TYPE wanctl_x gauge\nwanctl_x{wan=\"dsl\"} 1\nwanctl_x{wan=\"lte\"} 1\ngo_x{wan=\"dsl\"} 1\n")
	f.Add("# TYPE wanctl_h histogram\nwanctl_h_bucket{wan=\"dsl\",le=\"1\"} 1\nwanctl_h_sum{wan=\"dsl\"} 1\nwanctl_h_count{wan=\"dsl\"} 1\n")
	f.Add("wanctl_x{wan=\"dsl\"} NaN\nwanctl_x{wan=\"dsl\"} 2")
	f.Fuzz(func(t *testing.T, text string) {
		families, _ := parse(strings.NewReader(text))
		for _, family := range telemetry.FamiliesOfWAN(families, "dsl") {
			if !strings.HasPrefix(family.GetName(), "wanctl_") || len(family.GetMetric()) == 0 {
				t.Errorf("%v", family)
			}
			for _, m := range family.GetMetric() {
				mine := false
				for _, l := range m.GetLabel() {
					mine = mine || l.GetName() == "wan" && l.GetValue() == "dsl"
				}
				if !mine {
					t.Errorf("%v", m)
				}
			}
		}
		g := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return telemetry.FamiliesOfWAN(families, "dsl"), nil })
		// An error leaves out what does not fit; it must not be a panic.
		_, _ = prometheus.Gatherers{g}.Gather()
	})
}

// The documents have to keep what they say on the way.
func TestHealthRoundTrip(t *testing.T) {
	for i, s := range []source{
		{WANHealth: telemetry.NewWANHealth("DSL", time.Now().Add(-time.Minute), autorate.Decision{})},
		{WANHealth: telemetry.WANHealth{Name: "DSL"}, err: errors.New("asking the loop: it stands still")},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			checker := telemetry.NewChecker("1", s)
			want := checker.Health(t.Context())
			body, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := New(listening(t, answer(503, string(body)))).Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
