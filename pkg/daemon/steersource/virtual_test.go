package steersource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
)

const (
	virtualRule = "ADAPTIVE: Steer latency-sensitive traffic" // of the simulator's own script
	virtualHost = "192.0.2.1"
)

// transport is a way to the router, with the real client of it.
type transport struct {
	name    string
	service simrouter.Service
	port    int
	open    func(sim *simrouter.Router, p *pipes) (router.Client, error)
}

func transports() []transport {
	const user = "wanctl"
	password := func() string { return "wanctl" }
	return []transport{
		{"rest", simrouter.WWWSSL, 443, func(sim *simrouter.Router, p *pipes) (router.Client, error) {
			return rest.New(rest.Config{Host: virtualHost, User: user, Password: password, Fingerprint: sim.Fingerprint(), Dial: p.dial})
		}},
		{"api", simrouter.APISSL, 8729, func(sim *simrouter.Router, p *pipes) (router.Client, error) {
			return api.New(api.Config{Host: virtualHost, User: user, Password: password, Fingerprint: sim.Fingerprint(), Dial: p.dial})
		}},
		{"ssh", simrouter.SSH, 22, func(sim *simrouter.Router, p *pipes) (router.Client, error) {
			return ssh.New(ssh.Config{Host: virtualHost, User: user, Password: password, Fingerprint: sim.SSHFingerprint(), Dial: p.dial})
		}},
	}
}

// line is a primary WAN whose congestion a test decides on: its path, and the
// queues behind the simulated router.
type line struct {
	mu        sync.Mutex // protects the following
	congested bool
	depth     uint64 // packets, while congested
	countless bool   // drops are not counted
	dropped   uint64
	sent      uint64
}

func (l *line) congest(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.congested = on
}

// Read implements steerd.Path.
func (l *line) Read(context.Context) (steerd.Reading, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := steerd.Reading{Source: fromLoop, Baseline: 20 * ms, RTT: 21 * ms}
	if l.congested {
		r.RTT = 70 * ms
	}
	return r, nil
}

// SetMaxLimit and Counters implement simrouter.Backend.
func (l *line) SetMaxLimit(string, bitrate.Rate) error { return nil }

func (l *line) Counters(name string) (router.Counters, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.congested {
		l.sent += 300_000
		if !l.countless {
			l.dropped += 7
		}
	}
	c := router.Counters{Dropped: l.dropped, Bytes: l.sent}
	if l.congested && name == "WAN-Download-1" {
		c.QueuedPackets = l.depth
	}
	return c, nil
}

// change is one change of the rule on the router.
type change struct {
	at      time.Time
	enabled bool
}

// virtual is steering over the real client of a transport, against the
// simulated router, in the time of a synctest bubble.
type virtual struct {
	*line
	t      *testing.T
	sim    *simrouter.Router
	loop   *steerd.Loop
	client router.Client
	law    steering.Config

	mu      sync.Mutex // protects the following
	changes []change
}

// shipped is the law with the defaults of the configuration.
func shipped() steering.Config {
	return steering.Config{
		CakeAware: true, Yellow: true,
		GreenRTT: 5 * ms, YellowRTT: 15 * ms, RedRTT: 15 * ms,
		MinDropsRed: 1, MinQueueYellow: 10, MinQueueRed: 50,
		RedSamples: 2, GreenSamples: 15, RTTAlpha: 0.3, QueueAlpha: 0.4,
		Bad: 25 * ms, Recovery: 12 * ms, BadSamples: 8, GoodSamples: 15,
		Confidence: steering.Confidence{
			SteerThreshold: 55, RecoveryThreshold: 20, Sustain: 2 * time.Second, RecoverySustain: 3 * time.Second,
			HoldDown: 30 * time.Second, FlapDetection: true, FlapWindow: 5 * time.Minute, MaxToggles: 4,
			Penalty: time.Minute, PenaltyThreshold: 15,
		},
	}
}

const virtualInterval = 500 * ms

// inVirtualTime runs do beside a running loop.
func inVirtualTime(t *testing.T, way transport, law steering.Config, do func(v *virtual)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		v := &virtual{line: &line{depth: 90}, t: t, law: law}
		var err error
		var quirks simrouter.Quirks
		quirks.CountsLeafDrops = true
		v.sim, err = simrouter.New(simrouter.Config{Listen: network.listen, Backend: v.line, Latency: 20 * ms, Quirks: quirks})
		if err != nil {
			t.Fatal(err)
		}
		defer v.sim.Close()
		if err := v.sim.StartService(t.Context(), way.service, fmt.Sprintf("%s:%d", virtualHost, way.port)); err != nil {
			t.Fatal(err)
		}
		client, err := way.open(v.sim, network)
		if err != nil {
			t.Fatal(err)
		}
		v.client = client
		v.loop = steerd.New(steerd.Config{
			Law: law, Interval: virtualInterval, History: 10,
			Path:   v.line,
			Meter:  Queues{Router: client, Names: [2]string{"WAN-Download-1", "WAN-Upload-1"}},
			Switch: Rule{Router: client, Comment: virtualRule},
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- v.loop.Run(ctx) }()
		go func() { ended <- v.watch(ctx) }()
		do(v)
		stop()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
		_ = client.Close()
	})
}

// watch notes every change of the rule.
func (v *virtual) watch(ctx context.Context) error {
	tick := time.NewTicker(50 * ms)
	defer tick.Stop()
	was := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now := v.enabled(); now != was {
			was = now
			v.mu.Lock()
			v.changes = append(v.changes, change{time.Now(), now})
			v.mu.Unlock()
		}
	}
}

// enabled reports how the rule on the router is.
func (v *virtual) enabled() bool {
	row, ok := v.sim.State().Row("/ip/firewall/mangle", "comment", virtualRule)
	return ok && row["disabled"] == "false"
}

func (v *virtual) seen() []change {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]change(nil), v.changes...)
}

// until waits until the rule is so, and returns how long that took.
func (v *virtual) until(enabled bool, most time.Duration) time.Duration {
	v.t.Helper()
	start := time.Now()
	for v.enabled() != enabled {
		if time.Since(start) > most {
			v.t.Fatalf("rule not enabled=%v after %v: %+v", enabled, most, v.status())
		}
		time.Sleep(10 * ms)
	}
	return time.Since(start)
}

func (v *virtual) status() steerd.Status {
	v.t.Helper()
	st, err := v.loop.Status(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	return st
}

// agree holds what the loop takes the rule for against what it is.
func (v *virtual) agree() {
	v.t.Helper()
	st := v.status()
	if !st.Rule.Known || !st.Rule.Changeable || st.Steered != v.enabled() {
		v.t.Errorf("the loop takes the rule for enabled=%v, and it is %v: %+v", st.Steered, v.enabled(), st.Rule)
	}
	if n := v.sim.Writes(); n != len(v.seen()) {
		v.t.Errorf("%d writes for %d changes of the rule", n, len(v.seen()))
	}
}

// TestSteersOverEveryTransport: on within the rows of samples that are configured, off
// when they are green again and hold-down is over.
func TestSteersOverEveryTransport(t *testing.T) {
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			inVirtualTime(t, way, shipped(), func(v *virtual) {
				time.Sleep(time.Minute)
				if n := len(v.seen()); n > 0 || v.sim.Writes() > 0 {
					t.Fatalf("%d changes, %d writes on a calm line", n, v.sim.Writes())
				}
				// Two samples, the first of which is smoothed to RED at once, and
				// the change falls between two.
				v.congest(true)
				if on := v.until(true, time.Minute); on > time.Duration(v.law.RedSamples+2)*virtualInterval {
					t.Errorf("rule on %v after congestion began", on)
				}
				time.Sleep(time.Minute)
				v.congest(false)
				off := v.until(false, time.Minute)
				// Seven samples until 50 ms are smoothed to less than 5 ms.
				least := time.Duration(v.law.GreenSamples) * virtualInterval
				if off < least || off > least+9*virtualInterval {
					t.Errorf("rule off %v after congestion ended, want %v and a few samples more", off, least)
				}
				time.Sleep(time.Minute)
				if n := len(v.seen()); n != 2 {
					t.Errorf("%d changes, want 2", n)
				}
				v.agree()
			})
		})
	}
}

// TestNoFlapOverAnyTransport lets the line swing between congested and calm for ten
// minutes. The rule is used, but no more than the brakes allow. One transport is
// tried with every swing, the others with the one that tempts most.
func TestNoFlapOverAnyTransport(t *testing.T) {
	const (
		minutes  = 10
		tempting = 13 * time.Second
	)
	scored := shipped()
	scored.Scored = true
	for _, way := range transports() {
		for _, mode := range []struct {
			name  string
			law   steering.Config
			halfs []time.Duration // of a swing
		}{
			{"counts", shipped(), []time.Duration{3 * time.Second, tempting, 35 * time.Second}},
			{"score", scored, []time.Duration{tempting}},
		} {
			for _, half := range mode.halfs {
				if half != tempting && way.name != "api" || testing.Short() && mode.name != "counts" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%v", way.name, mode.name, 2*half), func(t *testing.T) {
					inVirtualTime(t, way, mode.law, func(v *virtual) {
						time.Sleep(5 * time.Second)
						for end := time.Now().Add(minutes * time.Minute); time.Now().Before(end); {
							v.congest(true)
							time.Sleep(half)
							v.congest(false)
							time.Sleep(half)
						}
						v.judge(minutes * time.Minute)
						// Left alone the rule comes to rest where its owner left it.
						time.Sleep(2 * v.law.Confidence.FlapWindow)
						if v.enabled() {
							t.Error("the rule stays on though the line is calm")
						}
						v.agree()
					})
				})
			}
		}
	}
}

// judge holds the changes so far against the bounds of the law: never two
// within hold-down, and within a flap window no more than MaxToggles+2.
func (v *virtual) judge(over time.Duration) {
	v.t.Helper()
	c, changes := v.law.Confidence, v.seen()
	if len(changes) == 0 {
		v.t.Error("the rule was never used")
	}
	most := (c.MaxToggles + 2) * int((over+c.FlapWindow-1)/c.FlapWindow)
	if len(changes) > most {
		v.t.Errorf("%d changes in %v, want at most %d", len(changes), over, most)
	}
	for i := range changes {
		// The loop counts from when the router had answered, the test sees it earlier.
		if i > 0 && changes[i].at.Sub(changes[i-1].at) < c.HoldDown-virtualInterval {
			v.t.Errorf("change %d came %v after the one before", i, changes[i].at.Sub(changes[i-1].at))
		}
		if n := i + c.MaxToggles + 2; n < len(changes) && changes[n].at.Sub(changes[i].at) < c.FlapWindow-virtualInterval {
			v.t.Errorf("%d changes within %v", c.MaxToggles+3, changes[n].at.Sub(changes[i].at))
		}
	}
	v.t.Logf("%d changes in %v, at most %d", len(changes), over, most)
}

// TestOutageOverEveryTransport: while the router is away the rule stays as it is, and
// what is right when it comes back is done then.
func TestOutageOverEveryTransport(t *testing.T) {
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			inVirtualTime(t, way, shipped(), func(v *virtual) {
				time.Sleep(10 * time.Second)
				v.congest(true)
				v.until(true, 10*time.Second)
				time.Sleep(time.Minute)
				v.sim.Reboot(simrouter.Reboot{Down: 5 * time.Minute, Renumber: true})
				v.congest(false)
				time.Sleep(4 * time.Minute)
				if st := v.status(); !v.enabled() || !st.Steered || st.Rule.Err == nil {
					t.Errorf("while the router is away: rule %v, %+v", v.enabled(), st)
				}
				if back := v.until(false, 2*time.Minute); back < 50*time.Second {
					t.Errorf("rule off %v later, and the router was away for a minute more", back)
				}
				time.Sleep(time.Minute)
				v.agree()
			})
		})
	}
}
