//go:build linux

package lab_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/wanctl/wanctl/pkg/lab/labrun"
)

const oracleName = "oracle .95"

// demand is what is asked of the program in a trial. Zero fields ask nothing.
type demand struct {
	use, p95 float64 // points of use below, and ms of p95 above, those of the oracle: at most
	below    float64 // ms from a cut of capacity to a limit below what is left, at most
	firstCut float64 // ms from a cut of capacity to the first cut, at most, in every run
	noWrites bool
}

// checkRun holds a report against what every run of the program must keep.
func (d demand) checkRun(t *testing.T, r labrun.Report) {
	t.Helper()
	if r.Controlled.ExitStatus != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", r.Controlled.ExitStatus)
	}
	// A short run is mostly start-up, and tests run side by side.
	if *full && r.Controlled.CPUPercent >= 3 {
		t.Errorf("%.1f %% of a core, want under 3", r.Controlled.CPUPercent)
	}
	if rss := r.Controlled.PeakRSS; rss == 0 || rss >= 40e6 {
		t.Errorf("peak memory %.1f MB, want it known and under 40", float64(rss)/1e6)
	}
	if r.Requests == 0 {
		t.Error("the router was asked nothing")
	}
	for i, dir := range []labrun.DirectionReport{r.Download, r.Upload} {
		if dir.LimitMinMbps < floors[i].Mbps() || dir.LimitMaxMbps > ceilings[i].Mbps() {
			t.Errorf("limits from %.2f to %.2f Mbit/s, want them in [%v, %v]",
				dir.LimitMinMbps, dir.LimitMaxMbps, floors[i], ceilings[i])
		}
	}
	if d.noWrites && r.Writes > 0 {
		t.Errorf("%d limits written on an idle line, want none", r.Writes)
	}
	for _, step := range r.Steps {
		if step.IsCut() && d.firstCut > 0 && (step.FirstCutMs == nil || *step.FirstCutMs > d.firstCut) {
			t.Errorf("%s capacity fell from %.0f to %.0f Mbit/s and the first cut came after %s ms, want at most %.0f",
				step.Direction, step.FromMbps, step.ToMbps, orNever(step.FirstCutMs), d.firstCut)
		}
	}
}

func orNever(v *float64) string {
	if v == nil {
		return "never"
	}
	return fmt.Sprintf("%.0f", *v)
}

// compare returns a table of the trials beside the oracle on the same link, in
// medians, and fails the test where a distance is larger than what is asked.
func compare(t *testing.T, trials []trial, reports []labrun.Report) string {
	t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TRIAL\tUSED, ORACLE\tP95 MS, ORACLE\tP99 MS, ORACLE\tBELOW MS\tWRITES/S\tCPU %\tASKED")
	for _, c := range trials {
		link := c.link
		if link == "" {
			link = c.scenario.Name
		}
		ours, oracle := runsOf(reports, c.name(), "wanctl shape"), runsOf(reports, link, oracleName)
		if len(ours) == 0 || len(oracle) == 0 {
			continue // -run selected others
		}
		verdict := c.demand.verdict(ours, oracle)
		if verdict != "" {
			t.Errorf("%s: %s", c.name(), verdict)
		} else if c.demand != (demand{}) {
			verdict = "met"
		}
		fmt.Fprintf(w, "%s\t%s, %s\t%.1f, %.1f\t%.0f, %.0f\t%.0f\t%.1f\t%.1f\t%s\n", c.name(), uses(ours), uses(oracle),
			median(ours, p95), median(oracle, p95), median(ours, p99), median(oracle, p99), median(ours, below),
			median(ours, func(r labrun.Report) float64 { return float64(r.Writes) / r.Seconds }),
			median(ours, func(r labrun.Report) float64 { return r.Controlled.CPUPercent }), verdict)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	return table.String()
}

// verdict says what is missed, "" for nothing.
func (d demand) verdict(ours, oracle []labrun.Report) string {
	var missed []string
	for _, dir := range directionsOf(ours[0]) {
		if lost := 100 * (median(oracle, dir.use) - median(ours, dir.use)); d.use > 0 && lost > d.use {
			missed = append(missed, fmt.Sprintf("%s %.1f points below the oracle, want at most %g", dir.name, lost, d.use))
		}
	}
	if over := median(ours, p95) - median(oracle, p95); d.p95 > 0 && over > d.p95 {
		missed = append(missed, fmt.Sprintf("p95 %.1f ms above the oracle, want at most %g", over, d.p95))
	}
	if ms := median(ours, below); d.below > 0 && ms > d.below {
		missed = append(missed, fmt.Sprintf("limit below the capacity after %.0f ms, want %g", ms, d.below))
	}
	return strings.Join(missed, "; ")
}

// loadedDirection is a direction that had load, and what was used of it.
type loadedDirection struct {
	name string
	use  func(labrun.Report) float64
}

func directionsOf(r labrun.Report) (loaded []loadedDirection) {
	if r.Download.Loaded {
		loaded = append(loaded, loadedDirection{"download", func(r labrun.Report) float64 { return *r.Download.Utilisation }})
	}
	if r.Upload.Loaded {
		loaded = append(loaded, loadedDirection{"upload", func(r labrun.Report) float64 { return *r.Upload.Utilisation }})
	}
	return loaded
}

func uses(runs []labrun.Report) string {
	var texts []string
	for _, dir := range directionsOf(runs[0]) {
		texts = append(texts, strings.TrimPrefix(fmt.Sprintf("%.3f", median(runs, dir.use)), "0"))
	}
	return strings.Join(texts, "/")
}

func p95(r labrun.Report) float64 { return r.ExcessP95Ms }
func p99(r labrun.Report) float64 { return r.ExcessP99Ms }

// below is the longest time from a cut of capacity to a limit below what is left;
// 0 without one, infinite where that never came.
func below(r labrun.Report) (worst float64) {
	for _, step := range r.Steps {
		if !step.IsCut() {
			continue
		}
		if step.BelowMs == nil {
			return math.Inf(1)
		}
		worst = max(worst, *step.BelowMs)
	}
	return worst
}

func runsOf(reports []labrun.Report, scenario, controller string) (runs []labrun.Report) {
	for _, r := range reports {
		if r.Scenario == scenario && r.Controller == controller {
			runs = append(runs, r)
		}
	}
	return runs
}

func median(runs []labrun.Report, of func(labrun.Report) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
