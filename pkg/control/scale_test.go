package control

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// BenchmarkWANs runs whole loops side by side in one process, in real time: real
// timers, probes of three reflectors at 20 Hz, a router that takes a few
// milliseconds. One iteration is one second. It tells what a WAN costs, with
// what stands in for probes and router included, and how late the ticks are.
//
// Numbers are medians over the iterations, so that a moment in which the machine
// was busy with something else does not decide; all-p99 is over all ticks.
//
//	make bench-scale
func BenchmarkWANs(b *testing.B) {
	for _, load := range []string{"idle", "loaded"} {
		for _, n := range []int{1, 10, 50, 100, 200, 500, 1000} {
			b.Run(fmt.Sprintf("%s/%d", load, n), func(b *testing.B) { benchWANs(b, n, load == "loaded") })
		}
	}
}

func benchWANs(b *testing.B, n int, loaded bool) {
	heap, goroutines := heapInUse(), runtime.NumGoroutine()
	f := newFleet(n, loaded)
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.probe(ctx) })
	for _, w := range f.wans {
		wg.Go(func() { _ = w.loop.Run(ctx) })
	}
	second(ctx) // of warming up
	f.lateness.reset()
	writes, mallocs := f.writes.Load(), mallocsNow()

	var cpu, p50, p99 []float64
	var all lateness
	b.ResetTimer()
	for b.Loop() {
		used := second(ctx)
		cpu = append(cpu, used.Seconds()*100/float64(n))
		p50 = append(p50, f.lateness.quantile(0.50))
		p99 = append(p99, f.lateness.quantile(0.99))
		all.add(&f.lateness)
		f.lateness.reset()
	}
	b.StopTimer()
	perWANSecond := float64(n * len(cpu))
	b.ReportMetric(0, "ns/op") // it is a second
	b.ReportMetric(float64(f.writes.Load()-writes)/perWANSecond, "writes/s/wan")
	b.ReportMetric(float64(mallocsNow()-mallocs)/perWANSecond, "allocs/s/wan")
	b.ReportMetric(median(cpu), "cpu%/wan")
	b.ReportMetric(median(p50), "p50-ms")
	b.ReportMetric(median(p99), "p99-ms")
	b.ReportMetric(all.quantile(0.99), "all-p99-ms")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/wan")
	b.ReportMetric((heapInUse()-heap)/float64(n)/1024, "KiB/wan")
	cancel()
	wg.Wait()
}

// second lets one pass and returns the CPU time that the process used in it.
func second(ctx context.Context) time.Duration {
	before := cpuTime()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return cpuTime() - before
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // what the first one only marked for finalising
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// mallocsNow returns how many objects were ever allocated.
func mallocsNow() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// lateness counts ticks by how late they began, in steps of 20 us up to 200 ms.
type lateness struct {
	counts [10_000]atomic.Uint32
}

const latenessStep = 20 * time.Microsecond

func (l *lateness) observe(d time.Duration) {
	l.counts[min(int(d/latenessStep), len(l.counts)-1)].Add(1)
}

func (l *lateness) add(other *lateness) {
	for i := range other.counts {
		l.counts[i].Add(other.counts[i].Load())
	}
}

func (l *lateness) reset() {
	for i := range l.counts {
		l.counts[i].Store(0)
	}
}

// quantile returns milliseconds.
func (l *lateness) quantile(q float64) float64 {
	total := 0.0
	for i := range l.counts {
		total += float64(l.counts[i].Load())
	}
	seen := 0.0
	for i := range l.counts {
		if seen += float64(l.counts[i].Load()); seen >= q*total {
			return (time.Duration(i+1) * latenessStep).Seconds() * 1000
		}
	}
	return 0
}

// fleet is many WANs at the end of one router each.
type fleet struct {
	wans     []*fleetWAN
	lateness lateness
	writes   atomic.Uint64
}

// fleetWAN is a WAN whose line and router are the cheapest there can be, so that
// what is measured is mostly the loop.
type fleetWAN struct {
	fleet  *fleet
	loop   *Loop
	epoch  time.Time
	events chan rtt.Event
	seq    uint32
	excess atomic.Int64
	loaded bool
	limits [2]atomic.Int64
	bytes  [2]atomic.Uint64
	drops  atomic.Uint64
}

func newFleet(n int, loaded bool) *fleet {
	f := &fleet{}
	for range n {
		// As if they had been opened one after the other, as they are.
		opened := time.Now().Add(-rand.N(50 * time.Millisecond))
		w := &fleetWAN{fleet: f, epoch: opened, events: make(chan rtt.Event, 1024), loaded: loaded}
		cfg := Config{
			Law:   autorate.Config{BaselineInitial: 20 * time.Millisecond},
			Epoch: w.epoch, Prober: w, Limiter: w, Meter: w, Observers: []Observer{w},
		}
		for d, c := range [2]bitrate.Rate{200 * bitrate.Mbps, 40 * bitrate.Mbps} {
			cfg.Law.Directions[d] = autorate.DirectionConfig{Ceiling: c, Floor: autorate.FlatFloor(c / 10)}
			cfg.Start[d] = c
			w.limits[d].Store(int64(c))
		}
		w.loop = New(cfg)
		f.wans = append(f.wans, w)
	}
	return f
}

// probe asks every reflector of every WAN twenty times a second, a few at a time.
func (f *fleet) probe(ctx context.Context) {
	const interval = 50 * time.Millisecond
	slots := min(len(f.wans), 25) // a wake-up each, which one WAN is not to be charged for
	ticker := time.NewTicker(interval / time.Duration(slots))
	defer ticker.Stop()
	rng := rand.New(rand.NewPCG(1, 1))
	for slot := 0; ; slot = (slot + 1) % slots {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		for i := slot; i < len(f.wans); i += slots {
			f.wans[i].probe(now, interval, rng)
		}
	}
}

// probe lets a tick of the line pass: a step of queue now and then, and replies.
func (w *fleetWAN) probe(now time.Time, dt time.Duration, rng *rand.Rand) {
	at := now.Sub(w.epoch)
	rtt0 := 20*time.Millisecond + time.Duration(rng.Int64N(int64(time.Millisecond)))
	if w.loaded {
		limit := w.limits[0].Load()
		capacity := int64(150e6)
		if at/(10*time.Second)%2 == 1 {
			capacity = 90e6
		}
		x := w.excess.Load() + (min(limit, 220e6)-capacity)*int64(dt)/capacity
		w.excess.Store(max(0, min(x, int64(200*time.Millisecond))))
		rtt0 += time.Duration(w.excess.Load())
		sent := min(limit, capacity)
		w.bytes[0].Add(uint64(sent) * uint64(dt) / 8e9)
		if limit < capacity {
			w.drops.Add(1)
		}
	}
	for r := range uint8(3) {
		// What does not fit is dropped, as the real prober does.
		select {
		case w.events <- rtt.Event{At: at, Kind: rtt.Sent, Seq: w.seq, Reflector: r}:
		default:
		}
		select {
		case w.events <- rtt.Event{At: at, Kind: rtt.Reply, Seq: w.seq, Reflector: r, RTT: rtt0}:
		default:
		}
	}
	w.seq++
}

func (w *fleetWAN) Events() <-chan rtt.Event { return w.events }

// answer is the time that the router takes.
func (w *fleetWAN) answer() { time.Sleep(2*time.Millisecond + rand.N(3*time.Millisecond)) }

func (w *fleetWAN) Limits(context.Context) (Reading, error) {
	w.answer()
	return Reading{Limits: Limits{bitrate.Rate(w.limits[0].Load()), bitrate.Rate(w.limits[1].Load())}}, nil
}

func (w *fleetWAN) SetLimits(ctx context.Context, want Limits) (Limits, error) {
	w.fleet.writes.Add(1)
	for d, r := range want {
		if r != 0 {
			w.limits[d].Store(int64(r))
		}
	}
	r, err := w.Limits(ctx)
	return r.Limits, err
}

func (w *fleetWAN) Counters(context.Context) ([2]autorate.Counters, error) {
	w.answer()
	return [2]autorate.Counters{{Bytes: w.bytes[0].Load(), Dropped: w.drops.Load()}, {Bytes: w.bytes[1].Load()}}, nil
}

// Observe implements Observer.
func (w *fleetWAN) Observe(e Event) {
	if step, ok := e.(*Step); ok {
		w.fleet.lateness.observe(step.Late)
	}
}
