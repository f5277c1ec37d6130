package steersource

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
)

func TestProbesSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name        string
		probes      *Probes
		lowest, now time.Duration
		err         string
	}{
		{"the middle one, however long one took", measured(0, 8*ms, 400*ms, 9*ms), 8 * ms, 9 * ms, ""},
		{"of two, the longer one", measured(0, 8*ms, 9*ms), 8 * ms, 9 * ms, ""},
		{"old replies say nothing", measured(3*time.Second, 8*ms, 9*ms), 0, 0, "does not answer own probes"},
		{"none at all", measured(0), 0, 0, "does not answer own probes"},
		{"not begun", &Probes{wake: make(chan struct{}, 1)}, 0, 0, "have just begun"},
		{"begun a moment ago", func() *Probes { p := measured(0); p.began = time.Now(); return p }(), 0, 0, "have just begun"},
		{"cannot be sent", &Probes{
			cfg: probe.Config{Targets: []string{"192.0.2.1"}}, err: errors.New("network is unreachable"), wake: make(chan struct{}, 1),
		}, 0, 0, "probing 192.0.2.1: network is unreachable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lowest, now, err := tt.probes.look()
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if lowest != tt.lowest || now != tt.now {
				t.Errorf("lowest %v, now %v; want %v, %v", lowest, now, tt.lowest, tt.now)
			}
			if tt.probes.unwanted() {
				t.Error("not wanted though somebody looked")
			}
		})
	}
}

// TestProbesKeepNewest: only the newest replies are the round-trip time, as many
// as are asked for; the lowest is of all.
func TestProbesKeepNewest(t *testing.T) {
	p := measured(0, 7*ms, 8*ms, 9*ms)
	for i, r := range []time.Duration{30 * ms, 32 * ms, 31 * ms} {
		p.observe(rtt.Event{Kind: rtt.Reply, At: time.Second, Seq: uint32(3 + i), RTT: r})
		p.observe(rtt.Event{Kind: rtt.Lost, At: time.Second, Seq: 9})
	}
	if lowest, now, err := p.look(); lowest != 7*ms || now != 31*ms || err != nil || len(p.replies) != 3 {
		t.Errorf("lowest %v, now %v of %d, %v", lowest, now, len(p.replies), err)
	}
}

// TestProbesRun measures this host, and ends when nobody asks any more.
func TestProbesRun(t *testing.T) {
	cfg := probe.Config{Targets: []string{"127.0.0.1"}, Interval: 50 * ms, Timeout: time.Second}
	if _, err := probe.New(cfg); errors.Is(err, probe.ErrNotPermitted) {
		t.Skip(err)
	}
	p, err := NewProbes(cfg, 3)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()

	lowest, now, err := p.read(ctx) // the first one waits
	if err != nil || lowest <= 0 || now < lowest {
		t.Errorf("lowest %v, now %v, %v", lowest, now, err)
	}
	p.rest()
	for deadline := time.Now().Add(time.Minute); p.running(); time.Sleep(20 * ms) {
		if time.Now().After(deadline) {
			t.Fatal("nobody asks, and it goes on")
		}
	}
	if _, now, err := p.read(ctx); err != nil || now <= 0 {
		t.Errorf("asked again: %v, %v", now, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (p *Probes) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.path != nil
}

func TestNewProbes(t *testing.T) {
	if _, err := NewProbes(probe.Config{}, 3); err == nil {
		t.Error("nothing to measure, and no error")
	}
}
