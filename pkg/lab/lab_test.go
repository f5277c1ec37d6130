//go:build linux

package lab_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
)

var (
	full   = flag.Bool("lab.full", false, "also run the long scenarios (many minutes)")
	repeat = flag.Int("lab.repeat", 1, "run every scenario `N` times; tables show median and spread")
	wanctl = flag.String("lab.wanctl", "", "put this `PROGRAM` to the test instead of building one")
	keep   = flag.String("lab.keep", "", "keep records, configurations and logs of the runs under `DIR`")
	busy   = flag.Bool("lab.busy", false, "give the program real-time scheduling: this machine has other work")
	asJSON = flag.String("lab.json", "", "write the reports to `FILE`, one JSON object a line")
)

func TestMain(m *testing.M) {
	if err := lab.RealTime(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "wanctl-lab"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(buildDir)
		os.Exit(status)
	}))
}

const mbps = bitrate.Mbps

// build makes a lab that ends with the test.
func build(t *testing.T, cfg lab.Config) *lab.Lab {
	t.Helper()
	if err := lab.Check(); err != nil {
		t.Skip(err)
	}
	if stall := stalls(); stall > 5*time.Millisecond && !*full {
		t.Skipf("this machine stalls for %v now and then: queues of milliseconds cannot be measured on it", stall)
	}
	l, err := lab.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing the lab: %v", err)
		}
	})
	return l
}

// stalls returns by how much the worst of a second of short sleeps was late:
// what the machine, or the one it is a guest of, takes away.
func stalls() time.Duration {
	const nap = time.Millisecond
	worst, end := time.Duration(0), time.Now().Add(time.Second)
	for time.Now().Before(end) {
		start := time.Now()
		time.Sleep(nap)
		worst = max(worst, time.Since(start)-nap)
	}
	return worst
}

// TestLabBuilds holds the lab to what makes it a bottleneck worth trusting: an
// idle RTT that is the delay line's, a full queue in the modem in either
// direction when nothing limits, none when the router limits below the
// capacity, and a capacity that changes without losing what is queued.
func TestLabBuilds(t *testing.T) {
	l := build(t, lab.Config{})
	ctx := t.Context()
	pinger, err := labrun.StartPinger(l, lab.PingerAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := pinger.Stop(); err != nil {
			t.Error(err)
		}
	}()
	// span runs for a while and returns the median RTT of its pings.
	span := func(d time.Duration) time.Duration {
		from := l.Now()
		sleep(ctx, d)
		return medianRTT(pinger.Samples(), from)
	}

	idle := span(time.Second)
	if idle < 24*time.Millisecond || idle > 26*time.Millisecond {
		t.Errorf("idle RTT %v, want 24 ms and a little", idle)
	}

	// One direction after the other: acknowledgements that wait in a full
	// upload queue starve the download.
	for _, d := range autorate.Directions {
		capacity := l.Config().Capacity[d]
		load, err := labrun.StartLoad(ctx, l, d, 4, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := load.Stop(); err != nil {
				t.Error(err)
			}
		}()
		sleep(ctx, 2500*time.Millisecond)
		before := delivered(t, l)
		bloated := span(time.Second)
		rate := delivered(t, l).rate(before, d)
		link, err := l.Link(d)
		if err != nil {
			t.Fatal(err)
		}
		queue := timeToSend(link.BacklogBytes, capacity)
		if queue < 150*time.Millisecond || bloated < idle+150*time.Millisecond {
			t.Errorf("%v without a limit: the modem queues %v, median RTT %v, want over 150 ms of bufferbloat", d, queue, bloated)
		}
		if rate < 0.93*float64(capacity) || rate > 1.02*float64(capacity) {
			t.Errorf("%v without a limit: %.1f Mbit/s delivered, want about the capacity %v", d, rate/1e6, capacity)
		}
		if err := l.SetLimit(d, capacity*9/10); err != nil {
			t.Fatal(err)
		}
	}

	sleep(ctx, 3*time.Second) // a tenth of the capacity drains 240 ms of queue in 2.4 s
	before := delivered(t, l)
	limited := span(time.Second)
	after := delivered(t, l)
	if limited > idle+15*time.Millisecond {
		t.Errorf("median RTT %v under a limit of 0.9 of the capacity, want at most 15 ms over the idle %v", limited, idle)
	}
	for _, d := range autorate.Directions {
		limit := 0.9 * float64(l.Config().Capacity[d])
		if rate := after.rate(before, d); rate < 0.85*limit || rate > 1.02*limit {
			t.Errorf("%v: %.1f Mbit/s delivered, want about the limit %.1f", d, rate/1e6, limit/1e6)
		}
		c, err := l.Counters(d)
		if err != nil {
			t.Fatal(err)
		}
		if c.Packets == 0 || c.Dropped == 0 {
			t.Errorf("%v: counters %+v, want packets, and drops of a full queue", d, c)
		}
		if mean := c.Bytes / max(1, c.Packets); mean > 1514 {
			t.Errorf("%v: mean packet of %d bytes: the devices send more than one segment at a time", d, mean)
		}
	}

	if err := l.SetCapacity(autorate.Download, 16*mbps); err != nil {
		t.Fatal(err)
	}
	sleep(ctx, time.Second)
	full, err := l.Link(autorate.Download)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetCapacity(autorate.Download, 15*mbps); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Link(autorate.Download)
	if err != nil {
		t.Fatal(err)
	}
	if full.BacklogBytes < 100_000 || kept.BacklogBytes < full.BacklogBytes/2 {
		t.Errorf("backlog %d bytes at less capacity than the limit, %d after a further change, want it large and kept",
			full.BacklogBytes, kept.BacklogBytes)
	}
	before = delivered(t, l)
	sleep(ctx, time.Second)
	if rate := delivered(t, l).rate(before, autorate.Download); rate > 15.5e6 || rate < 13e6 {
		t.Errorf("%.1f Mbit/s delivered after the capacity became 15", rate/1e6)
	}
	if late := l.LineStats(); late.LateP50 > time.Millisecond || late.Dropped > 0 {
		t.Errorf("delay line: %+v, want a median lateness under 1 ms and no drops", late)
	} else {
		t.Logf("delay line: %+v", late)
	}
}

// TestLabBlackout: the reflectors fall silent, the pinger and TCP do not.
func TestLabBlackout(t *testing.T) {
	l := build(t, lab.Config{})
	ping := func(addr string) error {
		pinger, err := labrun.StartPinger(l, addr)
		if err != nil {
			return err
		}
		sleep(t.Context(), 300*time.Millisecond)
		samples, err := pinger.Stop()
		if err == nil && medianRTT(samples, 0) == 0 {
			err = fmt.Errorf("no reply to %d pings", len(samples))
		}
		return err
	}
	dial := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		conn, err := l.Dial(ctx, lab.Client, "tcp4", lab.Reflectors()[0]+":443")
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	for _, addr := range append(lab.Reflectors(), lab.PingerAddr) {
		if err := ping(addr); err != nil {
			t.Errorf("pinging %s: %v", addr, err)
		}
	}
	l.SetICMP(lab.ICMP{Blackout: true})
	if err := ping(lab.Reflectors()[0]); err == nil {
		t.Error("a reflector answers ping during the blackout")
	}
	if err := ping(lab.PingerAddr); err != nil {
		t.Errorf("pinging the pinger's address during the blackout: %v", err)
	}
	if err := dial(); err != nil {
		t.Errorf("TCP during the blackout: %v", err)
	}
	l.SetICMP(lab.ICMP{})
	if err := ping(lab.Reflectors()[0]); err != nil {
		t.Errorf("pinging after the blackout: %v", err)
	}
}

// TestLabFewEchoes: each reflector answers five pings a second, the pinger's
// address all.
func TestLabFewEchoes(t *testing.T) {
	l := build(t, lab.Config{})
	l.SetICMP(lab.ICMP{EchoesPerSecond: 5})
	answers := func(addr string) (n int) {
		pinger, err := labrun.StartPinger(l, addr)
		if err != nil {
			t.Fatal(err)
		}
		sleep(t.Context(), 2*time.Second)
		samples, err := pinger.Stop()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			if s.RTT > 0 {
				n++
			}
		}
		return n
	}
	for _, addr := range lab.Reflectors()[:2] {
		if n := answers(addr); n < 5 || n > 11 {
			t.Errorf("%s answered %d pings in 2 s, want about 10", addr, n)
		}
	}
	if n := answers(lab.PingerAddr); n < 50 {
		t.Errorf("the pinger's address answered %d pings in 2 s, want nearly 100", n)
	}
}

// TestLabCleansUp: a lab that is closed leaves no thread in a namespace,
// and can be built again.
func TestLabCleansUp(t *testing.T) {
	if err := lab.Check(); err != nil {
		t.Skip(err)
	}
	for range 3 {
		l, err := lab.New(t.Context(), lab.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		ns, err := os.Readlink("/proc/self/task/" + thread.Name() + "/ns/net")
		if err == nil && ns != ours {
			t.Errorf("thread %s is still in namespace %s", thread.Name(), ns)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// reading is the bytes both directions have delivered at a time.
type reading struct {
	at    time.Duration
	bytes [2]uint64
}

func delivered(t *testing.T, l *lab.Lab) reading {
	t.Helper()
	r := reading{at: l.Now()}
	for _, d := range autorate.Directions {
		var err error
		if r.bytes[d], err = l.Delivered(d); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r reading) rate(before reading, d autorate.Direction) float64 {
	return float64(8*(r.bytes[d]-before.bytes[d])) / (r.at - before.at).Seconds()
}

func timeToSend(bytes uint64, rate bitrate.Rate) time.Duration {
	return time.Duration(float64(8*bytes) / float64(rate) * float64(time.Second))
}
