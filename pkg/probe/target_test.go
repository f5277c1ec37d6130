package probe

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/rtt"
)

func testTarget(cfg Config) (*target, *queue) {
	q := newQueue(queueLen)
	return newTarget("t", ICMP, &cfg, newClock(time.Now()), q), q
}

func drain(q *queue) (events []rtt.Event) {
	for {
		select {
		case e := <-q.ch:
			events = append(events, e)
		default:
			return
		}
	}
}

func TestProbeLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		tg, q := testTarget(Config{Interval: 50 * ms, Timeout: 100 * ms})
		tg.index = 7
		first := tg.begin()
		time.Sleep(50 * ms)
		second := tg.begin()
		time.Sleep(20 * ms)
		tg.reply(second)
		tg.reply(second) // a duplicate
		tg.reply(99)     // never sent
		time.Sleep(30 * ms)
		tg.expire()
		tg.expire() // no second loss
		time.Sleep(200 * ms)
		tg.reply(first) // late
		tg.reply(first)
		third := tg.begin()
		tg.abandon(third, nil)
		tg.abandon(third, nil)

		want := []rtt.Event{
			{At: 0, Seq: 0, Reflector: 7, Kind: rtt.Sent},
			{At: 50 * ms, Seq: 1, Reflector: 7, Kind: rtt.Sent},
			{At: 70 * ms, RTT: 20 * ms, Seq: 1, Reflector: 7, Kind: rtt.Reply},
			{At: 100 * ms, Seq: 0, Reflector: 7, Kind: rtt.Lost},
			{At: 300 * ms, RTT: 300 * ms, Seq: 0, Reflector: 7, Kind: rtt.Reply},
			{At: 300 * ms, Seq: 2, Reflector: 7, Kind: rtt.Sent},
			{At: 300 * ms, Seq: 2, Reflector: 7, Kind: rtt.Lost},
		}
		if diff := cmp.Diff(want, drain(q)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		n := tg.snapshot()
		got := [4]uint64{n.sent, n.replies, n.lost, n.late}
		if want := [4]uint64{3, 2, 1, 1}; got != want {
			t.Errorf("sent, replies, lost, late = %v, want %v", got, want)
		}
	})
}

// The ring of remembered probes goes round; what fell out of it is forgotten
// and what is in it is not mistaken for it.
func TestForgottenProbe(t *testing.T) {
	tg, q := testTarget(Config{Interval: time.Minute, Timeout: time.Second})
	for range len(tg.ring) + 1 {
		tg.begin()
	}
	drain(q)
	tg.reply(0)
	tg.reply(1)
	events := drain(q)
	if len(events) != 1 || events[0].Seq != 1 || events[0].Kind != rtt.Reply {
		t.Errorf("events %+v, want the reply to probe 1 alone", events)
	}
	if n := tg.snapshot(); n.lost != 1 {
		t.Errorf("%d lost, want the forgotten one", n.lost)
	}
}

func TestRingCoversLateReplies(t *testing.T) {
	for _, interval := range []time.Duration{MinInterval, DefaultInterval, MaxInterval} {
		for _, timeout := range []time.Duration{MinTimeout, DefaultTimeout, MaxTimeout} {
			tg, _ := testTarget(Config{Interval: interval, Timeout: timeout})
			if covers := time.Duration(len(tg.ring)) * interval; covers < timeout+lateFor {
				t.Errorf("interval %v, timeout %v: the ring covers %v", interval, timeout, covers)
			}
		}
	}
}

func TestProbePathDoesNotAllocate(t *testing.T) {
	tg, _ := testTarget(Config{Interval: DefaultInterval, Timeout: DefaultTimeout})
	// The queue overflows on the way: that must not allocate either.
	if got := testing.AllocsPerRun(5000, func() { tg.reply(tg.begin()); tg.expire() }); got != 0 {
		t.Errorf("%v allocations a probe, want 0", got)
	}
}

func BenchmarkProbePath(b *testing.B) {
	tg, _ := testTarget(Config{Interval: DefaultInterval, Timeout: DefaultTimeout})
	b.ReportAllocs()
	for b.Loop() {
		tg.reply(tg.begin())
	}
}

func TestClockIgnoresTheWallClock(t *testing.T) {
	epoch := time.Now().Add(-time.Hour)
	c := newClock(epoch.Round(0)) // without a monotonic timestampFormat
	if got := c.now(); got < time.Hour || got > time.Hour+time.Minute {
		t.Errorf("an hour after the epoch the clock shows %v", got)
	}
	if !strings.Contains(c.base.String(), "m=") {
		t.Error("the clock has no monotonic timestampFormat")
	}
}

func TestCheckHost(t *testing.T) {
	for host, ok := range map[string]bool{
		"1.1.1.1": true, "2606:4700::1111": true, "fe80::1%eth0": true, "one.one.one.one": true, "a_b-c.example.": true,
		"": false, "-c1": false, "224.0.0.1": false, "0.0.0.0": false, "::": false, "255.255.255.255": false,
		"a b": false, "x;y": false, "host:443": false, strings.Repeat("a", 257): false,
	} {
		if err := CheckHost(host); (err == nil) != ok {
			t.Errorf("CheckHost(%.30q) = %v, want ok %v", host, err, ok)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	many := func(n int) (hosts []string) {
		for range n {
			hosts = append(hosts, "127.0.0.1")
		}
		return
	}
	ports := func(n int) (targets []string) {
		for range n {
			targets = append(targets, "127.0.0.1:80")
		}
		return
	}
	for _, tt := range []struct {
		name string
		cfg  Config
		want string // part of the error; "" for none
	}{
		{"minimal", Config{Targets: many(1)}, ""},
		{"largest", Config{Targets: many(64), TCPTargets: ports(31)}, ""},
		{"nothing", Config{}, "no host to measure"},
		{"nothing over TCP", Config{Method: TCP, Targets: many(1)}, "no TCP target"},
		{"65 hosts", Config{Targets: many(65)}, "at most 64"},
		{"too many together", Config{Targets: many(64), TCPTargets: ports(32)}, "at most 95 together"},
		{"method", Config{Targets: many(1), Method: "udp"}, `probe method "udp"`},
		{"interval", Config{Targets: many(1), Interval: time.Millisecond}, "between 10ms and 1m0s"},
		{"timeout", Config{Targets: many(1), Timeout: time.Hour}, "between 10ms and 1m0s"},
		{"count", Config{Targets: many(1), Count: -1}, "must not be negative"},
		{"duration", Config{Targets: many(1), Duration: -1}, "must not be negative"},
		{"host", Config{Targets: []string{"-x"}}, "must not start with '-'"},
		{"no port", Config{Targets: many(1), TCPTargets: []string{"1.1.1.1"}}, "must be host:port"},
		{"bad port", Config{Targets: many(1), TCPTargets: []string{"1.1.1.1:https"}}, "from 1 to 65535"},
		{"port 0", Config{Targets: many(1), TCPTargets: []string{"1.1.1.1:0"}}, "from 1 to 65535"},
		{"gateway", Config{Targets: many(1), Gateway: "-r"}, "gateway: host \"-r\": must not start"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.cfg.complete()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
