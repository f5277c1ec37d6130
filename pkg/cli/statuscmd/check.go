package statuscmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Statuses of a Nagios plugin.
const (
	pluginOK = iota
	pluginWarning
	pluginCritical
	pluginUnknown
)

var pluginNames = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

const checkLong = `Check the WANs and the steering of this host as a plugin of Nagios, Icinga, Checkmk
or Zabbix does: one line with the state, and performance data after the bar. It prints
on standard output alone, errors too. UNKNOWN is its answer to a configuration that is
absent or cannot be read, and to a wrong flag, argument, variable or secrets file.

EXIT STATUS
  0  OK: everything is healthy
  1  WARNING: something is starting, or works with a warning
  2  CRITICAL: something is degraded, or does not run
  3  UNKNOWN: the state cannot be determined
`

// checkTimeout is how long the daemons may take to answer: less than a monitor waits.
const checkTimeout = 8 * time.Second

func newCheckCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report the state of every WAN as a Nagios plugin does",
		Long:  checkLong,
		Example: `  wanctl check
  wanctl check --wan spectrum`,
		Annotations: app.OwnStatuses,
		GroupID:     app.GroupTools,
		Args: func(cmd *cobra.Command, args []string) error {
			return unknown(a, cobra.NoArgs(cmd, args))
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.Err = io.Discard // a plugin has one line
			return unknown(a, cmd.Root().PersistentPreRunE(cmd, args))
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Global.Output != output.Table {
				return unknown(a, fmt.Errorf("check has no -o %s: wanctl status -o %[1]s", a.Global.Output))
			}
			status, text := check(a, cmd.Context())
			return report(a, status, text)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return unknown(a, cmd.Root().FlagErrorFunc()(cmd, err))
	})
	return cmd
}

// report prints the line of a plugin and returns its status as an error.
func report(a *app.App, status int, text string) error {
	if _, err := fmt.Fprintf(a.Out, "WANCTL %s - %s\n", pluginNames[status], text); err != nil {
		return err
	}
	return app.Exit(status)
}

// unknown reports err, if any, as UNKNOWN: the status of a usage error is CRITICAL to a
// monitor.
func unknown(a *app.App, err error) error {
	if err == nil {
		return nil
	}
	return report(a, pluginUnknown, firstLine(err))
}

func check(a *app.App, ctx context.Context) (status int, text string) {
	h, err := find(a)
	if err != nil {
		return pluginUnknown, firstLine(err)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	doc := h.Host(ctx)
	var said []string
	for _, r := range rows(doc) {
		s := pluginOK
		switch {
		case r.Status == string(telemetry.Degraded):
			s = pluginCritical
		case !telemetry.Status(r.Status).Well(), r.Kind == "wan" && r.Note != "":
			s = pluginWarning
		}
		if status = max(status, s); s != pluginOK {
			said = append(said, fmt.Sprintf("%s %s: %s", r.Name, r.Status, r.Note))
		}
	}
	if status == pluginOK {
		said = []string{fmt.Sprintf("%d of %[1]d healthy", len(doc.WANs)+len(doc.Steering))}
	}
	text = oneLine(strings.Join(said, "; "))
	if data := performance(doc); data != "" {
		text += " | " + data
	}
	return status, text
}

func firstLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return oneLine(first)
}

// oneLine keeps the bar for the performance data.
func oneLine(s string) string { return strings.ReplaceAll(output.Printable(s), "|", "/") }

// performance returns the performance data of the WANs whose loop runs.
func performance(doc telemetry.Host) string {
	var list []string
	add := func(name, what string, value *float64, unit string, bounds ...*float64) {
		if value == nil {
			return
		}
		text := fmt.Sprintf("'%s %s'=%.3f%s", strings.NewReplacer("'", "", "=", "").Replace(name), what, *value, unit)
		if len(bounds) == 2 && bounds[0] != nil && bounds[1] != nil {
			text += fmt.Sprintf(";;;%.3f;%.3f", *bounds[0], *bounds[1])
		}
		list = append(list, text)
	}
	for _, w := range doc.WANs {
		if w.Source != telemetry.FromLoop {
			continue
		}
		add(w.Name, "download Mbit/s", w.Download.CurrentRateMbps, "", w.Download.FloorMbps, w.Download.CeilingMbps)
		add(w.Name, "upload Mbit/s", w.Upload.CurrentRateMbps, "", w.Upload.FloorMbps, w.Upload.CeilingMbps)
		add(w.Name, "rtt", w.LoadRTTMs, "ms")
		add(w.Name, "idle rtt", w.BaselineRTTMs, "ms")
		add(w.Name, "above idle", w.ExcessMs, "ms")
	}
	return strings.Join(list, " ")
}
