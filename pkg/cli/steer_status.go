package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/host"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

func newSteerStatusCmd(a *app.App) *cobra.Command {
	return app.Prints[telemetry.SteeringHealth](a, &cobra.Command{
		Use:   "status",
		Short: "Show what the running steering daemon does",
		Long: `Show the state of the running steering daemon of this host or, if none runs, of the
state file. No router is needed.

The exit status is 5 when no daemon runs, or when it is not healthy.`,
		Example: `  wanctl steer status
  wanctl steer status -o json | jq .steering.enabled`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runSteerStatus(a, cmd) },
	})
}

func runSteerStatus(a *app.App, cmd *cobra.Command) error {
	opts := a.ConfigOptions()
	opts.WithoutSecrets = true
	cfg, err := loadSteering(a, cmd, opts)
	if err != nil {
		return err
	}
	h, err := daemonsock.New(cfg.Socket()).SteeringHealth(cmd.Context())
	if errors.Is(err, daemonsock.ErrNotRunning) {
		left, leftErr := host.SavedSteering(cfg.Steering)()
		left.Thresholds = steer.Thresholds(steer.LawConfig(cfg.Steering))
		if leftErr != nil {
			return app.Checkf("no steering daemon runs (%v), and it has left no state: %v; start it with 'wanctl steer --config %s'", err, leftErr, cfg.Path)
		}
		h = left.FromStateFile(time.Now(), "no steering daemon runs; this is what the last one left")
		err = nil
	}
	if err != nil {
		return err
	}
	if err := printSteeringHealth(a, h); err != nil {
		return err
	}
	if h.Status != telemetry.Healthy {
		return app.Checkf("steering is %s: %s", h.Status, strings.Join(h.Reasons, "; "))
	}
	return nil
}

// printSteeringHealth prints the state of steering, for people or programs.
func printSteeringHealth(a *app.App, h telemetry.SteeringHealth) error {
	if a.Global.Output == output.CSV {
		return output.List(a.Out, output.CSV, []steeringRow{newSteeringRow(h)}, nil)
	}
	return output.One(a.Out, a.Global.Output, h, steeringText(h))
}

// steeringRow is the state of steering in CSV.
type steeringRow struct {
	Status      string  `json:"status"`
	State       string  `json:"state"`
	Enabled     bool    `json:"enabled"`
	Mode        string  `json:"mode"`
	Congestion  string  `json:"congestion"`
	Reason      string  `json:"reason"`
	TimeInState float64 `json:"time_in_state_seconds"`
}

func newSteeringRow(h telemetry.SteeringHealth) steeringRow {
	return steeringRow{
		Status: string(h.Status), State: h.Steering.State, Enabled: h.Steering.Enabled, Mode: h.Steering.Mode,
		Congestion: h.Congestion.Primary.State, Reason: h.Detail.Reason, TimeInState: h.Decision.TimeInStateSeconds,
	}
}

// steeringText returns a labelled line for each thing that is known.
func steeringText(h telemetry.SteeringHealth) string {
	var b strings.Builder
	for _, line := range steeringLines(h) {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-12s%s\n", line[0], line[1])
		}
	}
	return b.String()
}

// steeringLines returns pairs of label and text; a text may be empty.
func steeringLines(h telemetry.SteeringHealth) [][2]string {
	d := h.Detail
	where, state := h.Congestion.Primary.WAN, h.Steering.State
	if h.Steering.Enabled {
		where = d.Alternate.WAN
	}
	if h.Source != telemetry.FromFile || h.Decision.LastTransitionTime != nil {
		state += " for " + (time.Duration(h.Decision.TimeInStateSeconds) * time.Second).String()
	}
	mode := ""
	if h.Steering.Mode == "dry_run" {
		mode = " (dry run: the rule is left alone)"
	}
	rule := "not read yet"
	switch {
	case d.Rule.Error != "":
		rule = d.Rule.Error
	case d.Rule.Enabled != nil && *d.Rule.Enabled:
		rule = "enabled"
	case d.Rule.Enabled != nil:
		rule = "disabled"
	case h.Source == telemetry.FromFile && d.Rule.ByHand:
		rule = "last seen " + map[bool]string{true: "enabled", false: "disabled"}[h.Steering.Enabled]
	case h.Source == telemetry.FromFile:
		rule = "not known"
	}
	if d.Rule.ByHand {
		rule += " by hand"
	}
	lines := [][2]string{
		{"state", state + mode},
		{"traffic", "new connections go to " + where},
		{"congestion", strings.TrimSpace(h.Congestion.Primary.State + " " + parenthesised(d.Reason))},
		{"delay", delayText(d.Path)},
		{"queues", queueText(d.Queue, h.Source)},
		{"alternate", alternateText(d.Alternate)},
		{"rule", fmt.Sprintf("%q %s", d.Rule.Comment, rule)},
		{"samples", fmt.Sprintf("%d red of %d, %d green of %d", h.Counters.RedCount, h.Thresholds.RedSamplesRequired,
			h.Counters.GoodCount, h.Thresholds.GreenSamplesRequired)},
	}
	if d.Note != "" {
		lines = append(lines, [2]string{"note", d.Note})
	}
	if h.Source == telemetry.FromFile {
		lines = append(lines, [2]string{"age", ageText(h.AgeSeconds)})
	}
	if d.Score != nil && d.Threshold != nil {
		lines = append(lines, [2]string{"score", fmt.Sprintf("%.0f of %.0f", *d.Score, *d.Threshold)})
	}
	if d.HoldUntil != nil {
		lines = append(lines, [2]string{"hold", "no change before " + d.HoldUntil.Local().Format(time.TimeOnly)})
	}
	if d.Penalty != nil {
		lines = append(lines, [2]string{"flap brake", "until " + d.Penalty.Local().Format(time.TimeOnly)})
	}
	if len(d.ForceOut.Entries) > 0 || d.ForceOut.Error != "" {
		text := strings.Join(d.ForceOut.Entries, ", ")
		if d.ForceOut.Error != "" {
			text = d.ForceOut.Error
		}
		lines = append(lines, [2]string{"force out", d.ForceOut.List + ": " + text})
	}
	return lines
}

func parenthesised(s string) string {
	if s == "" || s == "unknown" {
		return ""
	}
	return "(" + s + ")"
}

func delayText(p telemetry.Path) string {
	if p.RTT == nil || p.Baseline == nil || p.ExcessEWMA == nil {
		return "not known"
	}
	return fmt.Sprintf("%.1f ms above %.1f ms (by %s)", *p.ExcessEWMA, *p.Baseline, p.Source)
}

// alternateText is what is known of the alternate WAN.
func alternateText(a telemetry.Alternate) string {
	text := fmt.Sprintf("%s, condition %s", a.WAN, a.Condition)
	if a.Excess != nil {
		text += fmt.Sprintf(", %.1f ms above its baseline (by %s)", *a.Excess, a.Source)
	}
	if a.LossRatio != nil {
		text += fmt.Sprintf(", loss %.0f %%", 100**a.LossRatio)
	}
	return text
}

func queueText(q telemetry.Queue, source telemetry.Origin) string {
	switch {
	case source == telemetry.FromFile:
		return ""
	case q.Drops != nil && q.Depth != nil:
		text := fmt.Sprintf("%d drops, %d packets waiting", *q.Drops, *q.Depth)
		if len(q.DropsNotCounted) > 0 {
			text += "; drops of " + strings.Join(q.DropsNotCounted, " and ") + " are not counted by the router: depth and delay decide"
		}
		return text
	case q.Available:
		return "just read for the first time"
	}
	return "not available: the delay alone decides"
}

func ageText(seconds *float64) string {
	if seconds == nil {
		return "not known"
	}
	return (time.Duration(*seconds) * time.Second).String()
}
