package score

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

const step = time.Millisecond

// runs has a p95 of 1..n ms, a utilisation of 0.91.. and a first cut that never
// comes in the last one.
func runs(n int) []simrun.Result {
	var all []simrun.Result
	for i := 1; i <= n; i++ {
		r := simrun.Result{
			Summary: linksim.Summary{P95: time.Duration(i) * step, P99: time.Duration(2*i) * step},
			Own:     linksim.Summary{P95: step},
			Loaded:  [2]bool{true, false}, Idle: [2]bool{false, true},
			Utilisation: [2]float64{0.90 + float64(i)/100, 0}, Kept: [2]float64{0, 0.99},
			Span: 10 * time.Second, Writes: 20,
		}
		r.Reactions = []simrun.Reaction{{Disturbance: simrun.Disturbance{Kind: simrun.CapacityLost}, FirstCut: time.Duration(i) * 100 * step}}
		if i == n {
			r.Reactions[0].FirstCut = simrun.Never
		}
		all = append(all, r)
	}
	return all
}

func TestSpread(t *testing.T) {
	r := New("s", "ours", "api", runs(10))
	number := func(v float64) *float64 { return &v }
	for _, tt := range []struct {
		name string
		got  *Spread
		want *Spread
	}{
		{"p95", r.P95, &Spread{Median: number(5), P10: number(1), P90: number(9)}},
		{"over the jitter", r.OverOwn, &Spread{Median: number(4), P10: number(0), P90: number(8)}},
		{"first cut", r.FirstCut, &Spread{Median: number(500), P10: number(100), P90: number(900)}},
		{"kept", r.Kept, &Spread{Median: number(0.99), P10: number(0.99), P90: number(0.99)}},
		{"writes", r.Writes, &Spread{Median: number(2), P10: number(2), P90: number(2)}},
		{"not loaded", r.UtilisationUp, nil},
		{"did not happen", r.Recovered, nil},
		{"never", New("s", "ours", "api", runs(1)).FirstCut, &Spread{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".values" }, cmp.Ignore())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	b, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(b), `"excess_p95_ms":{"median":5,"p10":1,"p90":9}`) || strings.Contains(string(b), "recovered") {
		t.Errorf("JSON %s, %v", b, err)
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		targets scenario.Targets
		want    []string
		runs    int // of the first miss
	}{
		{"nothing asked", scenario.Targets{}, nil, 0},
		{"met", scenario.Targets{Utilisation: [2]float64{0.95, 0}, P95: 5 * step, P95OverOwn: 4 * step, FirstCut: 500 * step, Kept: 0.98, Writes: 2}, nil, 0},
		{"utilisation", scenario.Targets{Utilisation: [2]float64{0.96, 0.99}}, []string{"utilisation_download"}, 5},
		{"delays", scenario.Targets{P95: 4 * step, P99: 9 * step, P95OverOwn: 3 * step}, []string{"excess_p95_ms", "excess_p99_ms", "excess_over_jitter_p95_ms"}, 6},
		{"reaction", scenario.Targets{FirstCut: 200 * step, Recovered: step}, []string{"first_cut_ms"}, 8},
		{"kept", scenario.Targets{Kept: 0.995}, []string{"idle_kept"}, 10},
		{"no write", scenario.Targets{Quiet: true}, []string{"writes_per_second"}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows := []Row{New("s", "ours", "api", runs(10))}
			CheckTargets(rows, func(string) scenario.Targets { return tt.targets })
			var got []string
			for _, m := range rows[0].Misses {
				got = append(got, m.Measure)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("misses (-want +got):\n%s", diff)
			}
			if len(got) > 0 && rows[0].Misses[0].Runs != tt.runs {
				t.Errorf("in %d runs, want %d", rows[0].Misses[0].Runs, tt.runs)
			}
		})
	}
}

// A scenario measured against another is compared with the same law through the
// same router, and with no other.
func TestJudgeAgainst(t *testing.T) {
	good, bad := runs(10), runs(10)
	for i := range bad {
		bad[i].Utilisation[0] -= 0.06
		bad[i].P95 *= 3
	}
	rows := []Row{New("base", "ours", "api", good), New("s", "ours", "api", bad), New("s", "ours", "rest", bad), New("s", "none", "api", bad)}
	CheckTargets(rows, func(name string) scenario.Targets {
		if name == "s" {
			return scenario.Targets{Against: "base"}
		}
		return scenario.Targets{}
	})
	for i, want := range []int{0, 2, 0, 0} {
		if len(rows[i].Misses) != want {
			t.Errorf("row %d: %+v, want %d misses", i, rows[i].Misses, want)
		}
	}
}
