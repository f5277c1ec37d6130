package linksim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

func named(t testing.TB, name string) scenario.Scenario {
	t.Helper()
	s, ok := scenario.Find(name)
	if !ok {
		t.Fatalf("no scenario %q", name)
	}
	return s
}

// Without control the ISP's FIFO fills and the link is fully used.
func TestUncontrolledLinkIsBloated(t *testing.T) {
	for _, name := range []string{"fixed-download", "fixed-upload"} {
		sc := named(t, name)
		c := sc.Simulation(1, nil, simrun.Router{}, &[2]bitrate.Rate{})
		r := c.Run(sc.From, sc.To)
		util := max(r.Utilisation[0], r.Utilisation[1])
		if util < 0.99 || r.P50 < 150*time.Millisecond || r.P99 > 242*time.Millisecond {
			t.Errorf("%s: utilisation %.3f, excess p50 %v p99 %v; the FIFO holds 240 ms", name, util, r.P50, r.P99)
		}
	}
}

// A limit below the capacity keeps the ISP's FIFO empty, costs just its margin,
// and the shaper drops: that is how a busy shaper shows.
func TestLimitBelowCapacityMovesTheQueue(t *testing.T) {
	sc := named(t, "fixed-download")
	c := sc.Simulation(1, nil, simrun.Router{}, &[2]bitrate.Rate{36 * bitrate.Mbps, 11 * bitrate.Mbps})
	r := c.Run(13*time.Second, 43*time.Second)
	if r.P99 > 3*time.Millisecond || r.Utilisation[0] < 0.86 || r.Utilisation[0] > 0.901 {
		t.Errorf("excess p99 %v, utilisation %.3f of a limit at 0.9", r.P99, r.Utilisation[0])
	}
	if c.Link.Counters(autorate.Download).Dropped == 0 {
		t.Error("the shaper dropped nothing")
	}
}

func TestSameSeedSameRun(t *testing.T) {
	for _, name := range []string{"docsis", "lte", "starlink", "web", "router-refuses"} {
		sc := named(t, name)
		run := func(seed uint64) simrun.Result {
			return sc.Simulation(seed, sc.Law(), simrun.Routers()[1], nil).Run(0, 20*time.Second)
		}
		if diff := cmp.Diff(run(3), run(3)); diff != "" {
			t.Errorf("%s: two runs of one seed differ:\n%s", name, diff)
		}
		if cmp.Equal(run(3), run(4)) {
			t.Errorf("%s: two seeds give the same run", name)
		}
	}
}

// plain is a quiet line with four downloads.
func plain(change func(*linksim.Config)) *linksim.Link {
	cfg := linksim.Config{
		BaseRTT:  linksim.Constant(24 * time.Millisecond),
		Capacity: [2]func(time.Duration) bitrate.Rate{linksim.Constant(40 * bitrate.Mbps), linksim.Constant(10 * bitrate.Mbps)},
		Buffer:   [2]int{1_200_000, 300_000},
		Limit:    [2]bitrate.Rate{36 * bitrate.Mbps, 9 * bitrate.Mbps},
		Flows:    [2]func(time.Duration) int{linksim.Constant(4), nil},
	}
	change(&cfg)
	return linksim.New(cfg)
}

// The acknowledgements of downloads show in the upload, fewer where the shaper
// filters them, and hold the downloads up where the upload is bloated.
func TestAcknowledgementsLoadTheOtherDirection(t *testing.T) {
	run := func(change func(*linksim.Config)) (acks, goodput float64) {
		l := plain(change)
		l.Advance(20 * time.Second)
		return l.Delivered(autorate.Upload) / l.Delivered(autorate.Download), l.Delivered(autorate.Download) / 20 * 8 / 36e6
	}
	if acks, _ := run(func(c *linksim.Config) { c.AckShare = 1.0 / 30 }); acks < 0.9/30 || acks > 1.1/30 {
		t.Errorf("acknowledgements are %.4f of the data, want 1/30", acks)
	}
	bloat := func(c *linksim.Config) {
		c.AckShare = 1.0 / 30
		c.Flows[autorate.Upload] = linksim.Constant(4)
		c.Limit[autorate.Upload] = 11 * bitrate.Mbps
	}
	_, free := run(func(c *linksim.Config) { c.AckShare = 1.0 / 30 })
	_, held := run(bloat)
	if held > free-0.03 {
		t.Errorf("downloads use %.3f of their limit, and %.3f behind a bloated upload", free, held)
	}
	data := func(filter float64) float64 {
		l := plain(func(c *linksim.Config) {
			bloat(c)
			c.Limit[autorate.Upload] = 9 * bitrate.Mbps
			c.AckFilter = filter
		})
		l.Advance(20 * time.Second)
		return l.Delivered(autorate.Download)
	}
	if data(0.75) < data(0) {
		t.Error("filtering acknowledgements makes downloads slower")
	}
}

// rtts returns the replies of each target by the second.
func rtts(l *linksim.Link, length time.Duration) map[uint8][]rtt.Event {
	replies := map[uint8][]rtt.Event{}
	for l.Now() < length {
		l.Advance(l.Now() + 50*time.Millisecond)
		for _, e := range l.Events() {
			if e.Kind == rtt.Reply {
				replies[e.Reflector] = append(replies[e.Reflector], e)
			}
		}
	}
	return replies
}

func TestReflectorFaults(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		fault linksim.Fault
		bad   uint8
		check func(before, after []rtt.Event) bool
	}{
		{"silent", linksim.SilentFrom(1, 10*time.Second), 1, func(before, after []rtt.Event) bool { return len(before) > 150 && len(after) == 0 }},
		{"moved", linksim.Shifted(2, 10*time.Second, 40*ms), 2, func(before, after []rtt.Event) bool {
			return after[0].RTT > before[0].RTT+39*ms && len(after) > 150
		}},
		{"slow under load", linksim.Deprioritised(0, 60*ms, linksim.During(false, true, 10*time.Second, time.Hour)), 0, func(before, after []rtt.Event) bool {
			most := slices.MaxFunc(after, func(a, b rtt.Event) int { return int(a.RTT - b.RTT) })
			return most.RTT > before[0].RTT+50*ms
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := plain(func(c *linksim.Config) { c.Flows[0] = nil; c.Fault = linksim.Faults(tt.fault) })
			for i, replies := range rtts(l, 20*time.Second) {
				split := slices.IndexFunc(replies, func(e rtt.Event) bool { return e.At > 10*time.Second+200*ms })
				if split < 0 {
					split = len(replies)
				}
				before, after := replies[:split], replies[split:]
				if i == tt.bad && !tt.check(before, after) {
					t.Errorf("reflector %d is not %s", i, tt.name)
				}
				if i != tt.bad && (len(after) < 150 || after[len(after)-1].RTT > before[0].RTT+ms) {
					t.Errorf("reflector %d suffers, too", i)
				}
			}
		})
	}
}

// An echo limit answers its burst, then so many pings a second of all reflectors.
func TestEchoLimit(t *testing.T) {
	l := plain(func(c *linksim.Config) { c.Flows[0] = nil; c.Fault = linksim.EchoLimit(5, 10) })
	early, later := 0, 0
	for _, replies := range rtts(l, 20*time.Second) {
		for _, e := range replies {
			if e.At < 500*time.Millisecond {
				early++
			} else {
				later++
			}
		}
	}
	if early < 10 || early > 14 || later < 95 || later > 100 {
		t.Errorf("%d replies in the first half second, %d in the 19.5 s after it", early, later)
	}
}

// While no ping is answered, TCP is measured, after a second and more seldom;
// and no longer once pings are answered again.
func TestBlackoutIsMeasuredByTCP(t *testing.T) {
	l := plain(func(c *linksim.Config) {
		c.Blackout = linksim.During(false, true, 10*time.Second, 20*time.Second)
		c.TCPTargets = 2
	})
	replies := rtts(l, 30*time.Second)
	if len(l.Targets()) != 5 {
		t.Fatalf("targets %v", l.Targets())
	}
	for i := range uint8(3) {
		for _, e := range replies[i] {
			if sent := e.At - e.RTT; sent >= 10*time.Second+time.Millisecond && sent < 20*time.Second {
				t.Fatalf("reflector %d answered a ping sent at %v", i, sent)
			}
		}
	}
	for i := uint8(3); i < 5; i++ {
		tcp := replies[i]
		if len(tcp) < 40 || len(tcp) > 50 {
			t.Fatalf("target %d answered %d times in nine seconds, want about five a second", i, len(tcp))
		}
		if first, last := tcp[0].At, tcp[len(tcp)-1].At; first < 11*time.Second || first > 12*time.Second || last > 21*time.Second {
			t.Errorf("target %d answered from %v to %v", i, first, last)
		}
	}
}

func TestJitter(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name     string
		jitter   linksim.Jitter
		p50, p99 [2]time.Duration // between
	}{
		{"fibre", linksim.Fibre, [2]time.Duration{0, ms}, [2]time.Duration{0, ms}},
		{"docsis", linksim.DOCSIS, [2]time.Duration{ms, 2 * ms}, [2]time.Duration{9 * ms, 18 * ms}},
		{"lte", linksim.LTE, [2]time.Duration{3 * ms, 6 * ms}, [2]time.Duration{10 * ms, 17 * ms}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := plain(func(c *linksim.Config) { c.Flows[0] = nil; c.Jitter = tt.jitter })
			var x []time.Duration
			for _, replies := range rtts(l, 5*time.Minute) {
				for _, e := range replies {
					x = append(x, e.RTT-24*ms-time.Duration(e.Reflector)*2*ms)
				}
			}
			s := linksim.Summarise(x)
			if s.P50 < tt.p50[0] || s.P50 > tt.p50[1] || s.P99 < tt.p99[0] || s.P99 > tt.p99[1] {
				t.Errorf("p50 %v, p99 %v; want within %v and %v", s.P50, s.P99, tt.p50, tt.p99)
			}
		})
	}
}

// A radio that slept makes the first packets of a load late.
func TestWakeUp(t *testing.T) {
	const ms = time.Millisecond
	l := plain(func(c *linksim.Config) {
		c.HyStart = true
		c.Jitter = linksim.Jitter{WakeAfter: 2 * time.Second, Wake: 40 * ms, WakeFor: 300 * ms}
		c.Flows[0] = linksim.Steps(0, linksim.At[int]{Time: 5 * time.Second, Value: 1})
	})
	late := 0
	for _, replies := range rtts(l, 10*time.Second) {
		for _, e := range replies {
			if e.RTT > 60*ms {
				late++
				if sent := e.At - e.RTT; sent < 5*time.Second || sent > 5400*ms {
					t.Errorf("a ping sent at %v took %v", sent, e.RTT)
				}
			}
		}
	}
	if late < 12 || late > 24 {
		t.Errorf("%d late pings, want those of about 300 ms", late)
	}
}

func TestCourses(t *testing.T) {
	walk := linksim.Walk(7, 500*time.Millisecond, 24*bitrate.Mbps, 8*bitrate.Mbps, 40*bitrate.Mbps, 0.15)
	again := linksim.Walk(7, 500*time.Millisecond, 24*bitrate.Mbps, 8*bitrate.Mbps, 40*bitrate.Mbps, 0.15)
	again(time.Hour) // asked in another order
	low, high := walk(0), walk(0)
	for at := time.Duration(0); at < time.Hour; at += 250 * time.Millisecond {
		v := walk(at)
		if v != again(at) {
			t.Fatalf("at %v a walk is %v and then %v", at, v, again(at))
		}
		low, high = min(low, v), max(high, v)
	}
	if low != 8*bitrate.Mbps || high != 40*bitrate.Mbps {
		t.Errorf("an hour of walking goes from %v to %v", low, high)
	}
	ramp := linksim.Ramp(10, 20, time.Second, 2*time.Second)
	if ramp(0) != 10 || ramp(1500*time.Millisecond) != 15 || ramp(time.Hour) != 20 {
		t.Errorf("ramp %v %v %v", ramp(0), ramp(1500*time.Millisecond), ramp(time.Hour))
	}
	pulse := linksim.During("a", "b", time.Second, 2*time.Second)
	if pulse(0)+pulse(time.Second)+pulse(2*time.Second) != "aba" {
		t.Error("a pulse has no beginning or no end")
	}
}

// Half the capacity offered in transfers that come and go is about half used.
func TestShortFlows(t *testing.T) {
	l := plain(func(c *linksim.Config) {
		c.Flows[0] = nil
		c.ShortFlows[autorate.Download] = linksim.Constant(16 * bitrate.Mbps)
	})
	l.Advance(10 * time.Minute)
	used := l.Delivered(autorate.Download) * 8 / 600
	if used < 11e6 || used > 21e6 {
		t.Errorf("%.1f Mbit/s of 16 offered", used/1e6)
	}
	if !l.Used(autorate.Download) || l.Loaded(autorate.Download) || l.Used(autorate.Upload) {
		t.Error("short flows are use, not bulk load")
	}
}

// The metric is seconds of link time in a second of one core.
func BenchmarkLink(b *testing.B) {
	for _, name := range []string{"idle", "fixed-download", "both-step", "lte", "web"} {
		b.Run(name, func(b *testing.B) {
			sc := named(b, name)
			c := sc.Simulation(1, sc.Law(), simrun.Routers()[0], nil)
			b.ReportAllocs()
			for b.Loop() {
				c.Run(0, c.Link.Now()+10*time.Second)
			}
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "link-s/s")
		})
	}
}
