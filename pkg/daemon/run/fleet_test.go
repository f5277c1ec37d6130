package run

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/bus"
	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/sim/natsserver"
)

// metric returns the value of a metric without labels, "" without one.
func (s *site) metric(name string) string {
	s.Helper()
	families, err := s.m.Registry.Gather()
	if err != nil {
		s.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return fmt.Sprint(m.GetGauge().GetValue() + m.GetCounter().GetValue())
		}
	}
	return ""
}

// A node publishes what its loops do and answers for their past. Its loop goes on while the
// server is paused, killed, and back without its data; then the node is seen again.
func TestNodeInAFleet(t *testing.T) {
	server := natsserver.New(t)
	s := newSite(t)
	s.write("node.yaml", "node: {name: n1}\nfleet: {url: ['"+server.URL()+"'], publish: 0.1, labels: {site: north, stage: canary}}\n")
	s.wan("a.yaml", "a", 100, "")
	s.run()
	s.runs("a.yaml")
	eventually := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	conn, err := bus.Keep(bus.Config{URL: []string{server.URL()}, Name: "page"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	view := live.NewView()
	if err := conn.Subscribe(live.AllSubjects, func(subject, _ string, data []byte) {
		if _, err := view.Receive(subject, data); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	seen := func() bool {
		f := view.Query(live.Query{Count: 10})
		return len(f.WANs) == 1 && f.WANs[0].Name == "a" && f.WANs[0].Site == "north" && f.WANs[0].Stage == "canary" &&
			!f.WANs[0].Silent && f.WANs[0].AgeSeconds < 1 && f.WANs[0].Download.State == "GREEN"
	}
	eventually("the WAN is not seen", seen)
	eventually("the metric does not say connected", func() bool { return s.metric("wanctl_fleet_connected") == "1" })
	var window struct {
		WANs map[string][]struct {
			RTT *float64 `json:"rtt_ms"`
		} `json:"wans"`
	}
	eventually("there is no past", func() bool {
		doc, err := live.Ask(t.Context(), conn, "north", "n1", "a")
		return err == nil && json.Unmarshal(doc, &window) == nil && len(window.WANs["a"]) > 0 && window.WANs["a"][0].RTT != nil
	})
	if _, err := live.Ask(t.Context(), conn, "north", "n1", "b"); err == nil || !strings.Contains(err.Error(), "no loop of n1") {
		t.Errorf("%v", err)
	}
	goesOn := func(while string) {
		t.Helper()
		before := s.metric("wanctl_cycles_total")
		eventually("the loop stands still while the server is "+while, func() bool { return s.metric("wanctl_cycles_total") != before })
	}
	server.Pause()
	goesOn("paused")
	server.Resume()
	server.Kill()
	eventually("no batch is dropped", func() bool { return s.metric("wanctl_fleet_batches_dropped_total") != "0" })
	eventually("the metric says connected", func() bool { return s.metric("wanctl_fleet_connected") == "0" })
	goesOn("dead")
	server.Start() // it keeps nothing on disk
	eventually("the node is not seen again", seen)
}

// Without fleet in node.yaml nothing of this exists.
func TestNoFleet(t *testing.T) {
	s := newSite(t)
	s.wan("a.yaml", "a", 100, "")
	s.run()
	if got := s.metric("wanctl_fleet_connected"); got != "" || len(s.m.Sinks) != 0 {
		t.Errorf("metric %q, %d tasks", got, len(s.m.Sinks))
	}
}
