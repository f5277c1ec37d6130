package actuate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	mbps = bitrate.Mbps
	ms   = time.Millisecond
	tick = 50 * ms
	down = autorate.Download
	up   = autorate.Upload
)

func start() Limits { return Limits{40 * mbps, 10 * mbps} }

func newActuator(change func(*Config)) *Actuator {
	cfg := Config{Start: start(), Tick: tick, Bounds: [2]Bounds{{4 * mbps, 44 * mbps}, {1 * mbps, 11 * mbps}}}
	if change != nil {
		change(&cfg)
	}
	return New(0, cfg)
}

// decision wants limits on a line that is loaded.
func decision(limits Limits) (dec autorate.Decision) {
	for d, limit := range limits {
		dec.Directions[d].Limit, dec.Directions[d].Load = limit, 1
	}
	return dec
}

// decide makes a decision at now and returns the call that it leads to.
func decide(a *Actuator, now time.Duration, limits Limits) Job {
	a.Decide(decision(limits))
	return a.Next(now)
}

func TestNextWritesWhatDiffers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		inForce Limits
		want    Limits
		job     Job
	}{
		{"nothing", start(), start(), Job{}},
		{"one", start(), Limits{20 * mbps, 10 * mbps}, Job{Op: Write, Want: Limits{20 * mbps, 0}}},
		{"both", start(), Limits{20 * mbps, 5 * mbps}, Job{Op: Write, Want: Limits{20 * mbps, 5 * mbps}}},
		{"too little", start(), Limits{40_300_000, 10 * mbps}, Job{}},
		{"little, but out of bounds", Limits{44_100_000, 10 * mbps}, Limits{44 * mbps, 10 * mbps}, Job{Op: Write, Want: Limits{44 * mbps, 0}}},
		{"unlimited before", Limits{}, start(), Job{Op: Write, Want: start()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newActuator(func(c *Config) { c.Start = tt.inForce })
			if diff := cmp.Diff(tt.job, decide(a, tick, tt.want)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// While a call is under way decisions change, and only the newest is written.
func TestNewestDecisionIsWritten(t *testing.T) {
	a := newActuator(nil)
	first := decide(a, tick, Limits{30 * mbps, 10 * mbps})
	for i := range 3 {
		if j := decide(a, time.Duration(i+2)*tick, Limits{20*mbps - bitrate.Rate(i)*mbps, 10 * mbps}); j.Op != None {
			t.Fatalf("%+v while a call is under way", j)
		}
	}
	a.Done(5*tick, Result{Job: first, Limits: Limits{30 * mbps, 10 * mbps}, Took: 4 * tick})
	if diff := cmp.Diff(Job{Op: Write, Want: Limits{18 * mbps, 0}}, a.Next(5*tick)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in := a.Input(); in.Applied != (Limits{30 * mbps, 10 * mbps}) || in.WriteLatency != 4*tick {
		t.Errorf("input %+v", in)
	}
}

func TestLimitsAreReadBack(t *testing.T) {
	a := newActuator(nil)
	var reads []time.Duration
	for now := tick; now <= 31*time.Second; now += tick {
		if j := decide(a, now, start()); j.Op == Read {
			reads = append(reads, now)
			a.Done(now+10*ms, Result{Job: j, Limits: start(), Took: 10 * ms})
		}
	}
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second}, reads); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// After a failure limits are read before anything is written, and the pauses
// grow. What the failed write has asked for is ours, everything else is not.
func TestFailedWrite(t *testing.T) {
	for _, tt := range []struct {
		name     string
		found    Limits
		external [2]bool
	}{
		{"it did nothing", start(), [2]bool{}},
		{"it was done", Limits{20 * mbps, 10 * mbps}, [2]bool{}},
		{"somebody else set both", Limits{30 * mbps, 9 * mbps}, [2]bool{true, true}},
		{"it was done, and somebody set the other", Limits{20 * mbps, 9 * mbps}, [2]bool{false, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newActuator(nil)
			want := Limits{20 * mbps, 10 * mbps}
			now := tick
			j := decide(a, now, want)
			for n := 1; n <= 3; n++ {
				a.Done(now, Result{Job: j, Failed: true})
				if a.Failures() != n {
					t.Fatalf("%d failures, want %d", a.Failures(), n)
				}
				now += backoff.Delay(n)
				if early := decide(a, now-1, want); early.Op != None {
					t.Fatalf("%+v before the pause was over", early)
				}
				if j = decide(a, now, want); j.Op != Read {
					t.Fatalf("%+v after a failure, want a read", j)
				}
			}
			if got := a.Done(now, Result{Job: j, Limits: tt.found, Took: ms}); got != tt.external {
				t.Errorf("external %v, want %v", got, tt.external)
			}
			if a.InForce() != tt.found || a.Failures() != 0 {
				t.Errorf("in force %v after %d failures", a.InForce(), a.Failures())
			}
			if j := a.Next(now); tt.external != [2]bool{} && j.Op != None {
				t.Errorf("%+v over a change that the law does not know yet", j)
			}
			if j := decide(a, now+tick, tt.found); j.Op != None {
				t.Errorf("%+v after the law adopted the limits", j)
			}
		})
	}
}

// A refusal holds back its own direction for minutes, whatever is read meanwhile,
// and only a write of that direction that works ends it.
func TestRefusedDirection(t *testing.T) {
	a := newActuator(nil)
	want := Limits{20 * mbps, 5 * mbps}
	limits := start()
	var refused []time.Duration
	writes := [2]int{}
	for now := tick; now <= 20*time.Minute; now += tick {
		want[up] = 5*mbps + bitrate.Rate(now/time.Second%2)*mbps // the other direction goes on
		j := decide(a, now, want)
		r := Result{Job: j, Took: ms}
		for d := range j.Want {
			switch {
			case j.Want[d] == 0:
			case d == int(down) && now < 15*time.Minute:
				r.Refused[d] = true
				refused = append(refused, now.Round(time.Second))
			default:
				writes[d]++
				limits[d] = j.Want[d]
			}
		}
		r.Limits = limits
		if j.Op != None {
			if external := a.Done(now, r); external != [2]bool{} {
				t.Fatalf("external %v at %v", external, now)
			}
		}
		if n := a.Refused(down); now < 15*time.Minute && (n != len(refused) || a.Failures() != n) || a.Refused(up) != 0 {
			t.Fatalf("%d refusals, %d failures at %v, want %d", n, a.Failures(), now, len(refused))
		}
	}
	const minute = time.Minute
	if diff := cmp.Diff([]time.Duration{0, 1 * minute, 3 * minute, 7 * minute, 12 * minute}, refused); diff != "" {
		t.Errorf("refused writes (-want +got):\n%s", diff)
	}
	if writes[down] != 1 || writes[up] < 1100 || a.Failures() != 0 || a.InForce()[down] != 20*mbps {
		t.Errorf("writes %v, %d failures, in force %v", writes, a.Failures(), a.InForce())
	}
}

// One direction is refused while the outcome of the other is unknown: limits are
// read before the other is written again.
func TestRefusedAndUnknown(t *testing.T) {
	a := newActuator(nil)
	want := Limits{20 * mbps, 5 * mbps}
	j := decide(a, tick, want)
	a.Done(tick, Result{Job: j, Failed: true, Refused: [2]bool{true, false}})
	now := tick + backoff.Delay(1)
	if j = decide(a, now, want); j.Op != Read {
		t.Fatalf("%+v, want a read", j)
	}
	if external := a.Done(now, Result{Job: j, Limits: Limits{40 * mbps, 5 * mbps}}); external != [2]bool{} {
		t.Errorf("external %v", external)
	}
	if j = decide(a, now, want); j.Op != None {
		t.Errorf("%+v, want nothing: the upload is as wanted, the download was refused", j)
	}
	if j = decide(a, now+backoff.RefusalDelay(1), want); j.Op == Read {
		a.Done(now, Result{Job: j, Limits: Limits{40 * mbps, 5 * mbps}})
		j = decide(a, now+backoff.RefusalDelay(1), want)
	}
	if j.Op != Write || j.Want != (Limits{20 * mbps, 0}) {
		t.Errorf("%+v after the pause, want a write of the download", j)
	}
}

// What the router answers with another limit than asked for is read back at once.
func TestRefusalIsReadBack(t *testing.T) {
	a := newActuator(nil)
	j := decide(a, tick, Limits{20 * mbps, 10 * mbps})
	a.Done(tick, Result{Job: j, Refused: [2]bool{true, false}})
	if j = decide(a, 2*tick, Limits{20 * mbps, 10 * mbps}); j.Op != Read {
		t.Fatalf("%+v, want a read", j)
	}
	if external := a.Done(2*tick, Result{Job: j, Limits: Limits{25 * mbps, 10 * mbps}}); external != [2]bool{true, false} {
		t.Errorf("external %v", external)
	}
	if j = decide(a, 3*tick, Limits{20 * mbps, 10 * mbps}); j.Op != None {
		t.Errorf("%+v during the pause", j)
	}
	a.SetBounds([2]Bounds{}) // a reload tries again
	if j = decide(a, 4*tick, Limits{20 * mbps, 10 * mbps}); j.Op != Write {
		t.Errorf("%+v after a reload, want a write", j)
	}
}

// A queue that is absent is not written; one that comes back is, at once.
func TestAbsentQueue(t *testing.T) {
	a := newActuator(nil)
	want := Limits{20 * mbps, 5 * mbps}
	j := decide(a, tick, want)
	a.Done(tick, Result{Job: j, Refused: [2]bool{true, false}, Limits: Limits{0, 5 * mbps}}) // not found
	j = decide(a, 2*tick, want)
	a.Done(2*tick, Result{Job: j, Limits: Limits{0, 5 * mbps}, Faults: [2]Fault{Absent, Disabled}})
	if a.Faults() != [2]Fault{Absent, Disabled} || a.InForce() != (Limits{40 * mbps, 5 * mbps}) {
		t.Fatalf("%v, in force %v", a.Faults(), a.InForce())
	}
	var writes []Limits
	for now := 3 * tick; now < 20*time.Second; now += tick {
		j = decide(a, now, Limits{20 * mbps, 4 * mbps})
		switch j.Op {
		case None:
		case Write:
			writes = append(writes, j.Want)
			a.Done(now, Result{Job: j, Limits: j.Want})
		case Read:
			faults := [2]Fault{Absent, Disabled}
			if now > 15*time.Second {
				t.Fatalf("read at %v", now)
			}
			if now > 10*time.Second {
				faults[down] = NoFault
			}
			external := a.Done(now, Result{Job: j, Limits: Limits{100 * mbps, 4 * mbps}, Faults: faults})
			if external != [2]bool{faults[down] == NoFault, false} {
				t.Fatalf("external %v at %v", external, now)
			}
		}
	}
	if diff := cmp.Diff([]Limits{{0, 4 * mbps}, {20 * mbps, 0}}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestNothingIsWrittenBeforeTheFirstDecision(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Actuator)
	}{
		{"new bounds", func(a *Actuator) { a.SetBounds([2]Bounds{{1 * mbps, 10 * mbps}, {1 * mbps, 10 * mbps}}) }},
		{"an external change", func(a *Actuator) { a.SetExternally(down, 5*mbps) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newActuator(nil)
			a.Decide(decision(Limits{30 * mbps, 9 * mbps}))
			tt.change(a)
			if j := a.Next(tick); j.Op != None {
				t.Errorf("%+v", j)
			}
			if j := decide(a, 2*tick, Limits{8 * mbps, 8 * mbps}); j.Op != Write {
				t.Errorf("%+v after the next decision, want a write", j)
			}
		})
	}
}

// A raise that has to wait is reported once, and written when there is room.
func TestDeferredRaises(t *testing.T) {
	a := newActuator(func(c *Config) { c.Bounds = [2]Bounds{} })
	deferred, writes := 0, 0
	for now := tick; now <= 4*time.Second; now += tick {
		limit := 10*mbps + bitrate.Rate(now/tick)*200*bitrate.Kbps
		j := decide(a, now, Limits{40 * mbps, min(limit, 40*mbps)})
		if j.Deferred[down] {
			t.Fatal("the download is deferred")
		}
		if j.Deferred[up] {
			deferred++
		}
		if j.Op == Write {
			writes++
			a.Done(now, Result{Job: j, Limits: Limits{40 * mbps, j.Want[up]}, Took: ms})
		}
	}
	if writes < 18 || writes > 20 {
		t.Errorf("%d writes in 4 s, want 8 at once and 2.9 a second", writes)
	}
	if deferred < 9 || deferred > writes {
		t.Errorf("%d deferrals begin between %d writes", deferred, writes)
	}
}

func TestDryRun(t *testing.T) {
	a := newActuator(func(c *Config) { c.DryRun = true })
	j := decide(a, tick, Limits{20 * mbps, 10 * mbps})
	a.Done(tick, Result{Job: j, Limits: j.Want})
	if a.InForce() != (Limits{20 * mbps, 10 * mbps}) || a.Input().WriteLatency != presumedLatency {
		t.Errorf("pretended: %+v", a.Input())
	}
	j = decide(a, 10*time.Second, Limits{20 * mbps, 10 * mbps})
	if j.Op != Read {
		t.Fatalf("%+v, want a read", j)
	}
	if external := a.Done(10*time.Second+ms, Result{Job: j, Limits: start(), Took: ms}); external != [2]bool{} {
		t.Errorf("external %v: the limits of a dry run are pretended", external)
	}
	if a.InForce() != (Limits{20 * mbps, 10 * mbps}) || a.Input().WriteLatency != ms {
		t.Errorf("after reading: %+v", a.Input())
	}
}

// How often counters are polled, by the state of the line and the time that the
// router takes.
func TestPolls(t *testing.T) {
	loaded, idle, queueing := decision(start()), decision(start()), decision(start())
	for d := range idle.Directions {
		idle.Directions[d].Load = 0.01
	}
	idle.Threshold = ms
	queueing.Excess = 10 * ms
	for _, tt := range []struct {
		name  string
		dec   autorate.Decision
		took  time.Duration
		fails bool
		polls int // in ten seconds
	}{
		{"loaded", loaded, 5 * ms, false, 100},
		{"idle", idle, 5 * ms, false, 50},
		{"queueing", queueing, 5 * ms, false, 200},
		{"slow router", loaded, 120 * ms, false, 29},
		{"slow router, queueing", queueing, 120 * ms, false, 29},
		{"failing", queueing, 5 * ms, true, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newActuator(nil)
			polls := 0
			answer := time.Duration(-1)
			for now := tick; now <= 10*time.Second; now += tick {
				if answer >= 0 && answer <= now {
					if tt.fails {
						a.PollFailed(answer, tt.took)
					} else {
						a.Polled(answer, tt.took, [2]autorate.Counters{})
						if r := a.Input().Readings; r[len(r)-1].At != answer-tt.took/2 {
							t.Fatalf("reading at %v of an answer at %v after %v", r[len(r)-1].At, answer, tt.took)
						}
					}
					answer = -1
				}
				a.Decide(tt.dec)
				if a.PollDue(now) {
					polls++
					answer = now + tt.took
					if a.PollDue(now) {
						t.Fatal("two polls at once")
					}
				}
			}
			if d := polls - tt.polls; d < -1 || d > 1 {
				t.Errorf("%d polls in 10 s, want %d", polls, tt.polls)
			}
		})
	}
}

// A law that does not decide for long gets the newest readings only.
func TestReadingsAreBounded(t *testing.T) {
	a := newActuator(nil)
	for i := range 100 {
		a.Polled(time.Duration(i)*time.Second, 0, [2]autorate.Counters{})
	}
	r := a.Input().Readings
	if len(r) != maxReadings || r[0].At != (100-maxReadings)*time.Second || r[maxReadings-1].At != 99*time.Second {
		t.Errorf("%d readings: %v", len(r), r)
	}
	a.Decide(decision(start()))
	if n := len(a.Input().Readings); n != 0 {
		t.Errorf("%d readings after a decision", n)
	}
}

func TestSteadyTickAllocatesNothing(t *testing.T) {
	a := newActuator(nil)
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += tick
		limits := start()
		limits[down] -= bitrate.Rate(now/tick%2) * 10 * mbps
		if j := decide(a, now, limits); j.Op != None {
			a.Done(now+ms, Result{Job: j, Limits: limits, Took: ms})
		}
		if a.PollDue(now) {
			a.Polled(now+ms, ms, [2]autorate.Counters{})
		}
		_ = a.Input()
	}); n != 0 {
		t.Errorf("a tick allocates %v times", n)
	}
}
