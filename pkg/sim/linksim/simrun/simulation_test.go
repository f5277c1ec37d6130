package simrun

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

const (
	mbit = bitrate.Mbps
	ms   = time.Millisecond
	down = autorate.Download
	up   = autorate.Upload
)

// scripted wants what a function of time says, and remembers what it saw.
type scripted struct {
	want     func(time.Duration) [2]bitrate.Rate
	readings []autorate.Reading
	latency  time.Duration
	applied  [2]bitrate.Rate
	adopted  []time.Duration
	now      time.Duration
}

func (s *scripted) Step(now time.Duration, in autorate.Input) (dec autorate.Decision) {
	s.now = now
	s.readings = append(s.readings, in.Readings...)
	s.latency, s.applied = in.WriteLatency, in.Applied
	for d, limit := range s.want(now) {
		dec.Directions[d].Limit, dec.Directions[d].Load = limit, 1
	}
	return dec
}

func (s *scripted) SetExternally(autorate.Direction, bitrate.Rate) {
	s.adopted = append(s.adopted, s.now)
}

func link(change func(*linksim.Config)) *linksim.Link {
	cfg := linksim.Config{
		BaseRTT:  linksim.Constant(24 * ms),
		Capacity: [2]func(time.Duration) bitrate.Rate{linksim.Constant(40 * mbit), linksim.Constant(10 * mbit)},
		Buffer:   [2]int{1_200_000, 300_000},
		Limit:    [2]bitrate.Rate{36 * mbit, 9 * mbit},
		Flows:    [2]func(time.Duration) int{linksim.Constant(4), nil},
	}
	if change != nil {
		change(&cfg)
	}
	return linksim.New(cfg)
}

func steady(down, up bitrate.Rate) func(time.Duration) [2]bitrate.Rate {
	return linksim.Constant([2]bitrate.Rate{down, up})
}

func exactly(d time.Duration) func(*rand.Rand) time.Duration {
	return func(*rand.Rand) time.Duration { return d }
}

func TestWritesTakeTheRoutersTime(t *testing.T) {
	c := &scripted{want: linksim.Steps([2]bitrate.Rate{36 * mbit, 9 * mbit},
		linksim.At[[2]bitrate.Rate]{Time: time.Second, Value: [2]bitrate.Rate{20 * mbit, 9 * mbit}})}
	run := Simulation{Link: link(nil), Controller: c, Router: Router{Latency: exactly(40 * ms)}}
	r := run.Run(0, 2*time.Second)
	if len(r.Changes) != 1 || r.Changes[0].At != time.Second+40*ms || r.Changes[0].Limit != 20*mbit {
		t.Errorf("changes %+v, want one to 20M after 1.04 s", r.Changes)
	}
	if r.Writes != 1 || r.Cuts != 1 || r.Raises != 0 || r.LimitMin[down] != 20*mbit {
		t.Errorf("%d writes, %d cuts, %d raises, lowest %v", r.Writes, r.Cuts, r.Raises, r.LimitMin[down])
	}
}

// On a router that deals with one request at a time, a write waits for the poll
// before it, and polls are few.
func TestSerialRouterMakesRequestsWait(t *testing.T) {
	busy := func(serial bool) (polls int, latency time.Duration) {
		step := 0
		c := &scripted{want: func(time.Duration) [2]bitrate.Rate {
			step++
			return [2]bitrate.Rate{36*mbit - bitrate.Rate(step%2)*4*mbit, 9 * mbit}
		}}
		run := Simulation{Link: link(nil), Controller: c, Router: Router{Latency: exactly(120 * ms), Serial: serial}}
		run.Run(0, 20*time.Second)
		return len(c.readings), c.latency
	}
	alonePolls, alone := busy(false)
	polls, latency := busy(true)
	if alone != 120*ms || latency <= 120*ms {
		t.Errorf("writes take %v side by side with polls, %v one at a time", alone, latency)
	}
	if polls >= alonePolls || polls < 20 {
		t.Errorf("%d polls in 20 s, and %d where requests do not wait", polls, alonePolls)
	}
}

func TestRefusedWriteIsTriedAgain(t *testing.T) {
	c := &scripted{want: steady(20*mbit, 9*mbit)}
	run := Simulation{Link: link(nil), Controller: c, Router: Router{
		Latency: exactly(5 * ms), Refuses: func(t time.Duration) bool { return t < 3*time.Second },
	}}
	r := run.Run(0, 10*time.Second)
	if len(r.Changes) != 1 || r.Changes[0].At < 3*time.Second || r.Changes[0].At > 6*time.Second {
		t.Errorf("changes %+v, want one soon after 3 s", r.Changes)
	}
	if run.Link.Limit(down) != 20*mbit || c.applied[down] != 20*mbit {
		t.Errorf("limit %v, the controller believes %v", run.Link.Limit(down), c.applied[down])
	}
}

func TestRebootKeepsLimitsAndResetsCounters(t *testing.T) {
	c := &scripted{want: linksim.Steps([2]bitrate.Rate{36 * mbit, 9 * mbit},
		linksim.At[[2]bitrate.Rate]{Time: 31 * time.Second, Value: [2]bitrate.Rate{20 * mbit, 9 * mbit}})}
	run := Simulation{Link: link(nil), Controller: c, Router: Router{
		Latency: exactly(5 * ms), Down: linksim.During(false, true, 30*time.Second, 50*time.Second),
	}}
	r := run.Run(0, 70*time.Second)
	if len(r.Changes) != 1 || r.Changes[0].At < 50*time.Second || r.Changes[0].At > 65*time.Second {
		t.Errorf("changes %+v, want one after the reboot", r.Changes)
	}
	restarted := false
	for i, reading := range c.readings {
		if reading.At > 30*time.Second && reading.At < 50*time.Second {
			t.Errorf("a reading at %v, during the reboot", reading.At)
		}
		if i > 0 && reading.Queues[down].Bytes < c.readings[i-1].Queues[down].Bytes {
			restarted = true
		}
	}
	if !restarted {
		t.Error("the counters went on as if nothing had happened")
	}
}

func TestForeignChangeIsAdopted(t *testing.T) {
	c := &scripted{}
	run := Simulation{Link: link(nil), Controller: c, Router: Router{
		Latency: exactly(5 * ms), Foreign: []Change{{At: 12 * time.Second, Direction: up, Limit: 4 * mbit}},
	}}
	c.want = func(time.Duration) [2]bitrate.Rate {
		if len(c.adopted) > 0 {
			return [2]bitrate.Rate{36 * mbit, 4 * mbit}
		}
		return [2]bitrate.Rate{36 * mbit, 9 * mbit}
	}
	r := run.Run(0, 25*time.Second)
	if r.Writes != 0 {
		t.Errorf("%d writes over a limit that was adopted: %+v", r.Writes, r.Changes)
	}
	if len(c.adopted) != 1 || c.adopted[0] < 20*time.Second || c.adopted[0] > 21*time.Second {
		t.Errorf("adopted at %v, want once after reading back at 20 s", c.adopted)
	}
}

// A run whose outcome is known.
func TestMeasures(t *testing.T) {
	const lost, back = 10 * time.Second, 20 * time.Second
	c := &scripted{want: linksim.Steps([2]bitrate.Rate{36 * mbit, 9 * mbit},
		linksim.At[[2]bitrate.Rate]{Time: lost + 500*ms, Value: [2]bitrate.Rate{20 * mbit, 9 * mbit}},
		linksim.At[[2]bitrate.Rate]{Time: lost + time.Second, Value: [2]bitrate.Rate{8 * mbit, 4 * mbit}},
		linksim.At[[2]bitrate.Rate]{Time: back + 3*time.Second, Value: [2]bitrate.Rate{38 * mbit, 9 * mbit}})}
	run := Simulation{
		Link: link(func(c *linksim.Config) {
			c.Capacity[down] = linksim.During(40*mbit, 16*mbit, lost, back)
		}),
		Controller: c, Router: Router{Latency: exactly(5 * ms)},
		Disturbances: []Disturbance{{lost, down, CapacityLost}, {back, down, CapacityBack}, {lost, down, RouteChanged}},
	}
	r := run.Run(2*time.Second, 30*time.Second)
	near := func(what string, got, want, within time.Duration) {
		t.Helper()
		if got < want-within || got > want+within {
			t.Errorf("%s %v, want %v", what, got, want)
		}
	}
	near("first cut", r.Reactions[0].FirstCut, 505*ms, ms)
	near("below", r.Reactions[0].Below, 1005*ms, ms)
	if d := r.Reactions[0].Drained; d < 1005*ms || d > 3*time.Second {
		t.Errorf("drained after %v", d)
	}
	near("recovered", r.Reactions[1].Recovered, 4*time.Second, time.Second)
	near("normal", r.Reactions[2].Normal, 13*time.Second, 50*ms)
	if !r.Loaded[down] || r.Loaded[up] || !r.Idle[up] || r.Idle[down] {
		t.Errorf("loaded %v, idle %v", r.Loaded, r.Idle)
	}
	// 4 of 10 Mbit/s for 12 of 28 s, and 9 otherwise.
	if want := (0.4*12 + 0.9*16) / 28; r.KeptMin[up] != 0.4 || r.Kept[up] < want-0.02 || r.Kept[up] > want+0.02 {
		t.Errorf("the idle upload kept %.3f, at least %.3f; want %.3f and 0.4", r.Kept[up], r.KeptMin[up], want)
	}
	if u := r.Utilisation[down]; u < 0.7 || u > 0.85 {
		t.Errorf("utilisation %.3f", u)
	}
	if r.Reactions[0].Recovered != 0 {
		t.Error("a loss of capacity recovers")
	}
}

func TestInvariants(t *testing.T) {
	run := Simulation{
		Link:         link(func(c *linksim.Config) { c.Capacity[down] = linksim.During(40*mbit, 16*mbit, 5*time.Second, time.Hour) }),
		Disturbances: []Disturbance{{5 * time.Second, down, CapacityLost}, {6 * time.Second, down, RouteChanged}},
	}
	r := run.Run(0, 15*time.Second)
	if a := r.Reactions[0]; a.FirstCut != Never || a.Below != Never || a.Drained != Never {
		t.Errorf("without a controller: %+v", a)
	}
	if a := r.Reactions[1]; a.Normal != 0 {
		t.Errorf("a limit that stays is not normal after %v", a.Normal)
	}
	if r.Writes != 0 || r.WritesPerSecond() != 0 {
		t.Errorf("%d writes by nobody", r.Writes)
	}
}

func TestCancelEndsARun(t *testing.T) {
	n := 0
	run := Simulation{Link: link(nil), Stop: func() bool { n++; return n > 10 }}
	run.Run(0, time.Hour)
	if now := run.Link.Now(); now > time.Second {
		t.Errorf("stopped at %v", now)
	}
}
