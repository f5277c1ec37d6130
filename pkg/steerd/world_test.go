package steerd

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/steering"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errSilent    = errors.New("router is silent")
	errAbsent    = errors.New("no mangle rule has the comment")
	errDenied    = errors.New("router denied permission")
	errAmbiguous = errors.New("2 mangle rules have the comment")
)

// world is a primary WAN, the router before it and the other WAN, in the time
// of a synctest bubble.
type world struct {
	mu sync.Mutex

	// The primary WAN.
	excess  time.Duration
	pathErr error
	stuck   chan struct{} // if set, readings of the path wait for its end

	// The router.
	took     time.Duration
	down     error
	lost     bool // writes happen, but their answers are lost
	rules    []bool
	denied   error
	asked    int // calls of Set
	meterErr error
	dropped  uint64
	sets     []switched

	other   steering.Alternate
	another Reading // of the alternate WAN
	counted bool    // drops are
	sent    uint64
}

// switched is one change that reached the router.
type switched struct {
	at time.Time
	to bool
}

func newWorld() *world {
	return &world{took: 8 * time.Millisecond, counted: true, rules: []bool{false}}
}

// set changes the world.
func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *world) congest() { w.set(func(w *world) { w.excess = 60 * time.Millisecond }) }
func (w *world) calm()    { w.set(func(w *world) { w.excess = 0 }) }

func (w *world) Read(ctx context.Context) (Reading, error) {
	w.mu.Lock()
	stuck := w.stuck
	w.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return Reading{}, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	const baseline = 20 * time.Millisecond
	return Reading{Baseline: baseline, RTT: baseline + w.excess, Source: "loop"}, w.pathErr
}

// router takes its time.
func (w *world) router(ctx context.Context) error {
	w.mu.Lock()
	took := w.took
	w.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

func (w *world) Counters(ctx context.Context) ([2]steering.Counters, error) {
	if err := w.router(ctx); err != nil {
		return [2]steering.Counters{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := steering.Counters{}
	if w.excess > 20*time.Millisecond {
		w.sent += 500_000
		c.QueuedPackets = 20
		if w.counted {
			w.dropped += 30
			c.QueuedPackets = 80
		}
	}
	c.Dropped, c.Bytes = w.dropped, w.sent
	return [2]steering.Counters{c}, w.meterErr
}

func (w *world) rule() (*bool, error) {
	switch len(w.rules) {
	case 0:
		return nil, errAbsent
	case 1:
		return &w.rules[0], nil
	}
	return nil, errAmbiguous
}

func (w *world) Enabled(ctx context.Context) (bool, error) {
	if err := w.router(ctx); err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.rule()
	if err != nil {
		return false, err
	}
	return *r, nil
}

func (w *world) Set(ctx context.Context, enabled bool) error {
	var denied error
	w.set(func(w *world) { w.asked, denied = w.asked+1, w.denied })
	if denied != nil {
		return denied
	}
	if err := w.router(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.rule()
	if err != nil {
		return err
	}
	*r = enabled
	w.sets = append(w.sets, switched{time.Now(), enabled})
	if w.lost {
		return errSilent
	}
	return nil
}

func (w *world) Condition(context.Context) AlternateReading {
	w.mu.Lock()
	defer w.mu.Unlock()
	return AlternateReading{Condition: w.other, Reading: w.another}
}

// written returns what the rule was set to, in order.
func (w *world) written() []bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []bool
	for _, s := range w.sets {
		out = append(out, s.to)
	}
	return out
}

func (w *world) enabled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rules) == 1 && w.rules[0]
}

// watch keeps what an Observer hears.
type watch struct {
	mu       sync.Mutex
	late     time.Duration
	steps    []steering.Input
	attempts []Attempt
	moves    []Transition
	foreign  []bool
	troubles []string
}

// Observe implements Observer.
func (o *watch) Observe(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := e.(type) {
	case *Step:
		o.late = max(o.late, e.Late)
		o.steps = append(o.steps, e.Input)
	case Attempt:
		o.attempts = append(o.attempts, e)
	case Transition:
		o.moves = append(o.moves, e)
	case ExternalChange:
		o.foreign = append(o.foreign, e.Enabled)
	case Failure:
		text := e.Part.String() + ": works again"
		if e.Err != nil {
			text = e.Part.String() + ": " + e.Err.Error()
		}
		o.troubles = append(o.troubles, text)
	}
}

func (o *watch) heard(p Part) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.troubles), func(s string) bool { return s[:len(p.String())] != p.String() })
}

// reasons are those of the transitions, in order.
func (o *watch) reasons() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, m := range o.moves {
		out = append(out, m.Reason.String())
	}
	return out
}

// defaults are the shipped settings of the law.
func defaults() steering.Config {
	return steering.Config{
		CakeAware: true, Yellow: true,
		GreenRTT: 5 * time.Millisecond, YellowRTT: 15 * time.Millisecond, RedRTT: 15 * time.Millisecond,
		MinDropsRed: 1, MinQueueYellow: 10, MinQueueRed: 50,
		RedSamples: 2, GreenSamples: 15, RTTAlpha: 0.3, QueueAlpha: 0.4,
		Bad: 25 * time.Millisecond, Recovery: 12 * time.Millisecond, BadSamples: 8, GoodSamples: 15,
		Confidence: steering.Confidence{
			SteerThreshold: 55, RecoveryThreshold: 20, Sustain: 2 * time.Second, RecoverySustain: 3 * time.Second,
			HoldDown: 30 * time.Second, FlapDetection: true, FlapWindow: 5 * time.Minute, MaxToggles: 4,
			Penalty: time.Minute, PenaltyThreshold: 15,
		},
	}
}

// scene is a Loop in a world, being watched.
type scene struct {
	*world
	*watch
	t    *testing.T
	loop *Loop
	stop func()
}

// play starts a loop in w, changed by change, and runs do in a synctest bubble.
func play(t *testing.T, change func(*world, *Config), do func(s scene)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := start(t, w, func(c *Config) {
			if change != nil {
				change(w, c)
			}
		})
		do(s)
		s.stop()
	})
}

func start(t *testing.T, w *world, change func(*Config)) scene {
	o := &watch{}
	l := New(config(w, o, change))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return scene{world: w, watch: o, t: t, loop: l, stop: sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})}
}

func config(w *world, o Observer, change func(*Config)) Config {
	cfg := Config{
		Law: defaults(), Interval: 500 * time.Millisecond, History: 50,
		Path: w, Meter: w, Switch: w, Alternate: w,
	}
	if o != nil {
		cfg.Observers = []Observer{o}
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func (s scene) status() Status {
	s.t.Helper()
	st, err := s.loop.Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

func (s scene) record() Record {
	s.t.Helper()
	r, err := s.loop.Record(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// until waits for the rule to become as said, and returns how long it took.
func (s scene) until(enabled bool, most time.Duration) time.Duration {
	s.t.Helper()
	start := time.Now()
	for s.enabled() != enabled {
		if time.Since(start) > most {
			s.t.Fatalf("the rule is not enabled=%v after %v: %+v", enabled, most, s.status())
		}
		sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

// sleep lets time pass, and all that it brings about happen.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
