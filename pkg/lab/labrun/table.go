package labrun

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteTable writes reports for people: a block for each scenario, a column for
// each controller, a row for each measure. Repeated runs become their median
// and, in brackets, their least and greatest.
func WriteTable(w io.Writer, reports []Report) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, scenario := range distinct(reports, func(r Report) string { return r.Scenario }) {
		if i > 0 {
			fmt.Fprintln(tw)
		}
		of := filter(reports, func(r Report) bool { return r.Scenario == scenario })
		controllers := distinct(of, func(r Report) string { return r.Controller })
		fmt.Fprintf(tw, "%s\t%s\n", strings.ToUpper(scenario), strings.Join(controllers, "\t"))
		for _, m := range measures() {
			row, applies := []string{m.name}, false
			for _, c := range controllers {
				cell := m.cell(filter(of, func(r Report) bool { return r.Controller == c }))
				applies = applies || cell != ""
				row = append(row, cell)
			}
			if applies {
				fmt.Fprintln(tw, strings.Join(row, "\t"))
			}
		}
	}
	return tw.Flush()
}

// measure is one row of the table.
type measure struct {
	name   string
	format string
	value  func(Report) *float64 // nil: does not apply; infinite: never
}

func measures() []measure {
	return []measure{
		{"idle RTT ms", "%.1f", func(r Report) *float64 { return &r.IdleRTTMs }},
		{"idle p95 excess ms", "%.1f", func(r Report) *float64 { return &r.IdleP95Ms }},
		{"p50 excess ms", "%.1f", func(r Report) *float64 { return &r.ExcessP50Ms }},
		{"p95 excess ms", "%.1f", func(r Report) *float64 { return &r.ExcessP95Ms }},
		{"p99 excess ms", "%.1f", func(r Report) *float64 { return &r.ExcessP99Ms }},
		{"p95 excess ms, settled", "%.1f", func(r Report) *float64 { return &r.SettledP95Ms }},
		{"p99 excess ms, settled", "%.1f", func(r Report) *float64 { return &r.SettledP99Ms }},
		{"above 30 ms", "%.3f", func(r Report) *float64 { return &r.Above30ms }},
		{"pings lost", "%.0f", func(r Report) *float64 { return ptr(float64(r.PingsLost)) }},
		{"download utilisation", "%.3f", func(r Report) *float64 { return r.Download.Utilisation }},
		{"upload utilisation", "%.3f", func(r Report) *float64 { return r.Upload.Utilisation }},
		{"idle download kept, min", "%.3f", func(r Report) *float64 { return r.Download.KeptMin }},
		{"idle download kept, mean", "%.3f", func(r Report) *float64 { return r.Download.KeptMean }},
		{"idle upload kept, min", "%.3f", func(r Report) *float64 { return r.Upload.KeptMin }},
		{"idle upload kept, mean", "%.3f", func(r Report) *float64 { return r.Upload.KeptMean }},
		{"first cut ms", "%.0f", cuts(func(s StepReport) *float64 { return s.FirstCutMs })},
		{"below capacity ms", "%.0f", cuts(func(s StepReport) *float64 { return s.BelowMs })},
		{"drained ms", "%.0f", cuts(func(s StepReport) *float64 { return s.DrainedMs })},
		{"90 % recovered ms", "%.0f", slowest(func(s StepReport) bool { return !s.IsCut() },
			func(s StepReport) *float64 { return s.RecoveredMs })},
		{"limit writes", "%.0f", func(r Report) *float64 { return ptr(float64(r.Writes)) }},
		{"router requests", "%.0f", func(r Report) *float64 { return ptr(float64(r.Requests)) }},
		{"CPU % of a core", "%.1f", func(r Report) *float64 {
			if r.Controlled == nil {
				return nil
			}
			return &r.Controlled.CPUPercent
		}},
		{"peak memory MB", "%.1f", func(r Report) *float64 {
			if r.Controlled == nil {
				return nil
			}
			return ptr(float64(r.Controlled.PeakRSS) / 1e6)
		}},
		{"line late p99 ms", "%.2f", func(r Report) *float64 { return &r.LineLateP99Ms }},
		{"line late max ms", "%.1f", func(r Report) *float64 { return &r.LineLateMaxMs }},
	}
}

func cuts(value func(StepReport) *float64) func(Report) *float64 {
	return slowest(StepReport.IsCut, value)
}

// slowest is the largest value among some steps of a report.
func slowest(of func(StepReport) bool, value func(StepReport) *float64) func(Report) *float64 {
	return func(r Report) *float64 {
		var worst *float64
		for _, s := range r.Steps {
			if !of(s) {
				continue
			}
			v := value(s)
			if v == nil {
				return ptr(math.Inf(1))
			}
			if worst == nil || *v > *worst {
				worst = v
			}
		}
		return worst
	}
}

// cell sums up the runs of one controller.
func (m measure) cell(runs []Report) string {
	var values []float64
	for _, r := range runs {
		if v := m.value(r); v != nil {
			values = append(values, *v)
		}
	}
	if len(values) == 0 {
		return ""
	}
	slices.Sort(values)
	least, middle, most := values[0], values[(len(values)-1)/2], values[len(values)-1]
	if len(values) == 1 {
		return m.text(middle)
	}
	return fmt.Sprintf("%s (%s..%s)", m.text(middle), m.text(least), m.text(most))
}

func (m measure) text(v float64) string {
	if math.IsInf(v, 1) {
		return "never"
	}
	return fmt.Sprintf(m.format, v)
}

func distinct(reports []Report, key func(Report) string) []string {
	var keys []string
	for _, r := range reports {
		if k := key(r); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func filter(reports []Report, keep func(Report) bool) []Report {
	var some []Report
	for _, r := range reports {
		if keep(r) {
			some = append(some, r)
		}
	}
	return some
}
