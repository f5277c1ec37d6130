package score

import (
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
)

// Miss is a target that the median of the runs does not meet.
type Miss struct {
	Measure string   `json:"measure"` // the name of the field in the row
	Got     *float64 `json:"got"`     // nil: never
	Want    float64  `json:"want"`
	AtLeast bool     `json:"at_least"` // otherwise at most
	Runs    int      `json:"runs"`     // that miss it
}

// CheckTargets records in each row the targets that it misses. Rows of scenarios
// that others are measured against must be among them.
func CheckTargets(rows []Row, targets func(name string) scenario.Targets) {
	for i := range rows {
		r := &rows[i]
		t := targets(r.Scenario)
		r.checkAll(t)
		if t.Against == "" {
			continue
		}
		for _, base := range rows {
			if base.Scenario == t.Against && base.Law == r.Law && base.Router == r.Router {
				r.checkAgainst(base)
			}
		}
	}
}

func (r *Row) checkAll(t scenario.Targets) {
	r.atLeast("utilisation_download", r.UtilisationDown, t.Utilisation[0])
	r.atLeast("utilisation_upload", r.UtilisationUp, t.Utilisation[1])
	for _, most := range []struct {
		name string
		got  *Spread
		want time.Duration
	}{
		{"excess_p95_ms", r.P95, t.P95},
		{"excess_p99_ms", r.P99, t.P99},
		{"excess_over_jitter_p95_ms", r.OverOwn, t.P95OverOwn},
		{"first_cut_ms", r.FirstCut, t.FirstCut},
		{"below_capacity_ms", r.Below, t.Below},
		{"drained_ms", r.Drained, t.Drained},
		{"recovered_ms", r.Recovered, t.Recovered},
		{"normal_ms", r.Normal, t.Normal},
	} {
		if most.want > 0 {
			r.atMost(most.name, most.got, ms(most.want))
		}
	}
	r.atLeast("idle_kept", r.Kept, t.Kept)
	if t.Writes > 0 || t.Quiet {
		r.atMost("writes_per_second", r.Writes, t.Writes)
	}
}

// compare holds r to what base achieved.
func (r *Row) checkAgainst(base Row) {
	if base.UtilisationDown != nil && base.UtilisationDown.Median != nil {
		r.atLeast("utilisation_download", r.UtilisationDown, *base.UtilisationDown.Median-scenario.AgainstUtilisation)
	}
	if base.UtilisationUp != nil && base.UtilisationUp.Median != nil {
		r.atLeast("utilisation_upload", r.UtilisationUp, *base.UtilisationUp.Median-scenario.AgainstUtilisation)
	}
	if base.P95 != nil && base.P95.Median != nil {
		r.atMost("excess_p95_ms", r.P95, *base.P95.Median*scenario.AgainstP95)
	}
}

func (r *Row) atLeast(name string, got *Spread, want float64) {
	if want > 0 {
		r.check(name, got, want, true, func(v float64) bool { return v < want })
	}
}

func (r *Row) atMost(name string, got *Spread, want float64) {
	r.check(name, got, want, false, func(v float64) bool { return v > want })
}

func (r *Row) check(name string, got *Spread, want float64, atLeast bool, bad func(float64) bool) {
	if got == nil {
		return
	}
	runs := 0
	for _, v := range got.values {
		if bad(v) {
			runs++
		}
	}
	median := math.Inf(1)
	if got.Median != nil {
		median = *got.Median
	}
	if bad(median) {
		r.Misses = append(r.Misses, Miss{Measure: name, Got: got.Median, Want: want, AtLeast: atLeast, Runs: runs})
	}
}
