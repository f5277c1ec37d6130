package cli

import (
	"encoding/json"
	"fmt"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// printComparison prints what the laws made of in.
func printComparison(a *app.App, in *recording, candidates []*candidate) error {
	var laws []comparedLaw
	var differences []comparedDifference
	for _, c := range candidates {
		laws = append(laws, c.record())
		differences = append(differences, c.differences(candidates[0].law.label)...)
	}
	switch a.Global.Output {
	case output.JSON:
		return output.EncodeJSON(a.Out, struct {
			Recording   string               `json:"recording"`
			Note        string               `json:"note"`
			Laws        []comparedLaw        `json:"laws"`
			Differences []comparedDifference `json:"differences"`
		}{in.name, openLoop, laws, append([]comparedDifference{}, differences...)})
	case output.JSONL:
		enc := json.NewEncoder(a.Out)
		enc.SetEscapeHTML(false)
		for _, l := range laws {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		for _, d := range differences {
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
		return nil
	case output.CSV:
		return output.List(a.Out, output.CSV, laws, comparedFields())
	case output.Table:
	}
	if err := output.List(a.Out, output.Table, comparedRows(laws), comparedColumns(laws)); err != nil {
		return err
	}
	if err := printDifferences(a, candidates); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Out, "\n%s\n", openLoop)
	return err
}

// comparedMeasure is one measure of a direction, for both the table and CSV.
type comparedMeasure struct {
	head  string
	name  string // as in JSON
	text  func(comparedLaw, comparedDirection) string
	value func(comparedDirection) any
}

func comparedMeasures() []comparedMeasure {
	state := func(head, name string, of func(comparedDirection) float64) comparedMeasure {
		return comparedMeasure{head, name,
			func(l comparedLaw, d comparedDirection) string {
				return fmt.Sprintf("%.2f s  %5.1f %%", of(d), 100*of(d)/max(l.Seconds, 1e-9))
			},
			func(d comparedDirection) any { return of(d) },
		}
	}
	count := func(head, name string, of func(comparedDirection) int) comparedMeasure {
		return comparedMeasure{head, name,
			func(_ comparedLaw, d comparedDirection) string { return fmt.Sprint(of(d)) },
			func(d comparedDirection) any { return of(d) },
		}
	}
	rate := func(head, name string, of func(comparedDirection) int64) comparedMeasure {
		return comparedMeasure{head, name,
			func(_ comparedLaw, d comparedDirection) string { return bitrate.Rate(of(d)).Human() },
			func(d comparedDirection) any { return of(d) },
		}
	}
	share := func(head, name string, of func(comparedDirection) float64) comparedMeasure {
		return comparedMeasure{head, name,
			func(_ comparedLaw, d comparedDirection) string {
				if d.Loaded == 0 {
					return "never loaded"
				}
				return fmt.Sprintf("%.1f %%", 100*of(d))
			},
			func(d comparedDirection) any { return of(d) },
		}
	}
	return []comparedMeasure{
		state("GREEN", "green_seconds", func(d comparedDirection) float64 { return d.Green }),
		state("YELLOW", "yellow_seconds", func(d comparedDirection) float64 { return d.Yellow }),
		state("SOFT_RED", "soft_red_seconds", func(d comparedDirection) float64 { return d.SoftRed }),
		state("RED", "red_seconds", func(d comparedDirection) float64 { return d.Red }),
		count("cuts", "cuts", func(d comparedDirection) int { return d.Cuts }),
		count("raises", "raises", func(d comparedDirection) int { return d.Raises }),
		count("router writes", "writes", func(d comparedDirection) int { return d.Writes }),
		rate("lowest limit", "lowest_limit_bps", func(d comparedDirection) int64 { return d.Lowest }),
		rate("mean limit", "mean_limit_bps", func(d comparedDirection) int64 { return d.Mean }),
		count("steps loaded", "loaded_steps", func(d comparedDirection) int { return d.Loaded }),
		share("  above target", "above_target_share", func(d comparedDirection) float64 { return d.AboveTarget }),
		share("  above warn", "above_warn_share", func(d comparedDirection) float64 { return d.AboveWarn }),
		share("  above hard-red", "above_hard_red_share", func(d comparedDirection) float64 { return d.AboveHardRed }),
	}
}

// bothDirections names the directions and finds them in a record.
var bothDirections = []struct {
	name string
	of   func(comparedLaw) comparedDirection
}{
	{"download", func(l comparedLaw) comparedDirection { return l.Download }},
	{"upload", func(l comparedLaw) comparedDirection { return l.Upload }},
}

func comparedFields() []output.Column[comparedLaw] {
	cols := []output.Column[comparedLaw]{
		{Name: "configuration", Text: func(l comparedLaw) string { return l.Name }},
		{Name: "seconds", Text: func(l comparedLaw) string { return decimal(l.Seconds) }},
		{Name: "steps", Text: func(l comparedLaw) string { return fmt.Sprint(l.Steps) }},
	}
	for _, dir := range bothDirections {
		for _, m := range comparedMeasures() {
			cols = append(cols, output.Column[comparedLaw]{
				Name:  dir.name + "_" + m.name,
				Value: func(l comparedLaw) any { return m.value(dir.of(l)) },
			})
		}
	}
	return append(cols,
		output.Column[comparedLaw]{Name: "differing_steps", Text: func(l comparedLaw) string { return fmt.Sprint(l.Differing) }},
		output.Column[comparedLaw]{Name: "differences", Text: func(l comparedLaw) string { return fmt.Sprint(l.Partings) }},
		output.Column[comparedLaw]{Name: "first_difference_ms", Text: func(l comparedLaw) string { return decimalOrNot(l.FirstApart) }},
	)
}

// comparedRow is a line of the table: one measure of all laws.
type comparedRow struct {
	head  string
	cells []string
}

func comparedRows(laws []comparedLaw) []comparedRow {
	var rows []comparedRow
	for i, dir := range bothDirections {
		if i > 0 {
			rows = append(rows, comparedRow{cells: make([]string, len(laws))})
		}
		for _, m := range comparedMeasures() {
			r := comparedRow{head: dir.name + "  " + m.head}
			for _, l := range laws {
				r.cells = append(r.cells, m.text(l, dir.of(l)))
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func comparedColumns(laws []comparedLaw) []output.Column[comparedRow] {
	cols := []output.Column[comparedRow]{{Head: "", Text: func(r comparedRow) string { return r.head }}}
	for i, l := range laws {
		cols = append(cols, output.Column[comparedRow]{Head: l.Name, Right: true, Text: func(r comparedRow) string { return r.cells[i] }})
	}
	return cols
}

// printDifferences tells where the laws part from the first one.
func printDifferences(a *app.App, candidates []*candidate) error {
	first := candidates[0]
	for _, c := range candidates[1:] {
		x := &c.differ
		if x.Count == 0 {
			if _, err := fmt.Fprintf(a.Out, "\n%s and %s decide the same throughout.\n", first.law.label, c.law.label); err != nil {
				return err
			}
			continue
		}
		note := ""
		if x.Count > len(x.First) {
			note = fmt.Sprintf(", the first %d", len(x.First))
		}
		if _, err := fmt.Fprintf(a.Out, "\nWhere %s and %s part (%d times, %.1f %% of the steps%s):\n",
			first.law.label, c.law.label, x.Count, 100*float64(x.Steps)/float64(max(c.tally.Steps, 1)), note); err != nil {
			return err
		}
		side := func(i int) func(comparedDifference) string {
			return func(d comparedDifference) string {
				l := d.Laws[i]
				return fmt.Sprintf("%s %s, %s", bitrate.Rate(l.Limit).Human(), l.State, l.Reason)
			}
		}
		if err := output.List(a.Out, output.Table, c.differences(first.law.label), []output.Column[comparedDifference]{
			{Head: "AT", Right: true, Text: func(d comparedDifference) string { return seconds(d.TimeMS) }},
			{Head: "DIRECTION", Text: func(d comparedDifference) string { return d.Direction }},
			{Head: first.law.label, Text: side(0)},
			{Head: c.law.label, Text: side(1)},
		}); err != nil {
			return err
		}
	}
	return nil
}
