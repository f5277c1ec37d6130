package linksim_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// run lets a link of 40/10 Mbit/s with four downloads live for d, with generous
// limits, and returns it with its replies.
func run(d time.Duration, change func(*linksim.Config)) (l *linksim.Link, replies []rtt.Event) {
	cfg := linksim.Config{
		BaseRTT:  linksim.Constant(24 * time.Millisecond),
		Capacity: [2]func(time.Duration) bitrate.Rate{linksim.Constant(40 * bitrate.Mbps), linksim.Constant(10 * bitrate.Mbps)},
		Buffer:   [2]int{1_200_000, 300_000},
		Flows:    [2]func(time.Duration) int{linksim.Constant(4), nil},
	}
	change(&cfg)
	l = linksim.New(cfg)
	for l.Now() < d {
		l.Advance(l.Now() + 50*time.Millisecond)
		for _, e := range l.Events() {
			if e.Kind == rtt.Reply && e.Reflector == 0 {
				replies = append(replies, e)
			}
		}
	}
	return l, replies
}

func slowest(replies []rtt.Event) (d time.Duration) {
	for _, e := range replies {
		d = max(d, e.RTT)
	}
	return d
}

func used(l *linksim.Link) float64 {
	return l.Delivered(autorate.Download) / l.Deliverable(autorate.Download)
}

// What the bottleneck does with a queue decides what a probe sees of it.
func TestDisciplines(t *testing.T) {
	for _, c := range []struct {
		name        string
		change      func(*linksim.Config)
		least, most time.Duration // of the slowest probe
		used        float64
	}{
		{"a FIFO", func(*linksim.Config) {}, 250 * time.Millisecond, 270 * time.Millisecond, 0.95},
		{"a policer", func(c *linksim.Config) { c.Queue[0], c.Buffer[0] = linksim.Policer, 50_000 }, 24 * time.Millisecond, 25 * time.Millisecond, 0.8},
		{"fq_codel", func(c *linksim.Config) { c.Queue[0] = linksim.FQCoDel }, 24 * time.Millisecond, 25 * time.Millisecond, 0.9},
		{"echoes wait for half", func(c *linksim.Config) { c.EchoShare = 0.5 }, 130 * time.Millisecond, 150 * time.Millisecond, 0.95},
	} {
		l, replies := run(20*time.Second, c.change)
		if got := slowest(replies); got < c.least || got > c.most {
			t.Errorf("%s: the slowest probe takes %v, want %v to %v", c.name, got, c.least, c.most)
		}
		if u := used(l); u < c.used {
			t.Errorf("%s: %.2f of the line are used, want %.2f", c.name, u, c.used)
		}
	}
}

// CoDel keeps the bulk's own queue short: senders see the RTT stay low.
func TestFQCoDelDropsFromALongQueue(t *testing.T) {
	fifo, _ := run(20*time.Second, func(*linksim.Config) {})
	codel, _ := run(20*time.Second, func(c *linksim.Config) { c.Queue[0] = linksim.FQCoDel })
	if fifo.Excess() < 100*time.Millisecond || codel.Excess() != 0 {
		t.Errorf("a sparse packet waits %v behind a FIFO, %v behind fq_codel", fifo.Excess(), codel.Excess())
	}
}

// Cross traffic takes capacity and shows in no counter of the router.
func TestCrossTrafficIsNotCounted(t *testing.T) {
	l, _ := run(20*time.Second, func(c *linksim.Config) { c.Cross[0] = linksim.Constant(15 * bitrate.Mbps) })
	if got := l.Capacity(autorate.Download); got != 25*bitrate.Mbps {
		t.Errorf("capacity %v, want what is left of 40", got)
	}
	counted := float64(l.Counters(autorate.Download).Bytes) * 8 / 20 / 1e6
	if counted < 20 || counted > 26 || used(l) > 1.02 {
		t.Errorf("the router counts %.1f Mbit/s beside 15 of others on 40, share %.2f", counted, used(l))
	}
}

// All packets share the delay of a moment, and there is a new one soon.
func TestCorrelatedIsSharedAndMostlySmall(t *testing.T) {
	const most = 20 * time.Millisecond
	f, n, small := linksim.Correlated(3, 10*time.Millisecond, most), 0, 0
	for at := time.Duration(0); at < 100*time.Second; at += 10 * time.Millisecond {
		d := f(at)
		if d != f(at+9*time.Millisecond) || d < 0 || d >= most {
			t.Fatalf("at %v: %v, and %v in the same 10 ms", at, d, f(at+9*time.Millisecond))
		}
		if n++; d < most/16 {
			small++
		}
	}
	if share := float64(small) / float64(n); share < 0.45 || share > 0.55 {
		t.Errorf("%.2f of the delays are below a sixteenth, want half", share)
	}
}

// A packet never leaves before the one in front of it, whatever the jitter.
func TestJitterKeepsOrder(t *testing.T) {
	const most = 20 * time.Millisecond
	spikes := linksim.Jitter{Spike: 30 * time.Millisecond, SpikeEvery: 200 * time.Millisecond, SpikeFor: 20 * time.Millisecond, Retry: 0.1, RetryBy: most}
	for name, change := range map[string]func(*linksim.Config){
		"docsis": func(c *linksim.Config) { c.Jitter = linksim.DOCSIS },
		"lte":    func(c *linksim.Config) { c.Jitter = linksim.LTE },
		"spikes": func(c *linksim.Config) { c.Jitter = spikes },
		"shared": func(c *linksim.Config) {
			c.Wander = [2]func(time.Duration) time.Duration{linksim.Correlated(1, 10*time.Millisecond, most), linksim.Correlated(2, 10*time.Millisecond, most)}
		},
	} {
		_, replies := run(20*time.Second, func(c *linksim.Config) {
			c.ProbeInterval, c.Limit = 5*time.Millisecond, [2]bitrate.Rate{38 * bitrate.Mbps}
			change(c)
		})
		slices.SortFunc(replies, func(a, b rtt.Event) int { return cmp.Compare(a.Seq, b.Seq) })
		for i, e := range replies[1:] {
			if before := replies[i]; e.At < before.At-linksim.Step {
				t.Fatalf("%s: probe %d at %v came before %d at %v", name, e.Seq, e.At, before.Seq, before.At)
			}
		}
	}
}

// What the line of a download holds back reaches the bottleneck in a burst, and a queue
// forms there under a limit below the capacity.
func TestJitterOfTheLineLeavesBursts(t *testing.T) {
	queue := func(change func(*linksim.Config)) time.Duration {
		l, _ := run(2*time.Second, func(c *linksim.Config) {
			c.Limit = [2]bitrate.Rate{38 * bitrate.Mbps}
			change(c)
		})
		var sum time.Duration
		const n = 1000
		for range n {
			l.Advance(l.Now() + 7*time.Millisecond)
			sum += l.Excess()
		}
		return sum / n
	}
	quiet := queue(func(*linksim.Config) {})
	held := queue(func(c *linksim.Config) {
		c.Wander[autorate.Download] = linksim.Correlated(1, 10*time.Millisecond, 20*time.Millisecond)
	})
	if quiet > time.Millisecond || held < 4*time.Millisecond || held > 20*time.Millisecond {
		t.Errorf("a mean queue of %v without jitter, %v with jitter of up to 20 ms", quiet, held)
	}
}

// What comes in a pause comes at its end, and pauses are as long as they say.
func TestPausesEnd(t *testing.T) {
	f, longest, total := linksim.Pauses(5, time.Second, 50*time.Millisecond, 500*time.Millisecond), time.Duration(0), 0
	for at := time.Duration(0); at < 100*time.Second; at += time.Millisecond {
		wait := f(at)
		if wait == 0 {
			continue
		}
		if total++; f(at+wait-1) != 1 || wait > 500*time.Millisecond {
			t.Fatalf("at %v the pause lasts %v more, and then %v", at, wait, f(at+wait-1))
		}
		longest = max(longest, wait)
	}
	if longest < 400*time.Millisecond || total < 20_000 || total > 35_000 {
		t.Errorf("longest %v, %d ms in all of 100 s", longest, total)
	}
	_, replies := run(10*time.Second, func(c *linksim.Config) { c.Flows[0], c.Starved = nil, f })
	for _, e := range replies {
		if f(e.At-linksim.Step) > linksim.Step {
			t.Errorf("a reply at %v, while nothing runs for %v", e.At, f(e.At))
		}
	}
	if got := slowest(replies); got < 100*time.Millisecond {
		t.Errorf("the slowest reply took %v", got)
	}
}

// The router counts the probes themselves, and a backlog only where it can.
func TestCounters(t *testing.T) {
	l, _ := run(10*time.Second, func(c *linksim.Config) { c.Flows[0] = nil })
	for _, d := range autorate.Directions {
		if got, want := l.Counters(d).Bytes, uint64(3*200*autorate.ProbeBytes); got < want*98/100 || got > want {
			t.Errorf("%v: %d bytes of 600 probes, want about %d", d, got, want)
		}
	}
	for _, uncounted := range []bool{false, true} {
		l, _ := run(10*time.Second, func(c *linksim.Config) { c.Uncounted, c.Limit[0] = uncounted, 30*bitrate.Mbps })
		if c := l.Counters(autorate.Download); (c.QueuedBytes == 0) != uncounted || c.Dropped == 0 {
			t.Errorf("uncounted %v: %+v", uncounted, c)
		}
	}
}

func TestEchoLossIsAShare(t *testing.T) {
	_, all := run(20*time.Second, func(*linksim.Config) {})
	_, some := run(20*time.Second, func(c *linksim.Config) { c.Fault = linksim.EchoLoss(1, 0.4) })
	if share := float64(len(some)) / float64(len(all)); share < 0.5 || share > 0.7 {
		t.Errorf("%d replies, %d without loss: %.2f, want 0.6", len(some), len(all), share)
	}
}
