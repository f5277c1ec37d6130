package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// Every scenario can be run, and says what it is.
func TestEveryScenarioRuns(t *testing.T) {
	names := map[string]bool{}
	for _, s := range slices.Concat(Standard(), Field(), Matrix()) {
		t.Run(s.Name, func(t *testing.T) {
			if names[s.Name] || s.About == "" || s.Baseline <= 0 || s.From >= s.To {
				t.Errorf("twice, or incomplete: %+v", s)
			}
			names[s.Name] = true
			if found, ok := Find(s.Name); !ok || found.About != s.About {
				t.Error("cannot be found")
			}
			if a := s.Targets.Against; a != "" {
				if base, ok := Find(a); !ok || base.Targets.Against != "" {
					t.Errorf("measured against %q", a)
				}
			}
			for _, d := range autorate.Directions {
				if s.Floor[d] <= 0 || s.Ceiling[d] <= s.Floor[d] {
					t.Errorf("%v: floor %v, ceiling %v", d, s.Floor[d], s.Ceiling[d])
				}
				if least := s.Least(1, d); least <= 0 || least > s.Ceiling[d] {
					t.Errorf("%v: lowest capacity %v", d, least)
				}
			}
			for _, m := range s.Disturbances {
				if m.At <= s.From || m.At >= s.To {
					t.Errorf("a moment at %v, judged from %v to %v", m.At, s.From, s.To)
				}
			}
			run := s.Simulation(1, s.Law(), simrun.Routers()[1], nil)
			r := run.Run(0, 6*time.Second)
			for _, d := range autorate.Directions {
				if u := r.Utilisation[d]; r.Loaded[d] && (u < 0.05 || u > 1.001) {
					t.Errorf("%v: utilisation %.2f", d, u)
				}
			}
		})
	}
}

// A handover moves RTT and capacity in the same moment.
func TestHandoverMovesRTTAndCapacity(t *testing.T) {
	for _, name := range []string{"lte", "starlink"} {
		s, _ := Find(name)
		c := s.Config(3)
		moves := 0
		last := c.BaseRTT(0)
		for at := time.Duration(0); at < 5*time.Minute; at += time.Millisecond {
			base := c.BaseRTT(at)
			if base == last {
				continue
			}
			last = base
			moves++
			before, then := c.Capacity[down](at-time.Millisecond), c.Capacity[down](at)
			if then > before/2 {
				t.Errorf("%s: at %v the RTT moves and the capacity goes from %v to %v: no pause", name, at, before, then)
			}
		}
		if moves < 8 || moves > 40 {
			t.Errorf("%s: %d handovers in five minutes", name, moves)
		}
	}
}

func TestLeastCapacity(t *testing.T) {
	s, _ := Find("step-download")
	if got := s.Least(1, down); got != 16*bitrate.Mbps {
		t.Errorf("download: %v", got)
	}
	if got := s.Least(1, up); got != 10*bitrate.Mbps {
		t.Errorf("upload: %v", got)
	}
}

// adopting counts what a law is told that somebody else has set.
type adopting struct {
	*autorate.Law
	n int
}

func (a *adopting) SetExternally(d autorate.Direction, r bitrate.Rate) {
	a.n++
	a.Law.SetExternally(d, r)
}

// The scenario of a foreign limit is about adopting it.
func TestForeignIsAdopted(t *testing.T) {
	s, _ := Find("foreign")
	for seed := range uint64(5) {
		for _, router := range simrun.Routers() {
			a := &adopting{Law: s.Law()}
			s.Simulation(seed, a, router, nil).Run(s.From, 35*time.Second)
			if a.n != 1 {
				t.Errorf("seed %d, %s: %d limits adopted, want the one set in the break", seed, router.Name, a.n)
			}
		}
	}
}

// Where a firewall drops most echo replies, those that come are as good as ever: the
// line is used as if all were answered, and no more is cut.
func TestFewEchoRepliesCostLittle(t *testing.T) {
	for _, name := range []string{"fixed-download", "fixed-upload", "both-fixed", "fibre/step/download", "cable/step/download", "dsl/step/download"} {
		t.Run(name, func(t *testing.T) {
			s, ok := Find(name)
			if !ok {
				t.Fatal("no such scenario")
			}
			few := s
			few.Config = func(seed uint64) linksim.Config {
				c := s.Config(seed)
				c.Fault = linksim.EchoLimit(5, 10)
				return c
			}
			run := func(s Scenario) simrun.Result {
				return s.Simulation(1, s.Law(), simrun.Routers()[0], nil).Run(s.From, s.To)
			}
			all, limited := run(s), run(few)
			for _, d := range autorate.Directions {
				if u, want := limited.Utilisation[d], all.Utilisation[d]-0.05; u < want {
					t.Errorf("%v: utilisation %.3f, at least %.3f wanted", d, u, want)
				}
			}
			if most := all.Cuts + all.Cuts/2; limited.Cuts > most {
				t.Errorf("%d cuts, and %d where every echo is answered", limited.Cuts, all.Cuts)
			}
		})
	}
}

// About a third of the field is set aside, each by a name that exists.
func TestHeldOut(t *testing.T) {
	aside := map[string]bool{}
	for _, s := range Field() {
		if s.HeldOut() {
			aside[s.Name] = true
		}
	}
	if n, all := len(aside), len(Field()); 4*n < all || 2*n > all {
		t.Errorf("%d of %d scenarios are set aside", n, all)
	}
	for _, name := range heldOut {
		if !aside[name] {
			t.Errorf("no scenario %q", name)
		}
	}
	if s, ok := Find("satellite/steady/both"); !ok || !s.HeldOut() {
		t.Error("a kind that is set aside is tuned on in the matrix")
	}
}

// With spares, reflectors that turn bad cost next to nothing.
func TestSparesReplaceBadReflectors(t *testing.T) {
	result := func(name string) simrun.Result {
		s, ok := Find(name)
		if !ok {
			t.Fatalf("no scenario %s", name)
		}
		return s.Simulation(1, s.Law(), simrun.Routers()[0], nil).Run(s.From, s.To)
	}
	good := result("spares-good")
	for _, s := range spares()[1:] {
		r := result(s.Name)
		if r.Utilisation[down] < good.Utilisation[down]-0.05 || r.P95 > good.P95+3*time.Millisecond {
			t.Errorf("%s: utilisation %.3f and %v, with good reflectors %.3f and %v",
				s.Name, r.Utilisation[down], r.P95, good.Utilisation[down], good.P95)
		}
	}
}
