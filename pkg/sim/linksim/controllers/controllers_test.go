package controllers

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

const ms1 = time.Millisecond

func play(t *testing.T, law, name string) simrun.Result {
	t.Helper()
	s, ok := scenario.Find(name)
	l, known := Find(law)
	if !ok || !known {
		t.Fatalf("no law %q or scenario %q", law, name)
	}
	c, start := l.New(s, 1)
	run := s.Simulation(1, c, simrun.Routers()[0], &start)
	run.Unmetered = l.Unmetered()
	r := run.Run(s.From, s.To)
	for _, d := range autorate.Directions {
		if c != nil && (r.LimitMin[d] < s.Floor[d] || r.LimitMax[d] > s.Ceiling[d]) {
			t.Errorf("%s in %s: %v limit between %v and %v", law, name, d, r.LimitMin[d], r.LimitMax[d])
		}
	}
	return r
}

func TestNoControlBloats(t *testing.T) {
	if r := play(t, "none", "step-download"); r.P95 < 300*ms1 || r.Utilisation[0] < 0.99 {
		t.Errorf("p95 %v, utilisation %.2f", r.P95, r.Utilisation[0])
	}
}

func TestFixedLimitWastesCapacity(t *testing.T) {
	if r := play(t, "fixed", "step-download"); r.P95 > 8*ms1 || r.Utilisation[0] > 0.55 || r.Writes > 0 {
		t.Errorf("p95 %v, utilisation %.2f, %d writes", r.P95, r.Utilisation[0], r.Writes)
	}
}

// The threshold law keeps the delay near its first threshold, takes the idle
// direction along, and stays down for ever on a longer route.
func TestThreshold(t *testing.T) {
	r := play(t, "threshold", "step-download")
	if r.P95 < 10*ms1 || r.P95 > 40*ms1 || r.Kept[1] > 0.9 {
		t.Errorf("p95 %v, the idle upload keeps %.2f", r.P95, r.Kept[1])
	}
	if a := r.Reactions[0]; a.Below == simrun.Never || a.Below > 2*time.Second {
		t.Errorf("at the new capacity after %v", a.Below)
	}
	if r := play(t, "threshold", "route"); r.Utilisation[0] > 0.6 || r.Reactions[0].Normal != simrun.Never {
		t.Errorf("on the longer route utilisation %.2f, normal after %v", r.Utilisation[0], r.Reactions[0].Normal)
	}
	if r := play(t, "threshold", "fixed-download"); r.Utilisation[0] < 0.9 {
		t.Errorf("utilisation %.2f of a capacity that stays", r.Utilisation[0])
	}
}

// The other one tolerates a queue of about its threshold both ways, is at the
// new capacity in one to two seconds, and takes the idle direction along.
func TestAutorateLike(t *testing.T) {
	r := play(t, "cake-autorate", "step-download")
	if r.P95 < 40*ms1 || r.P95 > 120*ms1 || r.Kept[1] > 0.5 {
		t.Errorf("p95 %v, the idle upload keeps %.2f", r.P95, r.Kept[1])
	}
	if a := r.Reactions[0]; a.Below == simrun.Never || a.Below < 500*ms1 || a.Below > 2500*ms1 {
		t.Errorf("at the new capacity after %v", a.Below)
	}
	if u := r.Utilisation[0]; u < 0.85 {
		t.Errorf("utilisation %.2f", u)
	}
}

func TestLawNames(t *testing.T) {
	seen := map[string]bool{}
	for i, l := range Laws() {
		if seen[l.Name] || l.About == "" || (i == 0) != (l.Name == Ours) {
			t.Errorf("law %d: %q, %q", i, l.Name, l.About)
		}
		seen[l.Name] = true
	}
	if _, ok := Find("magic"); ok {
		t.Error("found a law that does not exist")
	}
}
