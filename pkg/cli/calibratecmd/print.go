package calibratecmd

import (
	"fmt"
	"math"
	"strings"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/units"
)

// document is the result for programs.
type document struct {
	WAN         string     `json:"wan"`
	BaselineMs  float64    `json:"baseline_rtt_ms"`
	Idle        latency    `json:"idle"`
	Download    *direction `json:"download,omitempty"`
	Upload      *direction `json:"upload,omitempty"`
	GradeBefore string     `json:"grade_before"`
	GradeAfter  string     `json:"grade_after,omitempty"`
	DataBytes   uint64     `json:"data_bytes"`
	Changes     []change   `json:"changes"`
	Notes       []string   `json:"notes"`
	Written     string     `json:"written,omitempty"`
	Backup      string     `json:"backup,omitempty"`
}

type direction struct {
	CapacityBPS     int64    `json:"capacity_bps"`
	CapacityLowBPS  int64    `json:"capacity_low_bps"`
	CapacityHighBPS int64    `json:"capacity_high_bps"`
	Saturated       bool     `json:"saturated"`
	PayloadBPS      int64    `json:"load_payload_bps,omitempty"`
	Before          latency  `json:"before"`
	After           *latency `json:"after,omitempty"`
	LimitBPS        int64    `json:"limit_bps,omitempty"`
	CarriedBPS      int64    `json:"carried_bps,omitempty"`
	CeilingMbps     float64  `json:"ceiling_mbps"`
	FloorMbps       float64  `json:"floor_mbps"`
}

// latency is delay above the idle round trip.
type latency struct {
	MeanMs float64 `json:"mean_ms"`
	P50Ms  float64 `json:"p50_ms"`
	P95Ms  float64 `json:"p95_ms"`
	P99Ms  float64 `json:"p99_ms"`
	Lost   float64 `json:"lost_ratio"`
	Grade  string  `json:"grade,omitempty"`
}

func newLatency(l calibrate.Latency, graded bool) latency {
	ms := latency{units.Millis(l.Mean), units.Millis(l.P50), units.Millis(l.P95), units.Millis(l.P99), units.Round(l.Lost, 4), ""}
	if graded {
		ms.Grade = calibrate.Grade(l.Mean)
	}
	return ms
}

func newDirection(d calibrate.Direction, p calibrate.Settings, side int) *direction {
	if !d.Measured {
		return nil
	}
	doc := &direction{
		CapacityBPS: int64(d.Capacity.Mean), CapacityLowBPS: int64(d.Capacity.Low), CapacityHighBPS: int64(d.Capacity.High), Saturated: d.Capacity.Saturated,
		PayloadBPS: int64(d.Claimed), Before: newLatency(d.Before, true), LimitBPS: int64(d.Limit), CarriedBPS: int64(d.Carried),
		CeilingMbps: p.Ceiling[side].Mbps(), FloorMbps: p.Floor[side].Mbps(),
	}
	if d.After.Samples > 0 {
		after := newLatency(d.After, true)
		doc.After = &after
	}
	return doc
}

// finish writes the configuration, if it is to, and prints the result.
func finish(a *app.App, cfg *config.WAN, o options, res calibrate.Result) error {
	_, origins, _, err := config.LoadOrigins(cfg.Path, a.ConfigOptions())
	if err != nil { // it was changed meanwhile
		return err
	}
	list := changes(cfg, origins, res.Proposed)
	doc := document{
		WAN: cfg.Name, BaselineMs: units.Millis(res.Baseline), Idle: newLatency(res.Idle, false), DataBytes: res.Bytes, Changes: list, Notes: res.Notes,
		Download: newDirection(res.Directions[0], res.Proposed, 0), Upload: newDirection(res.Directions[1], res.Proposed, 1),
	}
	doc.GradeBefore, doc.GradeAfter = res.Grades()
	var failed error
	if o.write && len(list) > 0 {
		for _, c := range list {
			if c.source == schema.FromEnvironment {
				a.Warnf("%s: the environment sets this key, whatever the file says", c.Name)
			}
		}
		if doc.Backup, failed = config.EditFile(cfg.Path, assignments(list), a.ConfigOptions()); failed == nil {
			doc.Written = cfg.Path
		}
	}
	if doc.Notes == nil {
		doc.Notes = []string{}
	}
	if doc.Changes == nil {
		doc.Changes = []change{}
	}
	if err := output.One(a.Out, a.Global.Output, doc, text(a, cfg, res, doc, o.write)); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("the configuration was not written: %w", failed)
	}
	return nil
}

// text is the result for people.
func text(a *app.App, cfg *config.WAN, res calibrate.Result, doc document, write bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Idle line: %.1f ms round trip, noise up to %.1f ms (p95) and %.1f ms (p99). Data used: %s.\n\n",
		doc.BaselineMs, doc.Idle.P95Ms, doc.Idle.P99Ms, calibrate.Size(res.Bytes))
	_ = output.List(&b, output.Table, rows(res, doc), rowColumns) // a strings.Builder takes everything
	b.WriteByte('\n')
	plot(&b, a, res)
	for _, note := range doc.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", note)
	}
	if len(doc.Notes) > 0 {
		b.WriteByte('\n')
	}
	switch {
	case len(doc.Changes) == 0:
		fmt.Fprintf(&b, "%s needs no change.\n", cfg.Path)
	case doc.Written != "":
		fmt.Fprintf(&b, "Written to %s; before, it was\n%s%s", doc.Written, before(doc.Changes), next(doc))
	default:
		fmt.Fprintf(&b, "Proposed for %s:\n\n%s", cfg.Path, config.Written(assignments(doc.Changes)))
		if !write {
			b.WriteString("\n--write puts that into the file.\n")
		}
	}
	return b.String()
}

// before lists the former values.
func before(list []change) string {
	var b strings.Builder
	for _, c := range list {
		was := c.Before
		if was == "" {
			was = "not set"
		}
		fmt.Fprintf(&b, "  %s: %s, now %s\n", c.Name, was, c.After)
	}
	return b.String()
}

func next(doc document) string {
	return fmt.Sprintf("The former file is %s.\nNext: systemctl start wanctl@%s, or 'wanctl shape --config %s'\n", doc.Backup, doc.WAN, doc.Written)
}

// row is a loaded phase in the table.
type row struct {
	side, limit string
	carried     bitrate.Rate
	latency
}

func rows(res calibrate.Result, doc document) (list []row) {
	for d, dir := range res.Directions {
		if !dir.Measured {
			continue
		}
		side := autorate.Direction(d).String()
		list = append(list, row{side, "none", dir.Capacity.Mean, newLatency(dir.Before, true)})
		if dir.After.Samples > 0 {
			list = append(list, row{side, dir.Limit.Human(), dir.Carried, newLatency(dir.After, true)})
		}
	}
	return append(list,
		row{side: "overall", limit: "none", latency: latency{MeanMs: -1, Grade: doc.GradeBefore}},
		row{side: "overall", limit: "proposed", latency: latency{MeanMs: -1, Grade: doc.GradeAfter}})
}

var rowColumns = []output.Column[row]{
	output.Text("", func(r row) string { return r.side }),
	output.Text("LIMIT", func(r row) string { return r.limit }),
	output.Number("CARRIED", func(r row) string { return blank(r, r.carried.Human()) }),
	output.Number("MEAN", func(r row) string { return blank(r, added(r.MeanMs)) }),
	output.Number("P50", func(r row) string { return blank(r, added(r.P50Ms)) }),
	output.Number("P95", func(r row) string { return blank(r, added(r.P95Ms)) }),
	output.Number("P99", func(r row) string { return blank(r, added(r.P99Ms)) }),
	output.Text("GRADE", func(r row) string {
		if r.Grade == "" {
			return "not measured"
		}
		return r.Grade
	}),
}

func added(ms float64) string { return fmt.Sprintf("+%.1f ms", ms) }

// blank leaves the cell of an overall row empty.
func blank(r row, cell string) string {
	if r.MeanMs < 0 {
		return ""
	}
	return cell
}

// plot draws delay and throughput of each loaded phase, those of one direction on the
// same scale.
func plot(b *strings.Builder, a *app.App, res calibrate.Result) {
	ramp := output.Blocks
	if !a.OutTTY {
		ramp = output.ASCII
	}
	for d, dir := range res.Directions {
		if !dir.Measured {
			continue
		}
		side := autorate.Direction(d)
		var delay, rate [2][]float64 // without limits, with them
		highest, most := 10.0, 0.0
		for _, c := range res.Curves {
			if !c.Phase.Load[d] {
				continue
			}
			at := 0
			if c.Phase.Kind == calibrate.After {
				at, delay[1], rate[1] = 1, nil, nil // the last try counts
			}
			for _, p := range c.Points {
				delay[at], rate[at] = append(delay[at], units.Millis(p.Excess)), append(rate[at], p.Rate[d].Mbps())
				highest, most = max(highest, units.Millis(p.Excess)), max(most, p.Rate[d].Mbps())
			}
		}
		width := max(10, min(60, (a.Width()-34)/2))
		line := func(values [2][]float64, top float64) string {
			return output.Sparkline(ramp, squeeze(values[0], width), 0, top) + " | " + output.Sparkline(ramp, squeeze(values[1], width), 0, top)
		}
		fmt.Fprintf(b, "%-8v  delay to %4.0f ms       %s\n", side, highest, line(delay, highest))
		fmt.Fprintf(b, "%-8s  rate to %6.1f Mbit/s  %s\n", "", most, line(rate, most))
	}
	b.WriteString("          left without a limit, right with the one proposed\n\n")
}

// squeeze reduces values to at most n, keeping the highest of those that share a place.
func squeeze(values []float64, n int) []float64 {
	if len(values) <= n {
		return values
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Inf(-1)
	}
	for i, v := range values {
		at := i * n / len(values)
		out[at] = max(out[at], v)
	}
	return out
}
