package control

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a simulated link with a router in front of it, in the time of the
// synctest bubble.
type world struct {
	mu     sync.Mutex
	link   *linksim.Link
	epoch  time.Time
	events chan rtt.Event

	// Configuration of the router's behaviour.
	took  time.Duration
	err   error
	stuck bool
	// stalled writes are neither done nor answered.
	stalled bool
	lag     time.Duration // added to every round trip
	// refuse holds what the router says to the write of a direction.
	refuse WriteError
	faults [2]actuate.Fault

	writes   []Limits
	attempts int // to write
	reads    int
}

func newWorld(t *testing.T, cfg linksim.Config) *world {
	w := &world{link: linksim.New(cfg), epoch: time.Now(), events: make(chan rtt.Event, 1024), took: 8 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(linksim.Step)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			w.mu.Lock()
			w.link.Advance(time.Since(w.epoch))
			for _, e := range w.link.Events() {
				if e.Kind == rtt.Reply {
					e.RTT += w.lag
				}
				w.events <- e
			}
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

func (w *world) Events() <-chan rtt.Event { return w.events }

func (w *world) call(ctx context.Context) error {
	w.mu.Lock()
	took, err, stuck := w.took, w.err, w.stuck
	w.mu.Unlock()
	if stuck {
		took = 5 * time.Second
		err = errors.New("router silent")
	}
	select {
	case <-time.After(took):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) Limits(ctx context.Context) (Reading, error) {
	if err := w.call(ctx); err != nil {
		return Reading{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	return Reading{Limits{w.link.Limit(0), w.link.Limit(1)}, w.faults}, nil
}

func (w *world) SetLimits(ctx context.Context, want Limits) (Limits, error) {
	err := w.call(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts++
	switch {
	case err != nil:
		return Limits{}, err
	case w.stalled:
		return Limits{}, errors.New("no answer")
	}
	w.writes = append(w.writes, want)
	var refused WriteError
	for _, d := range autorate.Directions {
		if want[d] == 0 {
			continue
		}
		if err := w.refuse[d]; err != nil {
			refused[d] = err
			continue
		}
		w.link.SetLimit(d, want[d])
	}
	limits := Limits{w.link.Limit(0), w.link.Limit(1)}
	if refused != (WriteError{}) {
		return limits, &refused
	}
	return limits, nil
}

func (w *world) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	if err := w.call(ctx); err != nil {
		return [2]autorate.Counters{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return [2]autorate.Counters{w.link.Counters(0), w.link.Counters(1)}, nil
}

// set changes the router's behaviour.
func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) limit(d autorate.Direction) bitrate.Rate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link.Limit(d)
}

func (w *world) writeCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.writes)
}

type watch struct {
	mu      sync.Mutex
	late    time.Duration
	wrote   []Write
	foreign []bitrate.Rate
}

// Observe implements Observer.
func (o *watch) Observe(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := e.(type) {
	case *Step:
		o.late = max(o.late, e.Late)
	case Write:
		o.wrote = append(o.wrote, e)
	case ExternalChange:
		o.foreign = append(o.foreign, e.Theirs)
	}
}

func named(name string) scenario.Scenario {
	s, ok := scenario.Find(name)
	if !ok {
		panic("no scenario " + name)
	}
	return s
}

// run starts a loop on w and returns it with a function that ends it.
func run(t *testing.T, w *world, sc scenario.Scenario, change func(*Config)) (*Loop, func()) {
	cfg := Config{
		Law: sc.LawConfig(), Start: sc.Ceiling, Epoch: w.epoch,
		Prober: w, Limiter: w, Meter: w,
	}
	if change != nil {
		change(&cfg)
	}
	l := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestIdleLinkIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		l, stop := run(t, w, sc, nil)
		time.Sleep(10 * time.Minute)
		status, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if n := w.writeCount(); n != 0 {
			t.Errorf("%d writes while idle", n)
		}
		if status.Ticks < 11900 || status.Decision.Alive != 3 {
			t.Errorf("ticks %d, reflectors alive %d", status.Ticks, status.Decision.Alive)
		}
	})
}

func TestStepIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("step-download")
		w := newWorld(t, sc.Config(1))
		o := &watch{}
		_, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
		time.Sleep(30 * time.Second)
		stop()
		limit := w.limit(autorate.Download)
		if limit < 12*bitrate.Mbps || limit > 17*bitrate.Mbps {
			t.Errorf("10 s after the capacity fell to 16M the limit is %v", limit)
		}
		if up := w.limit(autorate.Upload); up != sc.Ceiling[1] {
			t.Errorf("the idle upload's limit is %v", up)
		}
		for _, wr := range o.wrote {
			for _, d := range autorate.Directions {
				if r := wr.Want[d]; r != 0 && (r < sc.Floor[d] || r > sc.Ceiling[d]) {
					t.Errorf("wrote %v %v, outside [%v, %v]", d, r, sc.Floor[d], sc.Ceiling[d])
				}
			}
		}
	})
}

func TestSilentRouterDoesNotDelayTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("fixed-download")
		w := newWorld(t, sc.Config(1))
		o := &watch{}
		l, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
		time.Sleep(10 * time.Second)
		w.set(func(w *world) { w.stuck = true })
		time.Sleep(60 * time.Second)
		before, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before.LastError == nil || before.Failures == 0 {
			t.Error("the status does not tell of the silent router")
		}
		w.set(func(w *world) { w.stuck = false })
		time.Sleep(30 * time.Second)
		after, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if o.late > time.Millisecond {
			t.Errorf("a tick came %v late", o.late)
		}
		if after.LastError != nil || after.Failures != 0 {
			t.Errorf("after the router came back: %d failures, %v", after.Failures, after.LastError)
		}
		if after.Writes == before.Writes {
			t.Error("no write after the router came back")
		}
	})
}

func TestForeignChangeIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		o := &watch{}
		_, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
		time.Sleep(time.Second)
		w.set(func(w *world) { w.link.SetLimit(autorate.Download, 30*bitrate.Mbps) })
		time.Sleep(20 * time.Second)
		if got := w.limit(autorate.Download); got != 30*bitrate.Mbps {
			t.Errorf("limit is %v: a change within the range was not left alone", got)
		}
		if len(w.writes) != 0 {
			t.Errorf("wrote %v over a change within the range", w.writes)
		}
		w.set(func(w *world) { w.link.SetLimit(autorate.Download, 100*bitrate.Mbps) })
		time.Sleep(20 * time.Second)
		stop()
		if got := w.limit(autorate.Download); got != sc.Ceiling[0] {
			t.Errorf("limit is %v: a change above the ceiling was not bounded", got)
		}
		if want := []Limits{{sc.Ceiling[0], 0}}; !slices.Equal(w.writes, want) {
			t.Errorf("wrote %v, want %v", w.writes, want)
		}
		if len(o.foreign) != 2 {
			t.Errorf("reported %v", o.foreign)
		}
	})
}

// What somebody sets while the router does not answer is theirs as well; what
// a write of ours has done though its answer was lost is not.
func TestChangeDuringAnOutage(t *testing.T) {
	for _, tt := range []struct {
		name    string
		set     Limits // found after the outage
		foreign []bitrate.Rate
		writes  []Limits
	}{
		{"nothing", Limits{44 * bitrate.Mbps, 11 * bitrate.Mbps}, nil, []Limits{{0, 8 * bitrate.Mbps}}},
		{"our write, answer lost", Limits{44 * bitrate.Mbps, 8 * bitrate.Mbps}, nil, nil},
		{"theirs", Limits{30 * bitrate.Mbps, 7 * bitrate.Mbps}, []bitrate.Rate{30 * bitrate.Mbps, 7 * bitrate.Mbps}, nil},
		{"theirs and our write", Limits{30 * bitrate.Mbps, 8 * bitrate.Mbps}, []bitrate.Rate{30 * bitrate.Mbps}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := named("idle")
				w := newWorld(t, sc.Config(1))
				o := &watch{}
				l, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
				time.Sleep(time.Second)
				w.set(func(w *world) { w.stuck = true })
				cfg := sc.LawConfig()
				cfg.Directions[autorate.Upload].Ceiling = 8 * bitrate.Mbps
				l.Reconfigure(cfg) // the write of which fails
				time.Sleep(20 * time.Second)
				w.set(func(w *world) {
					w.stuck = false
					for _, d := range autorate.Directions {
						w.link.SetLimit(d, tt.set[d])
					}
				})
				time.Sleep(20 * time.Second)
				stop()
				if diff := cmp.Diff(tt.foreign, o.foreign); diff != "" {
					t.Errorf("foreign changes (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.writes, w.writes); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Between two ticks the writer may become free, and what the last tick wanted
// is written then; but not where new bounds have come in the meantime.
func TestReconfigureDropsThePendingLimit(t *testing.T) {
	sc := named("idle")
	l := New(Config{Law: sc.LawConfig(), Start: sc.Ceiling, Epoch: time.Now(), Prober: nothing{}})
	wish := func() (want Limits) {
		select {
		case j := <-l.jobs:
			return j.Want
		default:
			return Limits{}
		}
	}
	l.router = actuate.New(0, actuate.Config{
		Start: Limits{0, 10 * bitrate.Mbps}, Tick: l.cfg.Law.Tick, Bounds: actuate.LawBounds(l.cfg.Law),
	})
	l.tick()
	first := wish()
	if first != sc.Ceiling {
		t.Fatalf("the first tick wrote %v, want %v", first, sc.Ceiling)
	}
	cfg := sc.LawConfig()
	cfg.Directions[autorate.Upload].Ceiling = 9 * bitrate.Mbps
	l.reconfigure(cfg)
	l.finished(call{Result: actuate.Result{
		Job:    actuate.Job{Op: actuate.Write, Want: first},
		Limits: Limits{sc.Ceiling[0], 10 * bitrate.Mbps},
	}})
	l.act()
	if got := wish(); got != (Limits{}) {
		t.Errorf("wrote %v before the law knew the new bounds", got)
	}
	l.tick()
	if got, want := wish(), (Limits{0, 9 * bitrate.Mbps}); got != want {
		t.Errorf("wrote %v, want %v", got, want)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("fixed-download")
		w := newWorld(t, sc.Config(1))
		o := &watch{}
		_, stop := run(t, w, sc, func(c *Config) { c.DryRun, c.Observers = true, []Observer{o} })
		time.Sleep(20 * time.Second)
		stop()
		if n := w.writeCount(); n != 0 {
			t.Errorf("%d writes in a dry run", n)
		}
		if len(o.wrote) == 0 || !o.wrote[0].DryRun {
			t.Error("a dry run does not tell what it would write")
		}
	})
}

func TestWriteInFlightIsFinishedOnShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("fixed-download")
		w := newWorld(t, sc.Config(1))
		w.took = 300 * time.Millisecond
		_, stop := run(t, w, sc, func(c *Config) { c.Start = Limits{0, 0} })
		time.Sleep(100 * time.Millisecond) // the first tick has posted a write
		stop()
		if n := w.writeCount(); n != 1 {
			t.Errorf("%d writes finished, want the one in flight", n)
		}
	})
}

func TestReconfigureBoundsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		l, stop := run(t, w, sc, nil)
		time.Sleep(time.Second)
		cfg := sc.LawConfig()
		cfg.Directions[autorate.Upload].Ceiling = 8 * bitrate.Mbps
		l.Reconfigure(cfg)
		time.Sleep(time.Second)
		stop()
		if got := w.limit(autorate.Upload); got != 8*bitrate.Mbps {
			t.Errorf("limit is %v after the ceiling became 8M", got)
		}
	})
}

type ticks struct {
	at   []time.Duration
	late time.Duration
}

// Observe implements Observer.
func (o *ticks) Observe(e Event) {
	if step, ok := e.(*Step); ok {
		o.at, o.late = append(o.at, step.Decision.At), max(o.late, step.Late)
	}
}

func TestTicksFallOnMultiplesSinceTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		o := &ticks{}
		time.Sleep(530 * time.Millisecond) // between opening a WAN and running its loop
		_, stop := run(t, w, sc, func(c *Config) { c.Observers = []Observer{o} })
		time.Sleep(225 * time.Millisecond)
		stop()
		var want []time.Duration
		for at := 550 * time.Millisecond; at < 755*time.Millisecond; at += 50 * time.Millisecond {
			want = append(want, at)
		}
		if diff := cmp.Diff(want, o.at); diff != "" || o.late != 0 {
			t.Errorf("late by %v, ticks (-want +got):\n%s", o.late, diff)
		}
	})
}

// nothing is a world in which nothing happens, for measuring the tick alone.
type nothing struct{ events chan rtt.Event }

func (n nothing) Events() <-chan rtt.Event { return n.events }

func BenchmarkTick(b *testing.B) {
	sc := named("fixed-download")
	n := nothing{make(chan rtt.Event, 64)}
	l := New(Config{Law: sc.LawConfig(), Start: sc.Ceiling, Epoch: time.Now(), Prober: n, DryRun: true})
	b.ReportAllocs()
	seq := uint32(0)
	for b.Loop() {
		for r := range uint8(3) {
			at := l.now()
			n.events <- rtt.Event{At: at, Kind: rtt.Sent, Seq: seq, Reflector: r}
			n.events <- rtt.Event{At: at, Kind: rtt.Reply, Seq: seq, Reflector: r, RTT: 24 * time.Millisecond}
		}
		seq++
		l.tick()
	}
}

func TestTickAllocatesNothing(t *testing.T) {
	sc := named("fixed-download")
	n := nothing{make(chan rtt.Event, 64)}
	l := New(Config{Law: sc.LawConfig(), Start: sc.Ceiling, Epoch: time.Now(), Prober: n, DryRun: true, Observers: []Observer{&watch{}}})
	seq := uint32(0)
	if allocs := testing.AllocsPerRun(1000, func() {
		for r := range uint8(3) {
			n.events <- rtt.Event{At: l.now(), Kind: rtt.Sent, Seq: seq, Reflector: r}
			n.events <- rtt.Event{At: l.now(), Kind: rtt.Reply, Seq: seq, Reflector: r, RTT: 24 * time.Millisecond}
		}
		l.router.Polled(l.now(), time.Millisecond, [2]autorate.Counters{})
		seq++
		l.tick()
	}); allocs != 0 {
		t.Errorf("a steady tick allocates %v times", allocs)
	}
}

// A router that answers reads, but not writes, is tried at ever longer intervals, up to
// minutes; and at once when it answers again after an outage, or is given new bounds.
func TestStalledWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		l, stop := run(t, w, sc, nil)
		time.Sleep(time.Second)
		cfg := sc.LawConfig()
		cfg.Directions[autorate.Download].Ceiling = 20 * bitrate.Mbps
		w.set(func(w *world) { w.stalled = true })
		l.Reconfigure(cfg)
		time.Sleep(15 * time.Minute)
		status, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		attempts := 0
		w.set(func(w *world) { attempts = w.attempts })
		if attempts < 11 || attempts > 15 || status.Failures != attempts-1 {
			t.Errorf("%d attempts in a quarter of an hour, %d failures", attempts, status.Failures)
		}
		w.set(func(w *world) { w.stuck = true })
		time.Sleep(time.Minute)
		w.set(func(w *world) { w.stuck, w.stalled = false, false })
		time.Sleep(20 * time.Second)
		if got := w.limit(autorate.Download); got != 20*bitrate.Mbps {
			t.Errorf("after an outage the limit is %v", got)
		}
		if status, err = l.Status(t.Context()); err != nil || status.Failures != 0 {
			t.Errorf("%d failures, %v", status.Failures, err)
		}
		w.set(func(w *world) { w.stalled = true })
		cfg.Directions[autorate.Download].Ceiling = 15 * bitrate.Mbps
		l.Reconfigure(cfg)
		time.Sleep(10 * time.Minute)
		w.set(func(w *world) { w.stalled = false })
		time.Sleep(5*time.Minute + time.Second)
		if got := w.limit(autorate.Download); got != 15*bitrate.Mbps {
			t.Errorf("five minutes after writes work again the limit is %v", got)
		}
		stop()
	})
}

// A refused write of one direction is repeated after minutes and is no failure of
// the router; the other direction goes on.
func TestRefusedWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := named("idle")
		w := newWorld(t, sc.Config(1))
		o := &watch{}
		denied := errors.New("denied")
		w.refuse[autorate.Download] = denied
		l, stop := run(t, w, sc, func(c *Config) {
			c.Observers = []Observer{o}
			c.Refused = func(err error) bool { return errors.Is(err, denied) }
		})
		time.Sleep(time.Second)
		cfg := sc.LawConfig()
		cfg.Directions[autorate.Download].Ceiling = 20 * bitrate.Mbps
		cfg.Directions[autorate.Upload].Ceiling = 8 * bitrate.Mbps
		l.Reconfigure(cfg)
		time.Sleep(2 * time.Minute)
		before, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before.Refused != [2]error{denied, nil} || before.Failures != 2 || before.LastError != nil {
			t.Errorf("after two refusals: %d failures, refused %v, last error %v", before.Failures, before.Refused, before.LastError)
		}
		if before.Writes != [2]uint64{0, 1} || before.InForce != (Limits{sc.Ceiling[0], 8 * bitrate.Mbps}) {
			t.Errorf("writes %v, in force %v", before.Writes, before.InForce)
		}
		w.set(func(w *world) { w.refuse = WriteError{} })
		time.Sleep(2 * time.Minute)
		after, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if after.Refused != [2]error{} || after.Failures != 0 || after.Writes != [2]uint64{1, 1} {
			t.Errorf("after a write that worked: %d failures, refused %v, writes %v", after.Failures, after.Refused, after.Writes)
		}
		if len(o.wrote) != 3 || o.wrote[0].Err != nil || o.wrote[0].Refused != [2]error{denied, nil} {
			t.Errorf("wrote %+v", o.wrote)
		}
	})
}
