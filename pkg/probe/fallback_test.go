package probe

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

func fallbackConfig(log *bytes.Buffer) Config {
	return Config{
		Targets: []string{one, two}, TCPTargets: []string{web + ":443"},
		Fallback: true, CheckTCP: true, CheckGateway: true, Gateway: router,
		Epoch: time.Now(), Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func messages(log *bytes.Buffer) (msgs []string) {
	for line := range strings.Lines(log.String()) {
		_, msg, _ := strings.Cut(strings.TrimSpace(line), "msg=")
		msgs = append(msgs, strings.Trim(msg, `"`))
	}
	return
}

func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newFakeNet(one, two, web, router)
		g := n.group(t, fallbackConfig(&log))
		stop := run(t, g)
		silence := func(silent bool, addrs ...string) {
			for _, a := range addrs {
				n.change(a, func(h *fakeHost) { h.silent = silent })
			}
		}
		expect := func(want Mode) {
			t.Helper()
			if got := g.Status().Mode; got != want {
				t.Fatalf("%v: mode %v, want %v", time.Since(n.start), got, want)
			}
		}
		dials := func(addr string) int { n.mu.Lock(); defer n.mu.Unlock(); return len(n.hosts[addr].dials) }

		sleep(time.Minute)
		expect(ModeICMP)
		if dials(web) != 0 || dials(router) != 0 {
			t.Fatal("TCP is measured although ICMP works")
		}

		silence(true, one) // one of two: nothing changes
		sleep(10 * time.Second)
		expect(ModeICMP)

		silence(true, two)
		filtered := time.Since(n.start)
		sleep(1500 * time.Millisecond)
		expect(ModeTCP)
		n.mu.Lock()
		if first := n.hosts[web].dials[0] - filtered; first > 1350*time.Millisecond {
			t.Errorf("first TCP probe %v after the last ICMP reply", first)
		}
		n.mu.Unlock()
		before := dials(web)
		sleep(10 * time.Second)
		if got := dials(web) - before; got != 50 {
			t.Errorf("%d connections in 10 s, want 5 a second", got)
		}

		silence(true, web)
		sleep(5 * time.Second)
		expect(ModeGateway)
		silence(true, router)
		sleep(5 * time.Second)
		expect(ModeNone)
		silence(false, web)
		sleep(5 * time.Second)
		expect(ModeTCP)

		silence(false, one, two)
		sleep(300 * time.Millisecond)
		expect(ModeICMP)
		before = dials(web)
		sleep(time.Minute)
		if got := dials(web) - before; got != 0 {
			t.Errorf("%d TCP probes after ICMP came back", got)
		}
		events := stop()

		for _, e := range events {
			if e.Reflector > 2 {
				t.Fatalf("event of target %d: the gateway must have none", e.Reflector)
			}
		}
		want := []string{
			"measuring by ICMP",
			"no ICMP reply: measuring by TCP connections",
			"nothing answers but the gateway",
			"nothing answers",
			"no ICMP reply: measuring by TCP connections",
			"measuring by ICMP",
		}
		if diff := cmp.Diff(want, messages(&log)); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// Replies that come a minute apart do not make ICMP work again.
func TestStrayReplyDoesNotEndTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newFakeNet(one, two, web, router)
		n.hosts[one].silent, n.hosts[two].silent = true, true
		g := n.group(t, fallbackConfig(&log))
		stop := run(t, g)
		for range 10 {
			sleep(time.Minute)
			n.change(one, func(h *fakeHost) { h.silent = false })
			sleep(DefaultInterval)
			n.change(one, func(h *fakeHost) { h.silent = true })
			if got := g.Status().Mode; got != ModeTCP {
				t.Fatalf("mode %v, want tcp", got)
			}
		}
		stop()
		if diff := cmp.Diff([]string{"no ICMP reply: measuring by TCP connections"}, messages(&log)); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// A short bounded run falls back as well, when its last echo was in vain.
func TestBoundedRunFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newFakeNet(one, two, web, router)
		n.hosts[one].silent, n.hosts[two].silent = true, true
		cfg := fallbackConfig(&log)
		cfg.Count, cfg.Timeout = 3, 200*time.Millisecond
		events := collect(t, n.group(t, cfg))
		var kinds [3]struct{ Sent, Replies, Lost int }
		for _, e := range events {
			switch e.Kind {
			case rtt.Sent:
				kinds[e.Reflector].Sent++
			case rtt.Reply:
				kinds[e.Reflector].Replies++
			case rtt.Lost:
				kinds[e.Reflector].Lost++
			}
		}
		want := [3]struct{ Sent, Replies, Lost int }{{3, 0, 3}, {3, 0, 3}, {3, 3, 0}}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The last probes of a run, even if lost, are no reason to fall back.
func TestEndOfBoundedRunIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newFakeNet(one, two, web, router)
		cfg := fallbackConfig(&log)
		cfg.Duration, cfg.Timeout = 3*time.Second, 5*time.Second
		g := n.group(t, cfg)
		time.AfterFunc(2890*time.Millisecond, func() {
			n.change(one, func(h *fakeHost) { h.silent = true })
			n.change(two, func(h *fakeHost) { h.silent = true })
		})
		events := collect(t, g)
		if _, _, lost := countKinds(events); lost != 4 {
			t.Errorf("%d lost, want 4", lost)
		}
		if diff := cmp.Diff([]string{"measuring by ICMP"}, messages(&log)); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestWithoutPermissionAutoUsesTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newFakeNet(web, router)
		cfg, err := fallbackConfig(&log).complete()
		if err != nil {
			t.Fatal(err)
		}
		g := &Group{cfg: cfg, log: cfg.Logger, dial: n.dial, lookup: n.lookup, reachable: n.reachable, access: hostnet.NoICMP}
		if err := g.addTargets(); err != nil {
			t.Fatal(err)
		}
		stop := run(t, g)
		sleep(10 * time.Second)
		if s := g.Status(); s.Mode != ModeTCP || s.Targets[0].Name != web+":443" || s.Targets[0].Replies < 49 || s.Targets[0].Sent > 51 {
			t.Errorf("status %+v", s)
		}
		n.change(web, func(h *fakeHost) { h.silent = true })
		sleep(10 * time.Second)
		if s := g.Status(); s.Mode != ModeGateway || !s.Targets[1].Gateway || !s.Targets[1].Alive {
			t.Errorf("status %+v", s)
		}
		stop()
	})
}

func TestModeSteps(t *testing.T) {
	f := fallback{enabled: true, silence: time.Second, grace: time.Second, tcpFor: 2 * time.Second, gatewayFor: 3 * time.Second}
	var icmp, tcp, gateway replies
	for _, step := range []struct {
		name   string
		at     time.Duration
		change func(now time.Duration)
		want   Mode
		active bool
	}{
		{"start", 0, nil, ModeNone, false},
		{"first reply", 100 * time.Millisecond, func(now time.Duration) { icmp = replies{1, now} }, ModeICMP, false},
		{"quiet for a second", 1100 * time.Millisecond, nil, ModeICMP, false},
		{"and a bit", 1101 * time.Millisecond, nil, ModeICMP, true},
		{"gateway answers first", 1200 * time.Millisecond, func(now time.Duration) { gateway = replies{1, now} }, ModeICMP, true},
		{"then TCP", 1300 * time.Millisecond, func(now time.Duration) { tcp = replies{1, now} }, ModeTCP, true},
		{"TCP ends", 3301 * time.Millisecond, nil, ModeTCP, true},
		{"long enough for the gateway", 4301 * time.Millisecond, func(now time.Duration) { gateway = replies{2, now} }, ModeGateway, true},
		{"gateway ends", 7302 * time.Millisecond, nil, ModeNone, true},
		{"two ICMP replies", 8000 * time.Millisecond, func(now time.Duration) { icmp = replies{3, now} }, ModeNone, true},
		{"a third", 8100 * time.Millisecond, func(now time.Duration) { icmp = replies{4, now} }, ModeICMP, false},
	} {
		if step.change != nil {
			step.change(step.at)
		}
		f.step(step.at, 0, running, icmp, tcp, gateway)
		if f.mode != step.want || f.active != step.active {
			t.Errorf("%s: mode %v, active %v; want %v, %v", step.name, f.mode, f.active, step.want, step.active)
		}
	}
}
