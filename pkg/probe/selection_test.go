package probe

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/rtt"
)

func TestOperators(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hosts []string // host, or host=address
		want  []string
	}{
		{"well known", []string{"1.1.1.1", "1.0.0.1", "8.8.8.8", "2620:fe::fe"}, []string{"Cloudflare", "Cloudflare", "Google", "Quad9"}},
		{"unknown addresses", []string{"192.0.2.1", "192.0.2.200", "198.51.100.1"}, []string{"192.0.2.1", "192.0.2.1", "198.51.100.1"}},
		{"IPv6 networks", []string{"2001:db8:1::1", "2001:db8:1:ffff::1", "2001:db8:2::1"}, []string{"2001:db8:1::1", "2001:db8:1::1", "2001:db8:2::1"}},
		{"domains", []string{"a.example.net", "B.example.net.", "example.org"}, []string{"example.net", "example.net", "example.org"}},
		{"domains below a public suffix", []string{"a.example.co.uk", "b.other.co.uk"}, []string{"example.co.uk", "other.co.uk"}},
		{"a name of a well-known operator", []string{"dns.example=8.8.4.4", "8.8.8.8"}, []string{"Google", "Google"}},
		{"names in one network", []string{"a.example.net=192.0.2.1", "a.example.org=192.0.2.2"}, []string{"example.net", "example.net"}},
		{"a single label", []string{"gateway", "gateway2"}, []string{"gateway", "gateway2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hosts, domains, addrs := make([]string, len(tt.hosts)), make([]string, len(tt.hosts)), make([]netip.Addr, len(tt.hosts))
			for i, h := range tt.hosts {
				hosts[i] = h
				for j := range h {
					if h[j] == '=' {
						hosts[i], addrs[i] = h[:j], netip.MustParseAddr(h[j+1:])
					}
				}
				if addr, err := netip.ParseAddr(h); err == nil {
					addrs[i] = addr
				}
				domains[i] = domain(hosts[i])
			}
			if diff := cmp.Diff(tt.want, operators(hosts, domains, addrs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var spread = []string{"192.0.1.1", "192.0.2.1", "192.0.3.1", "192.0.4.1", "192.0.5.1"}

// For hours, spares get one probe a second together and no more.
func TestSparesAreProbedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(spread...)
		g := n.group(t, Config{Targets: spread, Use: rtt.MaxUsed, Epoch: time.Now()})
		stop := run(t, g)
		const span = 30 * time.Minute
		sleep(span)
		var used, spares int
		for _, e := range stop() {
			switch e.Kind {
			case rtt.Sent:
				used++
				if e.Reflector >= rtt.MaxUsed {
					t.Fatalf("reflector %d is in use at %v", e.Reflector, e.At)
				}
			case rtt.Spare:
				spares++
			case rtt.Lost:
				t.Fatalf("probe %d of %d was lost", e.Seq, e.Reflector)
			}
		}
		const seconds = int(span / time.Second)
		if used < 3*seconds*20-3 || spares < 2*seconds/5-2 || spares > 2*seconds/5+2 {
			t.Errorf("%d probes of reflectors in use, %d of spares", used, spares)
		}
	})
}

// A spare's name is resolved once an hour, not for each probe, and again when it no
// longer answers.
func TestSpareNamesAreResolvedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(spread...)
		n.names["spare.example"] = []netip.Addr{netip.MustParseAddr(spread[3])}
		hosts := append(append([]string{}, spread[:3]...), "spare.example")
		g := n.group(t, Config{Targets: hosts, Use: rtt.MaxUsed, Epoch: time.Now()})
		stop := run(t, g)
		sleep(time.Hour + 5*time.Minute)
		if lookups := len(n.lookups); lookups != 2 {
			t.Errorf("%d look-ups in an hour and 5 minutes, want 2", lookups)
		}
		if q := g.Quality(3); q.Operator != "example" && q.Operator != "spare.example" {
			t.Errorf("operator %q", q.Operator)
		}
		n.mu.Lock()
		n.hosts[spread[3]].silent = true
		n.names["spare.example"] = []netip.Addr{netip.MustParseAddr("192.0.1.1")}
		n.mu.Unlock()
		sleep(3 * time.Minute)
		stop()
		if q := g.Quality(3); q.Operator != g.Quality(0).Operator {
			t.Errorf("operator %q after the name moved into the network of %q", q.Operator, g.Quality(0).Operator)
		}
	})
}

// While all reflectors in use are silent TCP measures, though a spare answers, until
// spares have taken their place.
func TestSpareDoesNotHideSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(append(spread, web)...)
		g := n.group(t, Config{
			Targets: spread, Use: rtt.MaxUsed, TCPTargets: []string{web + ":443"}, Fallback: true, CheckTCP: true, Epoch: time.Now(),
		})
		stop := run(t, g)
		sleep(30*time.Second + 10*time.Millisecond)
		for _, h := range spread[:3] {
			n.change(h, func(h *fakeHost) { h.silent = true })
		}
		sleep(2 * time.Second)
		if got := g.Mode(); got != ModeTCP {
			t.Errorf("mode %v two seconds after the reflectors fell silent, want tcp", got)
		}
		sleep(8 * time.Second)
		if got := g.Mode(); got != ModeICMP {
			t.Errorf("mode %v after spares replaced them, want icmp", got)
		}
		stop()
		var roles []rtt.Role
		for i := range spread {
			roles = append(roles, g.Quality(i).Role)
		}
		// Two spares for three silent ones: the last one keeps its place.
		inUse := 0
		for _, r := range roles {
			if r == rtt.InUse {
				inUse++
			}
		}
		if inUse != 3 || roles[3] != rtt.InUse || roles[4] != rtt.InUse {
			t.Errorf("roles %v", roles)
		}
	})
}

// With a number of probes, all hosts get that many.
func TestCountUsesAllHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeNet(spread...).group(t, Config{Targets: spread, Use: rtt.MaxUsed, Count: 10, Method: ICMP})
		sent, replies, _ := countKinds(collect(t, g))
		if sent != 50 || replies != 50 {
			t.Errorf("%d probes and %d replies, want 50", sent, replies)
		}
	})
}

// A limited run with spares ends in time.
func TestDurationEndsWithSpares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeNet(spread...).group(t, Config{Targets: spread, Use: rtt.MaxUsed, Duration: 12 * time.Second, Method: ICMP})
		start := time.Now()
		collect(t, g)
		if took := time.Since(start); took > 13*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A spare that cannot be reached disturbs no other.
func TestUnreachableSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(spread...)
		n.hosts[spread[3]].sendErr = errors.New("no buffer space")
		n.hosts[spread[4]].noRoute = errors.New("no route")
		g := n.group(t, Config{Targets: spread, Use: rtt.MaxUsed, Epoch: time.Now()})
		stop := run(t, g)
		sleep(time.Minute)
		n.change(spread[0], func(h *fakeHost) { h.silent = true })
		sleep(20 * time.Second)
		s := g.Status()
		if s.Targets[0].Quality.Role != rtt.InUse || s.Targets[0].Quality.Fault != rtt.NotAnswering || s.Targets[3].Err == nil || s.Targets[4].Err == nil {
			t.Errorf("%+v", s.Targets)
		}
		n.change(spread[4], func(h *fakeHost) { h.noRoute = nil })
		sleep(time.Minute)
		if q := g.Quality(4); q.Role != rtt.InUse {
			t.Errorf("the spare that can be reached again: %+v", q)
		}
		stop()
	})
}

func TestUsedReflectorsDoNotAllocate(t *testing.T) {
	n := newFakeNet(spread...)
	g := n.group(t, Config{Targets: spread, Use: rtt.MaxUsed, Epoch: time.Now()})
	tg := g.targets[0]
	if got := testing.AllocsPerRun(3000, func() {
		tg.reply(tg.begin())
		_ = g.Quality(0)
		_ = g.EchoLimit()
	}); got != 0 {
		t.Errorf("%v allocations a probe, want 0", got)
	}
}

// A limit of echoes on the path is noticed, and its end.
func TestEchoLimitIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(spread...)
		g := n.group(t, Config{Targets: spread, Use: rtt.MaxUsed, Epoch: time.Now()})
		stop := run(t, g)
		limit := func(every int) {
			for _, h := range spread {
				n.change(h, func(h *fakeHost) { h.every = every })
			}
		}
		sleep(20 * time.Second)
		limit(4)
		sleep(10 * time.Second)
		if l := g.EchoLimit(); l.Limited != 0 {
			t.Errorf("after ten seconds: %+v", l)
		}
		sleep(40 * time.Second)
		if l := g.EchoLimit(); l.Limited != 3 || l.Used != 3 || !l.Path || l.Sent != 60 || l.Rate < 12 || l.Rate > 18 {
			t.Errorf("answers to every fourth echo: %+v", l)
		}
		limit(0)
		sleep(10 * time.Second)
		if l := g.EchoLimit(); l.Limited != 0 {
			t.Errorf("after the limit: %+v", l)
		}
		stop()
	})
}
