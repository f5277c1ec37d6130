package simcmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/score"
)

// scoreMeasure is one measure of a row.
type scoreMeasure struct {
	head  string // "": not in the table
	name  string // as in JSON, and in the misses
	of    func(score.Row) *score.Spread
	scale float64
	digit int // behind the point
}

func scoreMeasures() []scoreMeasure {
	return []scoreMeasure{
		{"DOWN %", "utilisation_download", func(r score.Row) *score.Spread { return r.UtilisationDown }, 100, 1},
		{"UP %", "utilisation_upload", func(r score.Row) *score.Spread { return r.UtilisationUp }, 100, 1},
		{"P95 MS", "excess_p95_ms", func(r score.Row) *score.Spread { return r.P95 }, 1, 1},
		{"P99 MS", "excess_p99_ms", func(r score.Row) *score.Spread { return r.P99 }, 1, 1},
		{"", "jitter_p95_ms", func(r score.Row) *score.Spread { return r.OwnP95 }, 1, 1},
		{"", "excess_over_jitter_p95_ms", func(r score.Row) *score.Spread { return r.OverOwn }, 1, 1},
		{"KEPT %", "idle_kept", func(r score.Row) *score.Spread { return r.Kept }, 100, 0},
		{"", "idle_kept_min", func(r score.Row) *score.Spread { return r.KeptMin }, 100, 0},
		{"CUT MS", "first_cut_ms", func(r score.Row) *score.Spread { return r.FirstCut }, 1, 0},
		{"BELOW MS", "below_capacity_ms", func(r score.Row) *score.Spread { return r.Below }, 1, 0},
		{"DRAINED MS", "drained_ms", func(r score.Row) *score.Spread { return r.Drained }, 1, 0},
		{"BACK MS", "recovered_ms", func(r score.Row) *score.Spread { return r.Recovered }, 1, 0},
		{"NORMAL MS", "normal_ms", func(r score.Row) *score.Spread { return r.Normal }, 1, 0},
		{"WRITES/S", "writes_per_second", func(r score.Row) *score.Spread { return r.Writes }, 1, 1},
	}
}

// printScores prints rows in the format that was asked for.
func printScores(a *app.App, rows []score.Row) error {
	switch a.Global.Output {
	case output.JSON, output.JSONL:
		return output.List[score.Row](a.Out, a.Global.Output, rows, nil)
	case output.CSV:
		return printScoresCSV(a, rows)
	case output.Table:
	}
	if err := output.List(a.Out, output.Table, rows, scoreColumns(rows)); err != nil {
		return err
	}
	return printMisses(a, rows)
}

func scoreColumns(rows []score.Row) []output.Column[score.Row] {
	routers := map[string]bool{}
	for _, r := range rows {
		routers[r.Router] = true
	}
	cols := []output.Column[score.Row]{
		{Head: "SCENARIO", Text: func(r score.Row) string { return r.Scenario }},
		{Head: "LAW", Text: func(r score.Row) string { return r.Law }},
	}
	if len(routers) > 1 {
		cols = append(cols, output.Column[score.Row]{Head: "ROUTER", Text: func(r score.Row) string { return r.Router }})
	}
	for _, m := range scoreMeasures() {
		applies := false
		for _, r := range rows {
			applies = applies || m.of(r) != nil
		}
		if m.head != "" && applies {
			cols = append(cols, output.Column[score.Row]{Head: m.head, Right: true, Text: m.text})
		}
	}
	return cols
}

// text is the median, marked when it misses its target, and the spread.
func (m scoreMeasure) text(r score.Row) string {
	s := m.of(r)
	if s == nil {
		return ""
	}
	text := m.number(s.Median)
	for _, miss := range r.Misses {
		if miss.Measure == m.name {
			text += "!"
		}
	}
	if low, high := m.number(s.P10), m.number(s.P90); low != high {
		text += fmt.Sprintf(" (%s..%s)", low, high)
	}
	return text
}

func (m scoreMeasure) number(v *float64) string {
	if v == nil {
		return "never"
	}
	return strconv.FormatFloat(*v*m.scale, 'f', m.digit, 64)
}

// printScoresCSV prints three numbers a measure: median, p10 and p90, empty for never.
func printScoresCSV(a *app.App, rows []score.Row) error {
	head := []string{"scenario", "law", "router", "seeds"}
	for _, m := range scoreMeasures() {
		head = append(head, m.name, m.name+"_p10", m.name+"_p90")
	}
	records := [][]string{append(head, "misses")}
	for _, r := range rows {
		record := []string{r.Scenario, r.Law, r.Router, strconv.Itoa(r.Seeds)}
		for _, m := range scoreMeasures() {
			s := m.of(r)
			if s == nil {
				s = &score.Spread{}
			}
			for _, v := range []*float64{s.Median, s.P10, s.P90} {
				text := ""
				if v != nil {
					text = strconv.FormatFloat(*v, 'g', 6, 64)
				}
				record = append(record, text)
			}
		}
		var misses []string
		for _, m := range r.Misses {
			misses = append(misses, m.Measure)
		}
		records = append(records, append(record, strings.Join(misses, " ")))
	}
	return output.WriteCSV(a.Out, records)
}

// printMisses says below the table which targets are missed, and by how much.
func printMisses(a *app.App, rows []score.Row) error {
	var b strings.Builder
	for _, r := range rows {
		for _, miss := range r.Misses {
			fmt.Fprintln(&b, missed(r, miss))
		}
	}
	text := "\nmisses of the targets, by the median:\n" + b.String()
	if b.Len() == 0 {
		text = "\nall targets are met\n"
	}
	_, err := fmt.Fprint(a.Out, text)
	return err
}

func missed(r score.Row, miss score.Miss) string {
	most := "at most"
	if miss.AtLeast {
		most = "at least"
	}
	m := scoreMeasure{scale: 1, digit: 1}
	for _, known := range scoreMeasures() {
		if known.name == miss.Measure {
			m = known
		}
	}
	unit := ""
	if m.scale == 100 {
		unit = " %"
	}
	return fmt.Sprintf("  %s, %s, %s: %s %s%s, %s %s%s wanted, in %d of %d runs",
		r.Scenario, r.Law, r.Router, miss.Measure, m.number(miss.Got), unit, most, m.number(&miss.Want), unit, miss.Runs, r.Seeds)
}

// scenarioRecord is a scenario as programs see it.
type scenarioRecord struct {
	Name       string  `json:"name"`
	About      string  `json:"about"`
	Seconds    float64 `json:"seconds"`
	DownMbps   float64 `json:"download_ceiling_mbps"`
	UpMbps     float64 `json:"upload_ceiling_mbps"`
	DownFloor  float64 `json:"download_floor_mbps"`
	UpFloor    float64 `json:"upload_floor_mbps"`
	BaselineMS float64 `json:"baseline_rtt_initial_ms"`
	Targets    string  `json:"targets"`
}

func listScenarios(a *app.App, scenarios []scenario.Scenario) error {
	var rows []scenarioRecord
	for _, s := range scenarios {
		rows = append(rows, scenarioRecord{
			Name: s.Name, About: s.About, Seconds: s.To.Seconds(),
			DownMbps: s.Ceiling[autorate.Download].Mbps(), UpMbps: s.Ceiling[autorate.Upload].Mbps(),
			DownFloor: s.Floor[autorate.Download].Mbps(), UpFloor: s.Floor[autorate.Upload].Mbps(),
			BaselineMS: float64(s.Baseline) / 1e6, Targets: targetText(s.Targets),
		})
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	ceilings := func(r scenarioRecord) string { return number(r.DownMbps) + "/" + number(r.UpMbps) }
	if a.Global.Output == output.CSV {
		records := [][]string{{"name", "ceilings_mbps", "seconds", "about", "targets"}}
		for _, r := range rows {
			records = append(records, []string{r.Name, ceilings(r), number(r.Seconds), r.About, r.Targets})
		}
		return output.WriteCSV(a.Out, records)
	}
	return output.List(a.Out, a.Global.Output, rows, []output.Column[scenarioRecord]{
		output.Text("SCENARIO", func(r scenarioRecord) string { return r.Name }),
		output.Text("CEILINGS", ceilings),
		output.Number("SECONDS", func(r scenarioRecord) string { return number(r.Seconds) }),
		output.Text("WHAT", func(r scenarioRecord) string { return r.About }),
		output.Text("TARGETS", func(r scenarioRecord) string { return r.Targets }),
	})
}

func targetText(t scenario.Targets) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	most := func(name string, d time.Duration) {
		if d > 0 {
			add("%s <= %v", name, d)
		}
	}
	for d, least := range t.Utilisation {
		if least > 0 {
			add("%v >= %.0f %%", autorate.Direction(d), 100*least)
		}
	}
	most("p95", t.P95)
	most("p99", t.P99)
	if t.P95OverOwn > 0 {
		add("p95 <= jitter's + %v", t.P95OverOwn)
	}
	if t.Kept > 0 {
		add("idle keeps %.0f %%", 100*t.Kept)
	}
	most("cut", t.FirstCut)
	most("below", t.Below)
	most("drained", t.Drained)
	most("back", t.Recovered)
	most("normal", t.Normal)
	if t.Against != "" {
		add("close to %s", t.Against)
	}
	if t.Quiet {
		add("no write")
	} else if t.Writes > 0 {
		add("writes <= %v/s", t.Writes)
	}
	return strings.Join(parts, ", ")
}
