package telemetry

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// A WAN of a fleet has 20 series with that of its loop, whatever happens to it, and each
// is one of the full set with the same value.
func TestFleetSeries(t *testing.T) {
	scraped := func(fleet bool) map[string]string {
		m, reg := newMetrics(t)
		cfg := spectrum
		cfg.Operators, cfg.Fleet = []string{"A", "B"}, fleet
		w := m.WAN(cfg)
		dec := autorate.Decision{Alive: 2, RTT: 80 * time.Millisecond, Baseline: 24 * time.Millisecond, Excess: 50 * time.Millisecond}
		for d := range dec.Directions {
			dec.Directions[d] = autorate.DirectionDecision{Limit: 40 * bitrate.Mbps, State: autorate.Red, Throughput: 30 * bitrate.Mbps}
		}
		w.Stepped(autorate.Input{
			Events:   []rtt.Event{{Kind: rtt.Sent}, {Kind: rtt.Reply, RTT: 80 * time.Millisecond}},
			Readings: []autorate.Reading{{}, {}}, Applied: [2]bitrate.Rate{40 * bitrate.Mbps, 40 * bitrate.Mbps},
		}, dec, 0)
		w.Fault(autorate.Upload, actuate.Disabled)
		w.Written([2]bitrate.Rate{1, 1}, time.Millisecond, nil, [2]bool{true, false})
		w.Polled(time.Millisecond, nil)
		w.Reflector(1, rtt.Quality{Role: rtt.InUse})
		w.FailedOver()
		w.RouteShared(true)
		w.HeldBack(autorate.Upload)
		w.Foreign(autorate.Upload, 1, 2)
		text, _ := page(t, reg, "")
		found := map[string]string{}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.Contains(name, `wan="spectrum"`) {
				found[name] = value
			}
		}
		m.RemoveWAN(cfg.Name)
		if text, _ := page(t, reg, ""); strings.Contains(text, `wan="spectrum"`) {
			t.Error("series of a WAN that is gone")
		}
		return found
	}
	full, fleet := scraped(false), scraped(true)
	if len(fleet) != 19 {
		t.Errorf("%d series of a WAN, want 19", len(fleet))
	}
	for name, value := range fleet {
		if full[name] != value {
			t.Errorf("%s %s, and %q in the full set", name, value, full[name])
		}
	}
	for name, value := range map[string]string{
		`wanctl_delayed_cycles_total{wan="spectrum"}`: "1", `wanctl_queues_faulty{wan="spectrum"}`: "1",
		`wanctl_router_write_refused{direction="download",wan="spectrum"}`: "1", `wanctl_router_reachable{wan="spectrum"}`: "1",
	} {
		if fleet[name] != value {
			t.Errorf("%s is %q, want %s", name, fleet[name], value)
		}
	}
}

// One process may have WANs of either kind.
func TestFleetBesideFull(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m, err := New(reg, "1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		m.WAN(WANConfig{Name: fmt.Sprint("wan", i), Fleet: i%2 == 0}).Stepped(autorate.Input{}, autorate.Decision{Alive: 1}, 0)
	}
	text, _ := page(t, reg, "")
	got := series(text, "wanctl_excess_delay_seconds_count", "wanctl_cycles_total")
	want := []string{
		`wanctl_cycles_total{wan="wan0"} 1`, `wanctl_cycles_total{wan="wan1"} 1`, `wanctl_cycles_total{wan="wan2"} 1`, `wanctl_cycles_total{wan="wan3"} 1`,
		`wanctl_excess_delay_seconds_count{wan="wan1"} 1`, `wanctl_excess_delay_seconds_count{wan="wan3"} 1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// The rules and the dashboard of a fleet need no more than a fleet has.
func TestFleetRulesNeedTheFleetSet(t *testing.T) {
	rules, err := os.ReadFile(rulesFiles()[1])
	if err != nil {
		t.Fatal(err)
	}
	_, queries := dashboard(t, dashboardFiles()[1])
	text := regexp.MustCompile(`(?m)^ *(#|summary|description).*$`).ReplaceAllString(string(rules), "") + strings.Join(queries, "\n")
	for _, name := range regexp.MustCompile(`(?:^|[^:])\b(wanctl_\w+)`).FindAllStringSubmatch(text, -1) {
		// Of a WAN with the full set, wanctl_queue_fault says more.
		if !inFleet(name[1]) && name[1] != "wanctl_loop_running" && name[1] != "wanctl_queue_fault" {
			t.Errorf("%s is not in the set of a fleet", name[1])
		}
	}
}
