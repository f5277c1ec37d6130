package tracecmd

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
		return output.EncodeJSON(a.Out, comparison{in.name, openLoop, laws, append([]comparedDifference{}, differences...)})
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
		return output.List(a.Out, output.CSV, flatLaws(laws), nil)
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

// comparison is the whole document.
type comparison struct {
	Recording   string               `json:"recording"`
	Note        string               `json:"note"`
	Laws        []comparedLaw        `json:"laws"`
	Differences []comparedDifference `json:"differences"`
}

// comparedMeasure is one measure of a direction in the table.
type comparedMeasure struct {
	head string
	text func(comparedLaw, comparedDirection) string
}

func comparedMeasures() []comparedMeasure {
	state := func(head string, of func(comparedDirection) float64) comparedMeasure {
		return comparedMeasure{head, func(l comparedLaw, d comparedDirection) string {
			return fmt.Sprintf("%.2f s  %5.1f %%", of(d), 100*of(d)/max(l.Seconds, 1e-9))
		}}
	}
	count := func(head string, of func(comparedDirection) int) comparedMeasure {
		return comparedMeasure{head, func(_ comparedLaw, d comparedDirection) string { return fmt.Sprint(of(d)) }}
	}
	rate := func(head string, of func(comparedDirection) int64) comparedMeasure {
		return comparedMeasure{head, func(_ comparedLaw, d comparedDirection) string { return bitrate.Rate(of(d)).Human() }}
	}
	share := func(head string, of func(comparedDirection) float64) comparedMeasure {
		return comparedMeasure{head, func(_ comparedLaw, d comparedDirection) string {
			if d.Loaded == 0 {
				return "never loaded"
			}
			return fmt.Sprintf("%.1f %%", 100*of(d))
		}}
	}
	return []comparedMeasure{
		state("GREEN", func(d comparedDirection) float64 { return d.Green }),
		state("YELLOW", func(d comparedDirection) float64 { return d.Yellow }),
		state("SOFT_RED", func(d comparedDirection) float64 { return d.SoftRed }),
		state("RED", func(d comparedDirection) float64 { return d.Red }),
		count("cuts", func(d comparedDirection) int { return d.Cuts }),
		count("raises", func(d comparedDirection) int { return d.Raises }),
		count("router writes", func(d comparedDirection) int { return d.Writes }),
		rate("lowest limit", func(d comparedDirection) int64 { return d.Lowest }),
		rate("mean limit", func(d comparedDirection) int64 { return d.Mean }),
		count("steps loaded", func(d comparedDirection) int { return d.Loaded }),
		share("  above target", func(d comparedDirection) float64 { return d.AboveTarget }),
		share("  above warn", func(d comparedDirection) float64 { return d.AboveWarn }),
		share("  above hard-red", func(d comparedDirection) float64 { return d.AboveHardRed }),
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

// comparedCSV is comparedLaw without nesting.
type comparedCSV struct {
	Name       string            `json:"configuration"`
	Seconds    float64           `json:"seconds"`
	Steps      int               `json:"steps"`
	Download   comparedDirection `json:"download_,inline"`
	Upload     comparedDirection `json:"upload_,inline"`
	Differing  int               `json:"differing_steps"`
	Partings   int               `json:"differences"`
	FirstApart *float64          `json:"first_difference_ms"`
}

func flatLaws(laws []comparedLaw) []comparedCSV {
	rows := make([]comparedCSV, len(laws))
	for i, l := range laws {
		rows[i] = comparedCSV{l.Name, l.Seconds, l.Steps, l.Download, l.Upload, l.Differing, l.Partings, l.FirstApart}
	}
	return rows
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
