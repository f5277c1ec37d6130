package statuscmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// row is one WAN or one steering daemon.
type row struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // "wan" or "steering"
	Status   string   `json:"status"`
	Source   string   `json:"source"`
	Age      *float64 `json:"age_seconds"`
	Down     *float64 `json:"download_mbps"` // limit; with the state, of a WAN only
	DownWhy  string   `json:"download_state"`
	Up       *float64 `json:"upload_mbps"`
	UpWhy    string   `json:"upload_state"`
	Baseline *float64 `json:"baseline_rtt_ms"`
	Excess   *float64 `json:"excess_ms"`
	Node     string   `json:"node"` // the role of this node, with several
	Note     string   `json:"note"`
}

// rows returns the WANs, then the steering daemons.
func rows(doc telemetry.Host) []row {
	list := []row{}
	for _, w := range doc.WANs {
		list = append(list, row{
			Name: w.Name, Kind: "wan", Status: string(w.Status), Source: string(w.Source), Age: w.AgeSeconds,
			Down: w.Download.CurrentRateMbps, DownWhy: w.Download.State, Up: w.Upload.CurrentRateMbps, UpWhy: w.Upload.State,
			Baseline: w.BaselineRTTMs, Excess: w.ExcessMs, Node: w.HA.Text(), Note: strings.Join(append(w.Reasons, w.Warnings...), "; "),
		})
	}
	for _, s := range doc.Steering {
		r := row{
			Name: s.Detail.Name, Kind: "steering", Status: string(s.Status), Source: string(s.Source), Age: s.AgeSeconds,
			Baseline: s.Detail.Path.Baseline, Excess: s.Detail.Path.ExcessEWMA, Node: s.HA.Text(), Note: strings.Join(append(s.Reasons, s.HA.Warnings()...), "; "),
		}
		if r.Note == "" && !s.HA.Elsewhere() {
			where := s.Congestion.Primary.WAN
			if s.Steering.Enabled {
				where = s.Detail.Alternate.WAN
			}
			r.Note = "new connections go to " + where
		}
		list = append(list, r)
	}
	return list
}

// columns returns those of the table, without that of nodes where there is one host alone.
func columns(a *app.App, list []row) []output.Column[row] {
	all := []output.Column[row]{
		output.Text("NAME", func(r row) string { return r.Name }),
		output.Text("STATUS", func(r row) string {
			colour := output.Red
			switch telemetry.Status(r.Status) {
			case telemetry.Healthy, telemetry.Standby:
				colour = output.Green
			case telemetry.Starting:
				colour = output.Yellow
			}
			return output.Paint(a.OutTTY && !a.Global.NoColor, colour, r.Status)
		}),
		output.Number("DOWN Mbit/s", func(r row) string { return number(r.Down, 1) }),
		output.Text("", func(r row) string { return r.DownWhy }),
		output.Number("UP Mbit/s", func(r row) string { return number(r.Up, 1) }),
		output.Text("", func(r row) string { return r.UpWhy }),
		output.Number("IDLE ms", func(r row) string { return number(r.Baseline, 1) }),
		output.Number("ABOVE ms", func(r row) string { return number(r.Excess, 1) }),
		output.Text("NODE", func(r row) string { return output.Printable(r.Node) }),
		output.Text("NOTE", func(r row) string { return output.Printable(note(r)) }),
	}
	if !slices.ContainsFunc(list, func(r row) bool { return r.Node != "" }) {
		all = slices.Delete(all, len(all)-2, len(all)-1)
	}
	return all
}

// note says how old values are that do not come from a loop.
func note(r row) string {
	if r.Source != string(telemetry.FromFile) || r.Age == nil {
		return r.Note
	}
	return fmt.Sprintf("%s (%v old)", r.Note, (time.Duration(*r.Age) * time.Second).String())
}

func number(x *float64, decimals int) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.*f", decimals, *x)
}

// reasons returns what is not healthy, with its name.
func reasons(doc telemetry.Host) []string {
	var list []string
	for _, r := range rows(doc) {
		if !telemetry.Status(r.Status).Well() {
			list = append(list, fmt.Sprintf("%s is %s: %s", r.Name, r.Status, r.Note))
		}
	}
	if len(list) == 0 && doc.Status != telemetry.Healthy {
		list = append(list, "there are no daemons")
	}
	return list
}
