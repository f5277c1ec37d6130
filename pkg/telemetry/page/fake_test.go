package page

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fakeSource answers with what it was told; polls counts how often it was
// asked for the host.
type fakeSource struct {
	polls atomic.Int32
	kept  []history.Kept // fixed

	mu   sync.Mutex // protects the following fields
	host telemetry.Host
	past history.Window
	// moving makes times those of the real clock.
	moving bool
}

func (s *fakeSource) Host(context.Context) telemetry.Host {
	s.polls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.moving {
		return s.host
	}
	shift := time.Since(s.host.At)
	moved := s.host
	moved.At = moved.At.Add(shift)
	moved.WANs = nil
	for _, w := range s.host.WANs {
		if w.Source == telemetry.FromLoop && w.Status != telemetry.Degraded {
			w.At = new(w.At.Add(shift))
		}
		moved.WANs = append(moved.WANs, w)
	}
	return moved
}

func (s *fakeSource) History(_ context.Context, since time.Time) history.Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := history.Window{WANs: map[string][]history.Point{}}
	for wan, samples := range s.past.WANs {
		for _, sample := range samples {
			if sample.At.After(since) {
				out.WANs[wan] = append(out.WANs[wan], sample)
			}
		}
	}
	for _, e := range s.past.Events {
		if e.At.After(since) {
			out.Events = append(out.Events, e)
		}
	}
	return out
}

func (s *fakeSource) change(f func(*telemetry.Host, *history.Window)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.host, &s.past)
}

// wellWAN is a WAN of which everything is known at the moment at.
func wellWAN(name string, at time.Time) telemetry.WANHealth {
	return telemetry.WANHealth{
		Name: name, BaselineRTTMs: new(24.0), LoadRTTMs: new(31.234), ExcessMs: new(7.234),
		Status: telemetry.Healthy, Source: telemetry.FromLoop, At: &at,
		Download: telemetry.DirectionHealth{
			CurrentRateMbps: new(495.0), AppliedMbps: new(495.0), FloorMbps: new(200.0), CeilingMbps: new(940.0),
			ThroughputMbps: new(471.3), CapacityMbps: new(512.6), State: "YELLOW", Reason: "holding",
		},
		Upload: telemetry.DirectionHealth{
			CurrentRateMbps: new(20.5), AppliedMbps: new(20.5), FloorMbps: new(8.0), CeilingMbps: new(38.0),
			ThroughputMbps: new(1.234), State: "GREEN", Reason: "idle",
		},
		Probe: telemetry.ProbeHealth{Mode: "icmp", ReflectorsAlive: 3, Reflectors: 3, LastReplyAgeSeconds: new(0.03),
			Hosts: []telemetry.Reflector{
				{Host: "1.1.1.1", Operator: "Cloudflare", Use: "in_use", AnswerRatio: new(1.0), BaselineRTTMs: new(12.0), NoiseMs: new(0.4)},
				{Host: "8.8.8.8", Operator: "Google", Use: "in_use", AnswerRatio: new(0.97), BaselineRTTMs: new(14.3), NoiseMs: new(0.9), Fault: "few answers"},
				{Host: "9.9.9.9", Operator: "Quad9", Use: "spare"},
			},
			Routes: []telemetry.ProbeRoute{{Source: "192.168.88.10", Interface: "eth0", Gateway: "192.168.88.1"}, {Source: "2001:db8::a", Interface: "ppp0"}}},
		Warnings: []string{"the probes leave by the same route as those of lte"},
		Router: telemetry.RouterHealth{
			Transport: "rest", Address: "192.168.88.1:443", Failovers: 2, LatencyMs: new(14.5), Reachable: true, LastAnswerAgeSeconds: new(0.12),
		},
	}
}

// staleWAN is one whose loop does not run.
func staleWAN(name string, at time.Time) telemetry.WANHealth {
	return telemetry.WANHealth{
		Name: name, BaselineRTTMs: new(41.0), LoadRTTMs: new(45.5), ExcessMs: new(4.5),
		Status: telemetry.Degraded, Source: telemetry.FromFile, At: new(at.Add(-3*time.Minute - 5*time.Second)),
		Reasons:  []string{"no loop runs for this WAN; the values are from its state file"},
		Download: telemetry.DirectionHealth{CurrentRateMbps: new(61.0), State: "UNKNOWN", FloorMbps: new(5.0), CeilingMbps: new(120.0)},
		Upload:   telemetry.DirectionHealth{CurrentRateMbps: new(9.25), State: "UNKNOWN", FloorMbps: new(1.0), CeilingMbps: new(40.0)},
	}
}

// steeringAway is a steering daemon that has something to say everywhere.
func steeringAway(at time.Time) telemetry.SteeringHealth {
	var s telemetry.SteeringHealth
	s.Status, s.UptimeSeconds, s.Version = telemetry.Healthy, 4000, "1.2.3"
	s.Steering.Enabled, s.Steering.State, s.Steering.Mode = true, "SPECTRUM_DEGRADED", "active"
	s.Congestion.Primary = telemetry.CongestionHealth{State: "RED", StateCode: 2, WAN: "spectrum"}
	s.Decision.LastTransitionTime = new(at.Add(-95 * time.Second))
	s.Decision.TimeInStateSeconds = 95
	s.Counters = telemetry.SteeringCounters{RedCount: 2, GoodCount: 4, BadCount: 1, CakeReadFailures: 1}
	s.Errors = telemetry.SteeringErrors{CakeReadFailures: 1, LastError: "reading the queue: timeout"}
	s.Thresholds = telemetry.SteeringThresholds{GreenRTTMs: 5, YellowRTTMs: 15, RedRTTMs: 15, RedSamplesRequired: 2, GreenSamplesRequired: 15}
	s.Detail = telemetry.SteeringDetail{
		Name: "steering", Reason: "held: not before the hold-down is over",
		Alternate: telemetry.Alternate{WAN: "lte", Condition: "good"},
		Path:      telemetry.Path{Source: "loop", Baseline: new(24.0), RTT: new(71.5), Excess: new(47.5), ExcessEWMA: new(39.06)},
		Queue:     telemetry.Queue{Available: true, Drops: new(12), Depth: new(87), DepthEWMA: new(63.5)},
		Rule:      telemetry.Rule{Comment: "ADAPTIVE: steer to lte", Enabled: new(true)},
		Score:     new(72.0), Threshold: new(55.0),
		HoldUntil: new(at.Add(25 * time.Second)), Penalty: new(at.Add(52 * time.Second)),
		ForceOut: telemetry.AddressList{List: "FORCE_OUT_LTE", Entries: []string{"192.168.88.20", "192.168.88.31"}},
	}
	return s
}

// ten minutes of a link under load until at, with a gap of a minute.
func tenMinutes(name string, at time.Time, seed float64) history.Window {
	var samples []history.Point
	for i := -600; i <= 0; i++ {
		if i > -260 && i < -200 {
			continue
		}
		samples = append(samples, sampleAt(at.Add(time.Duration(i)*time.Second), seed))
	}
	return history.Window{
		WANs: map[string][]history.Point{name: samples},
		Events: []history.Event{
			{At: at.Add(-26 * time.Hour), WAN: name, Kind: "life", Text: "the loop started"},
			{At: at.Add(-410 * time.Second), WAN: name, Kind: "decision", Direction: "download", Text: "cut from 620 to 402 Mbit/s: a queue of 61 ms formed"},
			{At: at.Add(-409 * time.Second), WAN: name, Kind: "state", Direction: "download", Text: "GREEN to RED"},
			{At: at.Add(-230 * time.Second), WAN: name, Kind: "router", Text: "rest 192.168.88.1:443 does not answer: i/o timeout; api 192.168.88.1:8728 does"},
			{At: at.Add(-95 * time.Second), WAN: name, Kind: "steering", Text: "new connections go to lte: score 72, threshold 55"},
		},
	}
}

// sampleAt is a made-up but smooth second: load that comes and goes, and a
// limit that answers to it.
func sampleAt(at time.Time, seed float64) history.Point {
	t := float64(at.Unix()%100000)/40 + seed
	load := 0.5 + 0.5*math.Sin(t)
	noise := math.Abs(math.Sin(t*97.3)) * 3
	excess := noise + 4*load
	if phase := math.Mod(t, 6.28); phase > 1.4 && phase < 1.75 {
		excess += 60 * math.Sin((phase-1.4)/0.35*math.Pi)
	}
	limit := 480 + 300*math.Sin(t/1.7)
	used := limit * (0.15 + 0.8*load) * (0.93 + 0.05*math.Sin(t*31))
	return history.Point{
		At: at, RTT: new(24 + excess), RTTMax: new(24 + excess*1.25 + noise*2), Baseline: new(24 + 0.4*math.Sin(t/3)), Excess: new(excess),
		Directions: [2]history.DirectionPoint{
			{Limit: int64(limit * 1e6), Throughput: int64(used * 1e6), State: "GREEN"},
			{Limit: int64((25 + 9*math.Cos(t/2)) * 1e6), Throughput: int64((3 + 8*load) * 1e6), State: "GREEN"},
		},
	}
}

// wellHost is two WANs, one of them stale, and steering.
func wellHost(at time.Time) *fakeSource {
	return &fakeSource{
		host: telemetry.Host{
			Health: telemetry.Health{
				Status: telemetry.Degraded, UptimeSeconds: 273845, Version: "1.2.3", WANCount: 2,
				WANs: []telemetry.WANHealth{wellWAN("spectrum", at.Add(-40*time.Millisecond)), staleWAN("lte", at)},
			},
			At: at, Steering: []telemetry.SteeringHealth{steeringAway(at)},
		},
		past: tenMinutes("spectrum", at, 0),
	}
}

// manyWANs is a host of n WANs in all conditions.
func manyWANs(n int, at time.Time) *fakeSource {
	s := &fakeSource{host: telemetry.Host{Health: telemetry.Health{Version: "1.2.3", UptimeSeconds: 860}, At: at}, past: history.Window{WANs: map[string][]history.Point{}}}
	for i := range n {
		name := fmt.Sprintf("branch-%02d", i+1)
		w := wellWAN(name, at)
		switch i % 7 {
		case 1:
			w.Download.State, w.Download.Reason = "SOFT_RED", "draining"
		case 2:
			w.Download.State, w.Upload.State = "GREEN", "GREEN"
			w.Upload.CurrentRateMbps = new(38.0)
		case 3:
			w.Upload.State, w.Upload.Reason = "RED", "cut"
		case 4:
			w = staleWAN(name, at)
		}
		s.host.WANs = append(s.host.WANs, w)
		past := tenMinutes(name, at, float64(i)*1.3)
		s.past.WANs[name] = past.WANs[name]
		s.past.Events = append(s.past.Events, past.Events...)
	}
	return s
}

// deadlineSource notes whether it was asked with a time limit.
type deadlineSource struct{ bounded bool }

func (s *deadlineSource) Host(ctx context.Context) telemetry.Host {
	_, s.bounded = ctx.Deadline()
	return telemetry.Host{}
}

func (s *deadlineSource) History(ctx context.Context, _ time.Time) history.Window {
	_, s.bounded = ctx.Deadline()
	return history.Window{}
}

// Kept implements Source: nothing is on disk.
func (s *fakeSource) Kept() []history.Kept { return s.kept }

// Kept implements Source.
func (s *deadlineSource) Kept() []history.Kept { return nil }
