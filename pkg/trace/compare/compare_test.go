package compare

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

const mbps = bitrate.Mbps

// step is one step of a story about the download.
type step struct {
	at     time.Duration
	limit  bitrate.Rate
	state  autorate.State
	reason autorate.Reason
	load   float64
	excess time.Duration
}

func (s step) decision() autorate.Decision {
	d := autorate.Decision{At: s.at, Excess: s.excess}
	d.Directions[autorate.Download] = autorate.DirectionDecision{Limit: s.limit, State: s.state, Reason: s.reason, Load: s.load}
	d.Directions[autorate.Upload] = autorate.DirectionDecision{Limit: 10 * mbps, State: autorate.Green, Reason: autorate.Idle, Load: -1}
	return d
}

func TestTally(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	tally := New(autorate.Config{Target: 15 * ms, Warn: 45 * ms, HardRed: 80 * ms})
	for _, x := range []step{
		{1 * s, 40 * mbps, autorate.Green, autorate.Idle, 0.1, 100 * ms}, // not loaded: not its excess
		{2 * s, 40 * mbps, autorate.Green, autorate.Holding, 0.9, 10 * ms},
		{3 * s, 20 * mbps, autorate.SoftRed, autorate.Cut, 0.9, 50 * ms},
		{5 * s, 20 * mbps, autorate.Yellow, autorate.Draining, 0.9, 16 * ms},
		{6 * s, 30 * mbps, autorate.Green, autorate.Probing, 0.9, 0},
		{6*s + 10*time.Minute, 30 * mbps, autorate.Red, autorate.Probing, 0.9, 90 * ms}, // a hole is no time in a state
		{7*s + 10*time.Minute, 30 * mbps, autorate.Red, autorate.Cut, -1, 90 * ms},
	} {
		tally.Step(autorate.Input{Applied: [2]bitrate.Rate{40 * mbps, 10 * mbps}}, x.decision())
	}
	want := Tally{
		Target: 15 * ms, Warn: 45 * ms, HardRed: 80 * ms, Steps: 7, Span: 6 * s,
		Directions: [2]Direction{
			{
				In: [4]time.Duration{2 * s, 1 * s, 2 * s, 1 * s}, Cuts: 2, Raises: 1, Writes: 2,
				Lowest: 20 * mbps, Mean: (40 + 40 + 20*2 + 20 + 30) * mbps / 6, Loaded: 5, Above: [3]int{3, 2, 1},
			},
			{In: [4]time.Duration{6 * s}, Lowest: 10 * mbps, Mean: 10 * mbps},
		},
	}
	if diff := cmp.Diff(want, *tally, cmpopts.IgnoreUnexported(Tally{}, Direction{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A limit that somebody else set is in force: to follow it costs no write.
func TestAdoptedLimitIsInForce(t *testing.T) {
	tally := New(autorate.Config{})
	in := autorate.Input{Applied: [2]bitrate.Rate{40 * mbps, 10 * mbps}}
	tally.Step(in, step{at: time.Second, limit: 40 * mbps, state: autorate.Green}.decision())
	tally.SetExternally(autorate.Download, 8*mbps)
	tally.Step(in, step{at: 2 * time.Second, limit: 8 * mbps, state: autorate.Green}.decision())
	if n := tally.Directions[autorate.Download].Writes; n != 0 {
		t.Errorf("%d writes, want 0", n)
	}
}

func TestDiffer(t *testing.T) {
	one := step{limit: 40 * mbps, state: autorate.Green, reason: autorate.Holding}
	cut := step{limit: 20 * mbps, state: autorate.Green, reason: autorate.Cut}
	x := Differ{Keep: 2}
	for i, other := range []step{one, cut, cut, one, cut, one, cut, one} {
		a, b := one, other
		a.at, b.at = time.Duration(i), time.Duration(i)
		x.Step(a.decision(), b.decision())
	}
	if x.Count != 3 || x.Steps != 4 || len(x.First) != 2 {
		t.Fatalf("%d partings, %d steps, %d kept; want 3, 4, 2", x.Count, x.Steps, len(x.First))
	}
	if d := x.First[1]; d.At != 4 || d.Direction != autorate.Download || d.Decisions[1].Reason != autorate.Cut {
		t.Errorf("second parting: %+v", d)
	}
}
