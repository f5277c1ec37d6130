package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// What holds on every line, under every load, through every router.
func TestLimitsStayInBounds(t *testing.T) {
	// Each list is dealt to the routers by itself, so that a scenario that is added to
	// one of them gives the others no other router.
	for _, list := range [][]scenario.Scenario{scenario.Standard(), scenario.Field(), scenario.Matrix()} {
		for i, s := range list {
			router := simrun.Routers()[i%len(simrun.Routers())]
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				stayInBounds(t, s, router)
			})
		}
	}
}

func stayInBounds(t *testing.T, s scenario.Scenario, router simrun.Router) {
	r := s.Simulation(1, s.Law(), router, nil).Run(s.From, min(s.To, 35*time.Second))
	for _, d := range autorate.Directions {
		if r.LimitMin[d] < s.Floor[d] || r.LimitMax[d] > s.Ceiling[d] {
			// Somebody else may set what the law may not.
			if foreign := s.Name == "foreign"; !foreign {
				t.Errorf("%v limit between %v and %v", d, r.LimitMin[d], r.LimitMax[d])
			}
		}
		if r.Idle[d] && r.Kept[d] < 0.98 && r.LimitMin[d] < s.Ceiling[d] {
			t.Errorf("%s: idle %v keeps %.2f, cut to %v", router.Name, d, r.Kept[d], r.LimitMin[d])
		}
	}
}

func TestIdleLinkIsNotChanged(t *testing.T) {
	s, _ := scenario.Find("idle")
	for seed := range uint64(3) {
		r := s.Simulation(seed, s.Law(), simrun.Routers()[1], nil).Run(s.From, s.To)
		if r.Writes > 0 {
			t.Errorf("seed %d: %d writes in an idle hour", seed, r.Writes)
		}
	}
}
