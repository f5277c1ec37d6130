// Package score sums up runs of one law in one scenario over many seeds, and
// marks the targets that it misses.
package score

import (
	"math"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// Spread is one measure over several runs: the median, and the 10th and 90th
// percentile. A percentile is nil where what was measured never came to pass.
type Spread struct {
	Median *float64  `json:"median"`
	P10    *float64  `json:"p10"`
	P90    *float64  `json:"p90"`
	values []float64 // sorted; +Inf: never
}

// Row is what a law was worth in a scenario. Measures that do not apply are nil.
type Row struct {
	Scenario string `json:"scenario"`
	Law      string `json:"law"`
	Router   string `json:"router"`
	Seeds    int    `json:"seeds"`

	UtilisationDown *Spread `json:"utilisation_download,omitempty"`
	UtilisationUp   *Spread `json:"utilisation_upload,omitempty"`
	P95             *Spread `json:"excess_p95_ms"`
	P99             *Spread `json:"excess_p99_ms"`
	OwnP95          *Spread `json:"jitter_p95_ms"` // of the link's own
	OverOwn         *Spread `json:"excess_over_jitter_p95_ms"`
	Kept            *Spread `json:"idle_kept,omitempty"`
	KeptMin         *Spread `json:"idle_kept_min,omitempty"`
	FirstCut        *Spread `json:"first_cut_ms,omitempty"`
	Below           *Spread `json:"below_capacity_ms,omitempty"`
	Drained         *Spread `json:"drained_ms,omitempty"`
	Recovered       *Spread `json:"recovered_ms,omitempty"`
	Normal          *Spread `json:"normal_ms,omitempty"`
	Writes          *Spread `json:"writes_per_second"`

	Misses []Miss `json:"misses"`
}

// New sums up the runs of a law in a scenario.
func New(scenario, law, router string, runs []simrun.Result) Row {
	r := Row{Scenario: scenario, Law: law, Router: router, Seeds: len(runs), Misses: []Miss{}}
	of := func(value func(simrun.Result) (float64, bool)) *Spread { return spread(runs, value) }
	always := func(value func(simrun.Result) float64) *Spread {
		return of(func(t simrun.Result) (float64, bool) { return value(t), true })
	}
	r.UtilisationDown = of(utilisation(autorate.Download))
	r.UtilisationUp = of(utilisation(autorate.Upload))
	r.P95 = always(func(t simrun.Result) float64 { return ms(t.P95) })
	r.P99 = always(func(t simrun.Result) float64 { return ms(t.P99) })
	r.OwnP95 = always(func(t simrun.Result) float64 { return ms(t.Own.P95) })
	r.OverOwn = always(func(t simrun.Result) float64 { return ms(t.P95 - t.Own.P95) })
	r.Kept = of(kept(func(t simrun.Result) [2]float64 { return t.Kept }))
	r.KeptMin = of(kept(func(t simrun.Result) [2]float64 { return t.KeptMin }))
	r.FirstCut = of(slowest(simrun.CapacityLost, func(a simrun.Reaction) time.Duration { return a.FirstCut }))
	r.Below = of(slowest(simrun.CapacityLost, func(a simrun.Reaction) time.Duration { return a.Below }))
	r.Drained = of(slowest(simrun.CapacityLost, func(a simrun.Reaction) time.Duration { return a.Drained }))
	r.Recovered = of(slowest(simrun.CapacityBack, func(a simrun.Reaction) time.Duration { return a.Recovered }))
	r.Normal = of(slowest(simrun.RouteChanged, func(a simrun.Reaction) time.Duration { return a.Normal }))
	r.Writes = always(simrun.Result.WritesPerSecond)
	return r
}

func utilisation(d autorate.Direction) func(simrun.Result) (float64, bool) {
	return func(t simrun.Result) (float64, bool) { return t.Utilisation[d], t.Loaded[d] }
}

// kept is of the one direction that was idle.
func kept(of func(simrun.Result) [2]float64) func(simrun.Result) (float64, bool) {
	return func(t simrun.Result) (float64, bool) {
		for _, d := range autorate.Directions {
			if t.Idle[d] {
				return of(t)[d], true
			}
		}
		return 0, false
	}
}

// slowest is the worst answer to the moments of a kind.
func slowest(kind simrun.Kind, of func(simrun.Reaction) time.Duration) func(simrun.Result) (float64, bool) {
	return func(t simrun.Result) (worst float64, ok bool) {
		for _, a := range t.Reactions {
			if a.Kind != kind {
				continue
			}
			v := math.Inf(1)
			if d := of(a); d != simrun.Never {
				v = ms(d)
			}
			worst, ok = max(worst, v), true
		}
		return worst, ok
	}
}

func spread(runs []simrun.Result, value func(simrun.Result) (float64, bool)) *Spread {
	var s Spread
	for _, t := range runs {
		if v, ok := value(t); ok {
			s.values = append(s.values, v)
		}
	}
	if len(s.values) == 0 {
		return nil
	}
	slices.Sort(s.values)
	s.P10, s.Median, s.P90 = s.at(0.1), s.at(0.5), s.at(0.9)
	return &s
}

// at is a percentile, by the nearest rank; nil for never.
func (s *Spread) at(q float64) *float64 {
	i := int(math.Ceil(q*float64(len(s.values)))) - 1
	v := s.values[max(0, i)]
	if math.IsInf(v, 1) {
		return nil
	}
	return &v
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
