package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// storyteller is the observers that write a history, and that history.
type storyteller struct {
	events   *eventObserver
	recorder *historyRecorder
	kept     *history.History
	probes   fakeProbes
	at       time.Duration
}

// fakeProbes is a prober that says what a test wants.
type fakeProbes struct {
	mode  probe.Mode
	limit rtt.EchoLimit
}

func (p *fakeProbes) Mode() probe.Mode         { return p.mode }
func (p *fakeProbes) EchoLimit() rtt.EchoLimit { return p.limit }

// tell runs story in a bubble, and returns what was kept of it.
func tell(t *testing.T, story func(*storyteller)) history.Window {
	t.Helper()
	var kept history.Window
	synctest.Test(t, func(t *testing.T) {
		s := &storyteller{kept: history.New(), probes: fakeProbes{mode: probe.ModeICMP}}
		s.kept.AddWAN("dsl")
		feed := s.kept.Feed("dsl", nil)
		s.events = newEventObserver(slog.New(slog.DiscardHandler), feed, &s.probes, "dsl.yaml", (&Queues{names: [2]string{"down", "up"}}).describe)
		s.recorder = newHistoryRecorder(feed, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.kept.Run(ctx) }()
		story(s)
		synctest.Wait()
		kept = s.kept.Since(time.Time{})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return kept
}

func (s *storyteller) observe(e control.Event) {
	s.recorder.Observe(e)
	s.events.Observe(e)
}

// steps lets ticks of 50 ms pass, each with what decide says of it.
func (s *storyteller) steps(n int, decide func(i int, dec *autorate.Decision)) {
	for i := range n {
		dec := autorate.Decision{At: s.at, RTT: 20 * time.Millisecond, Baseline: 20 * time.Millisecond, Alive: 3}
		for d := range dec.Directions {
			dec.Directions[d] = autorate.DirectionDecision{Limit: 40 * bitrate.Mbps, State: autorate.Green, Reason: autorate.Idle}
		}
		if decide != nil {
			decide(i, &dec)
		}
		s.observe(&control.Step{Decision: dec})
		s.at += 50 * time.Millisecond
		time.Sleep(50 * time.Millisecond)
	}
}

func TestHistorySamples(t *testing.T) {
	x := tell(t, func(s *storyteller) {
		s.at = 350 * time.Millisecond // the loop began within a second of its clock
		s.steps(13, nil)
		s.steps(20, func(i int, dec *autorate.Decision) { // one bad tick, two in the middle
			dec.RTT = time.Duration(21+i/10) * time.Millisecond
			dec.Excess = time.Duration(i/10) * time.Millisecond
			if i == 7 {
				dec.RTT, dec.Excess = 90*time.Millisecond, 70*time.Millisecond
				dec.Directions[0].State = autorate.Red
			}
			dec.Directions[1].Throughput = bitrate.Rate(i) * bitrate.Mbps
			dec.Directions[0].Limit = bitrate.Rate(100-i) * bitrate.Mbps
		})
		s.steps(20, func(_ int, dec *autorate.Decision) { dec.Alive, dec.RTT, dec.Excess = 0, 0, 0 })
		s.steps(1, nil)
	})
	samples := x.WANs["dsl"]
	var before time.Time
	for i := range samples {
		at := samples[i].At
		if i > 0 && at.Sub(before) != time.Second {
			t.Errorf("sample %d comes %v after the one before", i, at.Sub(before))
		}
		before, samples[i].At = at, time.Time{}
	}
	ms := func(v float64) *float64 { return &v }
	quiet := history.DirectionPoint{Limit: 40e6, State: "GREEN"}
	want := []history.Point{
		{RTT: ms(20), RTTMax: ms(20), Baseline: ms(20), Excess: ms(0), Directions: [2]history.DirectionPoint{quiet, quiet}},
		{RTT: ms(22), RTTMax: ms(90), Baseline: ms(20), Excess: ms(70), Directions: [2]history.DirectionPoint{
			{Limit: 81e6, State: "RED"}, {Limit: 40e6, Throughput: 19e6, State: "GREEN"}}},
		{Baseline: ms(20), Directions: [2]history.DirectionPoint{quiet, quiet}},
	}
	if diff := cmp.Diff(want, samples); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHistoryEvents(t *testing.T) {
	failed := errors.New("dial tcp: refused")
	second := 20
	for _, c := range []struct {
		name  string
		story func(*storyteller)
		want  []string
	}{
		{"nothing happens", func(s *storyteller) { s.steps(5*second, nil) }, nil},
		{"a queue, for two seconds", func(s *storyteller) {
			s.steps(second, nil)
			s.steps(2*second, func(i int, dec *autorate.Decision) {
				if i%5 == 2 {
					dec.Directions[0].State, dec.Excess = autorate.SoftRed, 23*time.Millisecond
				}
			})
			s.steps(2*second, nil)
		}, []string{"state download: SOFT_RED, was GREEN; up to 23 ms above idle", "state download: GREEN, was SOFT_RED; up to 0 ms above idle"}},
		{"a cut, once", func(s *storyteller) {
			s.steps(3, nil)
			s.steps(10, func(_ int, dec *autorate.Decision) {
				dec.Excess = 31 * time.Millisecond
				dec.Directions[1] = autorate.DirectionDecision{Limit: 30 * bitrate.Mbps, State: autorate.Green, Reason: autorate.Cut, Throughput: 38 * bitrate.Mbps}
			})
			s.steps(3, func(_ int, dec *autorate.Decision) { dec.Directions[1].Reason = autorate.Draining })
		}, []string{"decision upload: cut: limit 30.0 Mbit/s at 31 ms above idle, carrying 38.0 Mbit/s"}},
		{"silence", func(s *storyteller) {
			s.steps(3*second, nil)
			s.steps(2*second, func(_ int, dec *autorate.Decision) { dec.Alive = 0 })
			s.steps(2*second, func(_ int, dec *autorate.Decision) { dec.Alive = 2 })
		}, []string{"outage: no reflector answers: limits are held", "outage: probes are answered again after 2s, by 2 reflectors"}},
		{"ICMP is filtered", func(s *storyteller) {
			s.probes.mode = probe.ModeNone
			s.steps(second, nil)
			s.probes.mode = probe.ModeICMP
			s.steps(second, nil)
			s.probes.mode = probe.ModeTCP
			s.steps(2*second, nil)
			s.probes.mode = probe.ModeNone
			s.steps(2*second, nil)
			s.probes.mode = probe.ModeICMP
			s.steps(2*second, nil)
		}, []string{"probe: measuring by tcp, was icmp", "probe: measuring by icmp, was tcp"}},
		{"the router is away", func(s *storyteller) {
			for _, err := range []error{nil, failed, failed, nil, nil} {
				s.observe(control.Write{Err: err})
				s.observe(&control.Poll{Took: time.Millisecond, Err: err})
			}
		}, []string{
			"router: a limit could not be written: dial tcp: refused", "router: queue counters cannot be read, limits are held: dial tcp: refused",
			"router: limits are written again", "router: queue counters are read again"}},
		{"a refusal", func(s *storyteller) {
			w := control.Write{Want: control.Limits{20 * bitrate.Mbps, 0}, Before: control.Limits{40 * bitrate.Mbps, 8 * bitrate.Mbps}}
			for range 3 {
				w.Refused[0] = &router.ItemError{Name: "down", Err: fmt.Errorf("router r: max-limit=%s is below limit-at=30M; lower it; on the router: /x", w.Want[0])}
				s.observe(w)
				w.Want[0] -= bitrate.Mbps // the wish is not what the refusal says
			}
			w.Refused[0] = errors.New("denied")
			s.observe(w)
			s.observe(control.Write{Want: control.Limits{0, 9 * bitrate.Mbps}})
			w.Refused[0], w.Applied = nil, w.Want
			s.observe(w)
		}, []string{
			"router download: the router refuses the limit, which stays at 40.0 Mbit/s: router r: max-limit=20M is below limit-at=30M; lower it",
			"router download: the router refuses the limit, which stays at 40.0 Mbit/s: denied",
			"router download: the router takes the limit again: 17.0 Mbit/s"}},
		{"queues that limit nothing", func(s *storyteller) {
			for _, faults := range [][2]actuate.Fault{{}, {actuate.Absent, actuate.Disabled}, {actuate.Absent, actuate.Disabled}, {actuate.Absent, actuate.Invalid}, {}, {}} {
				s.observe(control.Read{Reading: control.Reading{Faults: faults}})
			}
		}, []string{
			`router download: the router has no queue "down" any more: the download is not limited; was it renamed? see 'wanctl router queue get' and queues.download`,
			`router upload: queue "up" is disabled: the upload is not limited; on the router: /queue tree enable [find name="up"]`,
			`router upload: queue "up" is invalid, its parent or its type is gone: the upload is not limited; on the router: /queue tree print where invalid`,
			"router download: the queue limits again",
			"router upload: the queue limits again"}},
		{"somebody else", func(s *storyteller) {
			s.observe(control.ExternalChange{Direction: autorate.Upload, Ours: 40 * bitrate.Mbps, Theirs: 20 * bitrate.Mbps})
		},
			[]string{"foreign upload: somebody else changed the limit on the router to 20.0 Mbit/s, ours was 40.0 Mbit/s"}},
		{"a reload", func(s *storyteller) { s.observe(control.Reconfigured{}) }, []string{"life: configuration reloaded"}},
		{"another way", func(s *storyteller) {
			s.events.to.RecordSwitch(failover.Switch{From: "rest a:443", To: "ssh a:22", Why: failed})
			s.events.to.RecordSwitch(failover.Switch{From: "ssh a:22", To: "rest a:443"})
		}, []string{"router: reached by ssh a:22, was rest a:443: dial tcp: refused", "router: reached by rest a:443, was ssh a:22"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range tell(t, c.story).Events {
				if e.Text == "the loop has started" {
					continue
				}
				line := e.Kind
				if e.Direction != "" {
					line += " " + e.Direction
				}
				got = append(got, line+": "+e.Text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The longest interval has less than a tick a second.
func TestHistoryAtFiveSeconds(t *testing.T) {
	x := tell(t, func(s *storyteller) {
		for range 4 {
			s.steps(1, nil)
			s.at += 5 * time.Second
		}
	})
	if n := len(x.WANs["dsl"]); n != 3 {
		t.Errorf("%d samples of four ticks", n)
	}
}

func TestObserversAllocateNothing(t *testing.T) {
	feed := history.New().Feed("dsl", nil)
	observers := []control.Observer{
		newEventObserver(slog.New(slog.DiscardHandler), feed, &fakeProbes{mode: probe.ModeICMP}, "dsl.yaml", (&Queues{names: [2]string{"down", "up"}}).describe),
		newHistoryRecorder(feed, nil),
	}
	step, end := &control.Step{}, &control.TickEnd{Took: time.Millisecond}
	dec := &step.Decision
	dec.RTT, dec.Baseline, dec.Alive = 20*time.Millisecond, 20*time.Millisecond, 3
	dec.Directions[0].State, dec.Directions[1].State = autorate.Green, autorate.Green
	tick := func() {
		dec.At += 50 * time.Millisecond
		dec.RTT += time.Microsecond
		for _, o := range observers {
			o.Observe(step)
			o.Observe(end)
		}
	}
	tick()
	if n := testing.AllocsPerRun(20*60, tick); n != 0 { // a minute, with its seconds
		t.Errorf("%v allocations a tick", n)
	}
}

// idleLine is a line on which nothing happens, and its router.
type idleLine struct{ events chan rtt.Event }

func (l idleLine) Events() <-chan rtt.Event { return l.events }
func (l idleLine) Limits(context.Context) (control.Reading, error) {
	return control.Reading{Limits: control.Limits{40 * bitrate.Mbps, 40 * bitrate.Mbps}}, nil
}
func (l idleLine) SetLimits(_ context.Context, want control.Limits) (control.Limits, error) {
	return want, nil
}
func (l idleLine) Counters(context.Context) ([2]autorate.Counters, error) {
	return [2]autorate.Counters{}, nil
}

// A minute of a real loop, looked at while it runs.
func TestHistoryOfALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := idleLine{make(chan rtt.Event)}
		kept := history.New()
		kept.AddWAN("dsl")
		cfg := control.Config{
			Law:    autorate.Config{BaselineInitial: 20 * time.Millisecond},
			Start:  control.Limits{40 * bitrate.Mbps, 40 * bitrate.Mbps},
			Epoch:  time.Now(),
			Prober: line, Limiter: line, Meter: line,
			Observers: []control.Observer{newHistoryRecorder(kept.Feed("dsl", nil), nil)},
		}
		for d := range cfg.Law.Directions {
			cfg.Law.Directions[d] = autorate.DirectionConfig{Ceiling: 40 * bitrate.Mbps, Floor: autorate.FlatFloor(4 * bitrate.Mbps)}
		}
		loop := control.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- kept.Run(ctx) }()
		go func() { ended <- loop.Run(ctx) }()
		var seen int
		var since time.Time
		for range 120 {
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			for _, s := range kept.Since(since).WANs["dsl"] {
				seen++
				since = s.At
				if s.Directions[0].Limit != 40e6 || s.RTT != nil {
					t.Fatalf("%+v", s)
				}
			}
		}
		if seen != 59 && seen != 60 {
			t.Errorf("%d samples in a minute", seen)
		}
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}
