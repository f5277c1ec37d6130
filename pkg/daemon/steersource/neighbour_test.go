package steersource

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestAlternateWAN(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*telemetry.Health)
		want   steering.Alternate
	}{
		{"calm, or nearly so", nil, steering.AlternateGood},
		{"congested one way", func(h *telemetry.Health) { h.WANs[0].Upload.State = "SOFT_RED" }, steering.AlternateDegraded},
		{"congested badly", func(h *telemetry.Health) { h.WANs[0].Download.State = "RED" }, steering.AlternateDegraded},
		{"down", func(h *telemetry.Health) { h.WANs[0].Probe.ReflectorsAlive = 0 }, steering.AlternateDown},
		{"down, whatever it was before", func(h *telemetry.Health) {
			h.WANs[0].Probe.ReflectorsAlive, h.WANs[0].Download.State = 0, "RED"
		}, steering.AlternateDown},
		{"restarted a moment ago", func(h *telemetry.Health) {
			h.UptimeSeconds, h.WANs[0].Probe.ReflectorsAlive = 0.2, 0
		}, steering.AlternateUnknown},
		{"restarted, and congested already", func(h *telemetry.Health) {
			h.UptimeSeconds, h.WANs[0].Download.State = 0.2, "RED"
		}, steering.AlternateDegraded},
		{"stands still", func(h *telemetry.Health) { h.WANs[0].AgeSeconds = new(5.0) }, steering.AlternateUnknown},
		{"somebody else's", func(h *telemetry.Health) { h.WANs[0].Name = "lte" }, steering.AlternateUnknown},
		{"not healthy for another reason", func(h *telemetry.Health) {
			h.Status, h.WANs[0].Status = telemetry.Degraded, telemetry.Degraded
		}, steering.AlternateGood},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Neighbour{Path{WAN: "dsl", Loop: answering(t, tt.change), Max: time.Second}}).Condition(t.Context()); got.Condition != tt.want {
				t.Errorf("%+v, want %v", got, tt.want)
			}
		})
	}
	if got := (Neighbour{Path{WAN: "dsl", Loop: notRunning(t)}}).Condition(t.Context()); got != (steerd.AlternateReading{}) {
		t.Errorf("no loop: %+v", got)
	}
}

// The delay and the loss of the alternate WAN, by its loop or own probes.
func TestAlternateWANReading(t *testing.T) {
	silent := func(ran time.Duration) *Probes {
		p := measured(time.Minute, 7*ms)
		p.began = time.Now().Add(-ran)
		return p
	}
	failing := measured(0, 7*ms)
	failing.path, failing.err = nil, errors.New("no such interface")
	for _, tt := range []struct {
		name string
		path Path
		want steerd.AlternateReading
	}{
		{
			"the loop knows best",
			Path{Loop: answering(t, nil), Probes: measured(0, 7*ms)},
			steerd.AlternateReading{Condition: steering.AlternateGood, Reading: steerd.Reading{Source: "loop", Baseline: 20 * ms, RTT: 30 * ms}},
		},
		{
			"most reflectors do not answer",
			Path{Loop: answering(t, func(h *telemetry.Health) {
				h.WANs[0].Probe.ReflectorsAlive, h.WANs[0].Probe.Reflectors = 1, 4
			})},
			steerd.AlternateReading{
				Condition: steering.AlternateGood,
				Reading:   steerd.Reading{Source: "loop", Baseline: 20 * ms, RTT: 30 * ms, Loss: 0.75},
			},
		},
		{
			"a loop without a baseline that is believed: its state alone",
			Path{Loop: answering(t, func(h *telemetry.Health) { h.WANs[0].BaselineRTTMs = new(0.4) })},
			steerd.AlternateReading{Condition: steering.AlternateGood, Reading: steerd.Reading{Source: "loop"}},
		},
		{
			"no loop: own probes above the baseline that it left",
			Path{Loop: notRunning(t), File: left(t, 5*ms, time.Hour), Probes: measured(0, 7*ms, 9*ms, 8*ms)},
			steerd.AlternateReading{Condition: steering.AlternateGood, Reading: steerd.Reading{Source: "file+probe", Baseline: 5 * ms, RTT: 8 * ms}},
		},
		{
			"no loop, and own probes without a reply",
			Path{Loop: notRunning(t), Probes: silent(time.Minute)},
			steerd.AlternateReading{Condition: steering.AlternateDown, Reading: steerd.Reading{Source: "probe", Loss: 1}},
		},
		{"no loop, and own probes that have just begun", Path{Loop: notRunning(t), Probes: silent(2 * time.Second)}, steerd.AlternateReading{}},
		{"no loop, and own probes that cannot be sent", Path{Loop: notRunning(t), Probes: failing}, steerd.AlternateReading{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.path.WAN, tt.path.Min, tt.path.Max = "dsl", ms, 500*ms
			if diff := cmp.Diff(tt.want, Neighbour{tt.path}.Condition(t.Context())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The loss of own probes; a reply after all is none.
func TestProbesLoss(t *testing.T) {
	p := measured(0, 7*ms)
	if got := p.loss(); got != 0 {
		t.Errorf("after a reply: %v", got)
	}
	for i := range uint32(100) {
		seq := i + 1
		p.observe(rtt.Event{Kind: rtt.Sent, Seq: seq})
		if seq%4 != 0 {
			p.observe(rtt.Event{Kind: rtt.Reply, Seq: seq, RTT: 7 * ms})
			continue
		}
		p.observe(rtt.Event{Kind: rtt.Lost, Seq: seq})
		if seq%8 == 0 {
			p.observe(rtt.Event{Kind: rtt.Reply, Seq: seq, RTT: 700 * ms})
		}
	}
	if got := p.loss(); got != 0.125 {
		t.Errorf("every eighth lost: %v", got)
	}
}
