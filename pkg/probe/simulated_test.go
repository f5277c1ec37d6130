package probe

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// departure is when a probe left, in the simulator's resolution.
type departure struct {
	At        time.Duration
	Reflector uint8
	Seq       uint32
	Kind      rtt.Kind
}

func departures(events []rtt.Event, until time.Duration) (byTarget map[uint8][]departure) {
	byTarget = map[uint8][]departure{}
	for _, e := range events {
		at := (e.At + linksim.Step - 1).Truncate(linksim.Step)
		if (e.Kind == rtt.Sent || e.Kind == rtt.Spare) && at < until {
			byTarget[e.Reflector] = append(byTarget[e.Reflector], departure{at, e.Reflector, e.Seq, e.Kind})
		}
	}
	return byTarget
}

func simulatedProbes(cfg linksim.Config, length time.Duration) []rtt.Event {
	l := simulatedLink(cfg)
	l.Advance(length)
	return l.Events()
}

func simulatedLink(cfg linksim.Config) *linksim.Link {
	cfg.BaseRTT = linksim.Constant(20 * time.Millisecond)
	for _, d := range autorate.Directions {
		cfg.Capacity[d], cfg.Buffer[d] = linksim.Constant(10*bitrate.Mbps), 100_000
	}
	return linksim.New(cfg)
}

// Probes leave at the same times in the simulator as in a control loop's prober.
func TestSimulatedProbesLeaveWhenLiveOnesDo(t *testing.T) {
	const length = 20 * time.Second
	for _, tt := range []struct {
		name     string
		hosts    int
		interval time.Duration
	}{
		{"three", 3, DefaultInterval},
		{"one", 1, DefaultInterval},
		{"two spares", 5, 30 * time.Millisecond},
		{"61 spares", 64, DefaultInterval},
		{"slow", 2, 500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hosts []string
				for i := range tt.hosts {
					hosts = append(hosts, fmt.Sprintf("192.0.%d.1", i+1))
				}
				g := newFakeNet(hosts...).group(t, Config{Targets: hosts, Use: rtt.MaxUsed, Interval: tt.interval, Epoch: time.Now()})
				stop := run(t, g)
				sleep(length)
				live := departures(stop(), length)
				simulated := departures(simulatedProbes(linksim.Config{Reflectors: tt.hosts, ProbeInterval: tt.interval}, length), length)
				if n := len(live[0]); n < int(length/tt.interval)-1 {
					t.Fatalf("only %d probes", n)
				}
				if diff := cmp.Diff(simulated, live); diff != "" {
					t.Errorf("(-simulated +live):\n%s", diff)
				}
			})
		})
	}
}

// So do those of a line that is idle and is not any more, at any moment between two
// probes.
func TestSimulatedProbesAreSlowWhenLiveOnesAre(t *testing.T) {
	const length = 40 * time.Second
	changes := []time.Duration{ // slow, at full rate, and so on
		5 * time.Second, 12 * time.Second, 15050 * time.Millisecond, 15950 * time.Millisecond, 20 * time.Second, 20050 * time.Millisecond, 30 * time.Second,
	}
	for _, hosts := range []int{1, 3, 5} {
		t.Run(fmt.Sprint(hosts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var targets []string
				for i := range hosts {
					targets = append(targets, fmt.Sprintf("192.0.%d.1", i+1))
				}
				g := newFakeNet(targets...).group(t, Config{Targets: targets, Use: rtt.MaxUsed, Epoch: time.Now()})
				stop := run(t, g)
				last := time.Duration(0)
				for i, at := range changes {
					sleep(at - last)
					g.SetSlow(i%2 == 0)
					last = at
				}
				sleep(length - last)
				if g.Mode() != ModeICMP {
					t.Errorf("mode %v", g.Mode())
				}
				live := departures(stop(), length)
				l := simulatedLink(linksim.Config{Reflectors: hosts})
				var events []rtt.Event
				for i, at := range append(changes, length) {
					l.Advance(at)
					events = append(events, l.Events()...)
					l.SetSlowProbes(i%2 == 0)
				}
				simulated := departures(events, length)
				if diff := cmp.Diff(simulated, live); diff != "" {
					t.Errorf("(-simulated +live):\n%s", diff)
				}
				// Of 40 s 18 are slow.
				if n := len(live[0]); n < 440 || n > 480 {
					t.Errorf("%d probes", n)
				}
				for _, sent := range live {
					checkWake(t, sent, 12*time.Second)
				}
			})
		})
	}
}

// Slow probes are no silence that connections have to replace, nor is the moment in which
// they end; a host that stops answering is, after some seconds.
func TestSlowProbesAreNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, web)
		g := n.group(t, Config{
			Targets: []string{one}, TCPTargets: []string{web + ":443"}, Fallback: true, CheckTCP: true, Epoch: time.Now(),
		})
		stop := run(t, g)
		for i := range 40 {
			sleep(3*time.Second + time.Duration(i)*37*time.Millisecond)
			g.SetSlow(i%2 == 0)
			if m := g.Mode(); m != ModeICMP {
				t.Fatalf("mode %v after change %d", m, i)
			}
		}
		g.SetSlow(true)
		sleep(10 * time.Second)
		n.change(one, func(h *fakeHost) { h.silent = true })
		sleep(5 * time.Second)
		if m := g.Mode(); m != ModeTCP {
			t.Errorf("mode %v of a silent host", m)
		}
		for _, e := range stop() {
			if e.Reflector == 1 && e.Kind == rtt.Sent && e.At < 130*time.Second {
				t.Fatalf("a connection at %v", e.At)
			}
		}
	})
}

// checkWake fails the test unless a probe in use leaves at the moment of the wake-up, and
// one in every interval after it.
func checkWake(t *testing.T, sent []departure, wake time.Duration) {
	t.Helper()
	if sent[0].Kind == rtt.Spare {
		return
	}
	next := wake
	for _, d := range sent {
		if d.At >= wake && d.At < wake+time.Second {
			if d.At != next {
				t.Fatalf("a probe at %v, want one at %v", d.At, next)
			}
			next += DefaultInterval
		}
	}
	if next != wake+time.Second {
		t.Errorf("probes up to %v", next)
	}
}

// A reflector that falls silent is replaced by the same spare at the same time, give or
// take the time between two checks of the live prober.
func TestSimulatedReflectorsAreReplacedWhenLiveOnesAre(t *testing.T) {
	const silentAt, length, n = 20300 * time.Millisecond, 60 * time.Second, 6
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		for i := range n {
			hosts = append(hosts, fmt.Sprintf("192.0.%d.1", i+1))
		}
		net := newFakeNet(hosts...)
		var replaced []Replacement
		g := net.group(t, Config{
			Targets: hosts, Use: rtt.MaxUsed, Epoch: time.Now(),
			OnReplace: func(r Replacement) { replaced = append(replaced, r) },
		})
		stop := run(t, g)
		sleep(silentAt)
		net.change(hosts[1], func(h *fakeHost) { h.silent = true })
		sleep(length - silentAt)
		status := g.Status()
		live := rolesOf(departures(stop(), length))
		simulated := rolesOf(departures(simulatedProbes(linksim.Config{
			Reflectors: n, Fault: linksim.SilentFrom(1, silentAt),
		}, length), length))

		for i := range uint8(n) {
			if len(simulated[i]) != len(live[i]) {
				t.Errorf("reflector %d: %v simulated, %v live", i, simulated[i], live[i])
				continue
			}
			for j, s := range simulated[i] {
				if l := live[i][j]; s.Kind != l.Kind || (s.At-l.At).Abs() > maxSweep {
					t.Errorf("reflector %d: %+v simulated, %+v live", i, s, l)
				}
			}
		}
		if len(replaced) != 1 || replaced[0].Old != hosts[1] || replaced[0].New != hosts[3] || replaced[0].Reason != rtt.NotAnswering {
			t.Errorf("replacements %+v", replaced)
		}
		if q := status.Targets[1].Quality; q.Role != rtt.Standby || q.Fault != rtt.NotAnswering {
			t.Errorf("quality of the silent one: %+v", q)
		}
		if q := status.Targets[3].Quality; q.Role != rtt.InUse || q.AnswerRate != 1 || q.Baseline != 20*time.Millisecond {
			t.Errorf("quality of the new one: %+v", q)
		}
		if took := live[3][1].At - silentAt; took > 6*time.Second {
			t.Errorf("replaced after %v", took)
		}
	})
}

// rolesOf returns the first probe of each reflector and those with which its role
// changes.
func rolesOf(byTarget map[uint8][]departure) map[uint8][]departure {
	out := map[uint8][]departure{}
	for i, sent := range byTarget {
		kind := rtt.Kind(0)
		for _, d := range sent {
			if d.Kind != kind {
				kind = d.Kind
				out[i] = append(out[i], d)
			}
		}
	}
	return out
}

// So do the connections that replace echoes, once they do.
func TestSimulatedConnectionsLeaveWhenLiveOnesDo(t *testing.T) {
	const silent, length = 5 * time.Second, 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, web)
		g := n.group(t, Config{
			Targets: []string{one}, TCPTargets: []string{web + ":443", web + ":80", web + ":8443"},
			Fallback: true, CheckTCP: true, Epoch: time.Now(),
		})
		stop := run(t, g)
		sleep(silent)
		n.change(one, func(h *fakeHost) { h.silent = true })
		sleep(length - silent)
		live := departures(stop(), length)
		simulated := departures(simulatedProbes(linksim.Config{
			Reflectors: 1, TCPTargets: 3, Blackout: linksim.During(false, true, silent, length),
		}, length), length)
		for target := uint8(1); target <= 3; target++ {
			a, b := turns(simulated[target]), turns(live[target])
			if diff := cmp.Diff(a, b); diff != "" || len(b) != 1 {
				t.Errorf("target %d (-simulated +live):\n%s", target, diff)
			}
			// The live prober looks for silence once in a sweep.
			if first := simulated[target][0].At - live[target][0].At; first.Abs() > rtt.TCPInterval+maxSweep {
				t.Errorf("target %d: the first connection is %v later in the simulator", target, first)
			}
		}
	})
}

// turns returns where in the interval the probes of a target leave: one value, as
// long as they keep to their schedule.
func turns(sent []departure) (out []time.Duration) {
	at := time.Duration(math.MinInt64)
	for _, d := range sent {
		if turn := d.At % rtt.TCPInterval; turn != at {
			at = turn
			out = append(out, turn)
		}
	}
	return out
}
