package telemetry

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

var (
	costWANs = flag.Int("cost.wans", 0, "measure a Prometheus that scrapes this many WANs, 1000 at each address")
	costFull = flag.Bool("cost.full", false, "with the full set of metrics instead of that of a fleet")
	costFor  = flag.Duration("cost.for", 3*time.Minute, "how long, after the first three scrapes")
)

// TestPrometheusCost reports what the metrics of many WANs cost a real Prometheus, by its
// own metrics. Values change between scrapes as those of loaded lines do.
//
//	go test ./pkg/telemetry -run PrometheusCost -v -timeout 30m -cost.wans 10000
func TestPrometheusCost(t *testing.T) {
	if *costWANs == 0 {
		t.Skip("takes minutes: -cost.wans 10000")
	}
	const perTarget, interval = 1000, 10 * time.Second
	var targets []string
	var wans []*WAN
	for first := 0; first < *costWANs; first += perTarget {
		reg := NewRegistry()
		m, err := New(reg, "cost")
		if err != nil {
			t.Fatal(err)
		}
		for i := first; i < min(first+perTarget, *costWANs); i++ {
			wans = append(wans, m.WAN(WANConfig{
				Name: fmt.Sprintf("wan-%05d", i), Reflectors: []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"}, Operators: []string{"a", "b", "c"},
				Floor: [2]bitrate.Rate{bitrate.Mbps, bitrate.Mbps}, Ceiling: [2]bitrate.Rate{bitrate.Gbps, bitrate.Gbps}, Fleet: !*costFull,
			}))
		}
		srv := httptest.NewServer(MetricsHandler(reg))
		defer srv.Close()
		targets = append(targets, strings.TrimPrefix(srv.URL, "http://"))
	}
	at := startPrometheus(t, targets, interval)
	own := func() map[string]float64 { return prometheusMetrics(t, "http://"+at+"/metrics") }
	var begin map[string]float64
	began := time.Now()
	for rounds := 0; rounds < 3 || time.Since(began) < *costFor; rounds++ {
		if rounds == 3 {
			began, begin = time.Now(), own()
		}
		change(wans)
		time.Sleep(interval / 2) // real time, as the other program's
	}
	end, seconds := own(), time.Since(began).Seconds()
	for _, name := range []string{"prometheus_tsdb_head_series", "process_resident_memory_bytes", "go_memstats_heap_inuse_bytes"} {
		t.Logf("%s %.0f", name, end[name])
	}
	t.Logf("CPU %.1f %% of a core", 100*(end["process_cpu_seconds_total"]-begin["process_cpu_seconds_total"])/seconds)
	t.Logf("samples/s %.0f", (end["samples"]-begin["samples"])/seconds)
}

// change makes one cycle of every WAN.
func change(wans []*WAN) {
	for _, w := range wans {
		excess := time.Duration(rand.Int64N(int64(60 * time.Millisecond)))
		dec := autorate.Decision{Alive: 3, RTT: 20*time.Millisecond + excess, Baseline: 20*time.Millisecond + time.Duration(rand.Int64N(1e5)), Excess: excess}
		var in autorate.Input
		for d := range dec.Directions {
			limit := bitrate.Rate(rand.Int64N(1e9))
			dec.Directions[d] = autorate.DirectionDecision{Limit: limit, State: autorate.Green, Throughput: limit / 2}
			in.Applied[d] = limit
		}
		w.Stepped(in, dec, time.Millisecond)
		w.Polled(time.Millisecond, nil)
	}
}

// startPrometheus runs one until the test ends, and returns its address.
func startPrometheus(t *testing.T, targets []string, interval time.Duration) string {
	t.Helper()
	tool, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed")
	}
	free := httptest.NewServer(nil)
	at := strings.TrimPrefix(free.URL, "http://")
	free.Close()
	dir := t.TempDir()
	cfg := fmt.Sprintf("global: {scrape_interval: %s}\nscrape_configs:\n- job_name: wanctl\n  static_configs: [{targets: ['%s']}]\n",
		interval, strings.Join(targets, "','"))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if resp, err := http.Get("http://" + at + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return at
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("prometheus is not ready")
	return ""
}

// prometheusMetrics returns the values at url by name; "samples" are all that were
// appended.
func prometheusMetrics(t *testing.T, url string) map[string]float64 {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] = v
			if bare, _, _ := strings.Cut(name, "{"); bare == "prometheus_tsdb_head_samples_appended_total" {
				values["samples"] += v
			}
		}
	}
	return values
}
