package shape

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"
	_ "time/tzdata" // summer time

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

var (
	yearDays = flag.Int("year.days", 3, "let so many `DAYS` pass")
	yearSeed = flag.Uint64("year.seed", 1, "other days for another `N`")
)

const (
	// busyInterval is that of the loop in the evening and all day long once a month;
	// idleInterval that of the other hours, so that a year takes minutes.
	busyInterval = 50 * time.Millisecond
	idleInterval = time.Second
	// baselineError bounds what the baseline may be off, half a day after a change of the
	// route at the latest; the route's own jitter has a mean of 0.3 ms.
	baselineError = 500 * time.Microsecond
)

// year is the life of one WAN's loop: started three times a day with the state that the
// last run left, as by updates and reboots of the host.
type year struct {
	t       *testing.T
	line    *yearLine
	cfg     *config.WAN
	past    *history.History
	metrics *telemetry.Metrics
	log     *slog.Logger
	months  []month
	start   footprint

	// Of the run in progress.
	month      *month
	routeUntil time.Time // since then the baseline must be right
}

// month is what is reported of one.
type month struct {
	name                                         string
	days, runs, outages, reboots, routes, writes int
	cuts                                         int
	ticks                                        uint64
	worst                                        time.Duration // error of the baseline
	p50, p99                                     float64       // of the queue under load, in ms
	footprint
}

// footprint is what a process holds.
type footprint struct {
	heap        uint64 // bytes that live
	goroutines  int
	descriptors int
}

func footprintNow() (f footprint) {
	runtime.GC()
	runtime.GC() // what the first one only marked for finalising
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, _ := os.ReadDir("/proc/self/fd")
	return footprint{m.HeapAlloc, runtime.NumGoroutine(), len(fds)}
}

// TestYear lets days pass for the loop of one WAN with its state file, history, metrics
// and the watch of its queues: idle hours, busy evenings, outages, reboots of the
// router, new routes, summer time. Nothing drifts, leaks or gets stuck.
//
//	make year
func TestYear(t *testing.T) {
	if testing.Short() {
		t.Skip("days take seconds")
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	defer func(old *time.Location) { time.Local = old }(time.Local)
	time.Local = zone
	dir := memoryDir(t)
	synctest.Test(t, func(t *testing.T) {
		line, err := newYearLine(*yearSeed)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = line.sim.Close() }()
		metrics, err := telemetry.New(telemetry.NewRegistry(), "test")
		if err != nil {
			t.Fatal(err)
		}
		y := &year{t: t, line: line, cfg: yearConfig(dir), past: history.New(), metrics: metrics, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		var past sync.WaitGroup
		past.Go(func() { _ = y.past.Run(ctx) })
		if *yearDays < 300 { // those in which summer time begins
			time.Sleep(time.Until(time.Date(2000, 3, 25, 0, 0, 0, 0, zone)))
		} else {
			time.Sleep(time.Until(time.Date(2000, 1, 2, 0, 0, 0, 0, zone)))
		}
		for range *yearDays {
			y.day()
		}
		y.endMonth()
		y.report()
		cancel()
		past.Wait()
	})
}

// memoryDir returns a directory in memory where there is one: a disk takes longer for
// the saves of a day than the loop for the day.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "wanctl-year-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func yearConfig(dir string) *config.WAN {
	cfg := &config.WAN{}
	cfg.Name = "year"
	cfg.Queues.Download, cfg.Queues.Upload = yearQueues[0], yearQueues[1]
	cfg.StateFile, cfg.LockFile = filepath.Join(dir, "year_state.json"), filepath.Join(dir, "year.lock")
	cfg.Download.Ceiling, cfg.Upload.Ceiling = 200*bitrate.Mbps, 20*bitrate.Mbps
	for _, d := range []*config.Direction{&cfg.Download, &cfg.Upload} {
		floor := d.Ceiling / 10
		d.FloorGreen, d.FloorYellow, d.FloorSoftRed, d.FloorRed = floor, floor, floor, floor
	}
	cfg.Thresholds.BaselineMin, cfg.Thresholds.BaselineMax = time.Millisecond, 500*time.Millisecond
	cfg.Thresholds.TargetBloat, cfg.Thresholds.WarnBloat, cfg.Thresholds.HardRedBloat = 15*time.Millisecond, 45*time.Millisecond, 80*time.Millisecond
	return cfg
}

// day lets one pass: night and morning, an evening, the rest.
func (y *year) day() {
	now := time.Now()
	date := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.Local)
	if y.month == nil || y.month.name != date.Format("Jan") {
		y.endMonth()
		y.months = append(y.months, month{name: date.Format("Jan")})
		y.month = &y.months[len(y.months)-1]
	}
	y.month.days++
	rng := y.line.rng
	interval := idleInterval
	if date.Day() == 15 {
		interval = busyInterval
	}
	evening := time.Date(date.Year(), date.Month(), date.Day(), 19, rng.IntN(60), 0, 0, time.Local)
	y.run(evening, interval, y.idleHours)
	busy := y.idleHours
	if rng.IntN(10) < 6 {
		busy = y.busyHours
	}
	y.run(evening.Add(80*time.Minute), busyInterval, busy)
	y.run(date.AddDate(0, 0, 1), interval, y.idleHours)
	y.weigh(date)
}

// weigh measures what is held at the end of a day: no more than after the first.
func (y *year) weigh(date time.Time) {
	synctest.Wait()
	f := footprintNow()
	y.month.footprint = f
	if y.start == (footprint{}) {
		y.start = f
	}
	if f.heap > y.start.heap+512<<10 || f.goroutines > y.start.goroutines || f.descriptors > y.start.descriptors {
		y.t.Errorf("%s: %+v are held, and after the first day %+v", date.Format(time.DateOnly), f, y.start)
	}
}

// run starts the loop, has story happen, and ends the loop at end.
func (y *year) run(end time.Time, interval time.Duration, story func(end time.Time)) {
	y.cfg.Interval = interval
	c := &WANController{cfg: y.cfg, log: y.log, epoch: time.Now()}
	y.line.begin(c.epoch, interval)
	var err error
	if c.lock, err = state.Acquire(y.cfg.LockFile); err != nil {
		y.t.Fatal(err)
	}
	c.restore()
	learned := c.learned
	c.metrics = y.metrics.WAN(telemetry.WANConfig{Name: y.cfg.Name})
	y.past.AddWAN(y.cfg.Name)
	c.writer = history.NewWriter(y.cfg.HistoryDir(), y.log)
	c.feed = y.past.Feed(y.cfg.Name, c.writer)
	c.queues = &Queues{limits: y.line, counters: y.line, names: yearQueues}
	c.queues.bypass = newBypassWatch(y.line, c.queues, y.cfg)
	law := c.adopt(y.cfg)
	if c.start, err = c.queues.Limits(y.t.Context()); err != nil {
		y.t.Fatal(err)
	}
	watch := &yearObserver{month: y.month}
	c.loop = control.New(control.Config{
		Law: law, Start: c.start.Limits, Faults: c.start.Faults, Epoch: c.epoch, Prober: y.line, Limiter: c.queues, Meter: c.queues, Refused: router.IsRefusal,
		Observers: []control.Observer{
			newHistoryRecorder(c.feed, []string{"a", "b", "c"}), newEventObserver(y.log, c.feed, nil, "year.yaml", c.queues.describe),
			&metricsObserver{wan: c.metrics}, c.queues.bypass, &stateObserver{saver: c.saver}, watch,
		},
	})
	ctx, cancel := context.WithCancel(y.t.Context())
	sinks, endSinks := context.WithCancel(y.t.Context())
	var loops, rest sync.WaitGroup
	loops.Go(func() { _ = c.loop.Run(ctx) })
	loops.Go(func() { _ = c.queues.bypass.Run(ctx) })
	rest.Go(func() { _ = c.saver.Run(sinks) })
	rest.Go(func() { _ = c.writer.Run(sinks) })
	if interval == busyInterval {
		rest.Go(func() { _ = daemon.WatchLock("lock", c.lock, y.log).Run(sinks) })
	}
	story(end)
	time.Sleep(time.Until(end))
	status := y.atRest(ctx, c.loop)
	y.check(status, learned)
	cancel()
	loops.Wait()
	endSinks()
	rest.Wait()
	y.metrics.RemoveWAN(y.cfg.Name)
	y.past.RemoveWAN(y.cfg.Name)
	if err := c.lock.Close(); err != nil {
		y.t.Error(err)
	}
	y.month.runs++
	y.month.ticks += status.Ticks
}

// atRest returns the state of the loop, a minute later at most where a direction is not
// green: a line may have jitter at any moment.
func (y *year) atRest(ctx context.Context, loop *control.Loop) control.Status {
	y.t.Helper()
	for wait := range 7 {
		status, err := loop.Status(ctx)
		if err != nil {
			y.t.Fatal(err)
		}
		x := &status.Decision.Directions
		if wait == 6 || x[0].State == autorate.Green && x[1].State == autorate.Green {
			return status
		}
		time.Sleep(10 * time.Second)
	}
	panic("unreachable")
}

// yearObserver counts what is reported.
type yearObserver struct{ month *month }

// Observe implements control.Observer.
func (o *yearObserver) Observe(e control.Event) {
	w, ok := e.(control.Write)
	if !ok || w.Err != nil {
		return
	}
	o.month.writes++
	for d := range w.Want {
		if w.Want[d] != 0 && w.Want[d] < w.Before[d] {
			o.month.cuts++
		}
	}
}

// check is what must hold at the end of each run: nothing is going on by then.
func (y *year) check(s control.Status, learned time.Duration) {
	y.t.Helper()
	when := time.Now().Format("Jan _2 15:04")
	l := y.line
	route := l.base + time.Millisecond // to the second of three reflectors
	off := (s.Decision.Baseline - route).Abs()
	if time.Now().After(y.routeUntil) {
		y.month.worst = max(y.month.worst, off)
		if off > baselineError {
			y.t.Errorf("%s: the baseline is %v and the route has %v (%v at the start)", when, s.Decision.Baseline, route, learned)
		}
	}
	for _, d := range autorate.Directions {
		x, law := s.Decision.Directions[d], LawConfig(y.cfg).Directions[d]
		if x.State != autorate.Green {
			y.t.Errorf("%s: %v is %v on an idle line", when, d, x.State)
		}
		if limit := s.InForce[d]; limit < law.Lowest() || limit > law.Ceiling || limit != l.limits()[d] {
			y.t.Errorf("%s: the limit of %v is %v, the router has %v", when, d, limit, l.limits()[d])
		}
		if s.Faults[d] != actuate.NoFault || s.Refused[d] != nil {
			y.t.Errorf("%s: %v: %v, %v", when, d, s.Faults[d], s.Refused[d])
		}
	}
	if s.LastError != nil || s.PollError != nil || s.Failures > 0 {
		y.t.Errorf("%s: %v, %v, %d failures", when, s.LastError, s.PollError, s.Failures)
	}
}

// idleHours are those without bulk transfers: pages, now and then a download, and what
// may happen to a line.
func (y *year) idleHours(end time.Time) {
	l, rng := y.line, y.line.rng
	for time.Until(end) > 2*time.Hour {
		l.change(func() { l.demand = [2]float64{rng.Float64() * 2e6, rng.Float64() * 3e5} })
		time.Sleep(time.Duration(10+rng.IntN(30)) * time.Minute)
		switch n := rng.IntN(1000); {
		case n < 400:
			l.change(func() { l.demand[0] = l.nominal[0] / 3 })
			time.Sleep(time.Duration(5+rng.IntN(30)) * time.Second)
		case n < 404:
			y.month.outages++
			l.change(func() { l.dark = true })
			time.Sleep(time.Duration(1+rng.IntN(20)) * time.Minute)
			l.change(func() { l.dark = false })
		case n < 407:
			y.month.reboots++
			l.change(func() { l.rebooted = true })
			time.Sleep(100 * time.Second)
			l.change(func() { l.rebooted, l.counted = false, [2]router.Counters{} })
		case n < 410:
			y.month.routes++
			l.change(func() { l.base = time.Duration(8+rng.IntN(40)) * time.Millisecond })
			y.routeUntil = time.Now().Add(12 * time.Hour)
		}
	}
	l.change(func() { l.demand = [2]float64{1e6, 1e5} })
}

// busyHours are full of transfers, on a line that gives less than at other times, until
// a while before the end.
func (y *year) busyHours(end time.Time) {
	l, rng := y.line, y.line.rng
	for time.Until(end) > 25*time.Minute {
		l.change(func() {
			for d := range l.capacity {
				l.capacity[d] = l.nominal[d] * (0.5 + rng.Float64()/2)
			}
			l.demand = [2]float64{2 * l.nominal[0], rng.Float64() * 1e6}
			if rng.IntN(5) == 0 {
				l.demand[1] = 2 * l.nominal[1]
			}
		})
		time.Sleep(time.Duration(60+rng.IntN(300)) * time.Second)
		if rng.IntN(100) == 0 {
			y.month.outages++
			l.change(func() { l.dark = true })
			time.Sleep(time.Duration(5+rng.IntN(55)) * time.Second)
			l.change(func() { l.dark = false })
		}
		l.change(func() { l.demand = [2]float64{3e6, 3e5} })
		time.Sleep(time.Duration(20+rng.IntN(120)) * time.Second)
	}
	l.change(func() { l.demand, l.capacity = [2]float64{1e6, 1e5}, l.nominal })
}

// endMonth ends what is measured over a month.
func (y *year) endMonth() {
	if m := y.month; m != nil {
		m.p50, m.p99 = y.line.delay(0.5), y.line.delay(0.99)
		y.line.delays = [1001]uint64{}
	}
}

func (y *year) report() {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "month\tdays\tstarts\tticks\toutages\treboots\troutes\twrites/day\tcuts/day\tbaseline off\tqueue p50\tp99\theap\tgoroutines\tdescriptors\t")
	for _, m := range y.months {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%.2f ms\t%.0f ms\t%.0f ms\t%d KiB\t%d\t%d\t\n", m.name, m.days, m.runs, m.ticks,
			m.outages, m.reboots, m.routes, float64(m.writes)/float64(m.days), float64(m.cuts)/float64(m.days), math.Abs(units.Millis(m.worst)),
			m.p50, m.p99, m.heap>>10, m.goroutines, m.descriptors)
	}
	_ = w.Flush() // into memory
	y.t.Logf("\n%s", &b)
}
