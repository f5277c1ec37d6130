// Package statuscmd holds the commands that report the present health of the daemons of
// this host: status for people, check for monitors, health for containers. They only
// read, and need neither a router nor a password.
package statuscmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/host"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/aggregate"
)

// New returns the three commands.
func New(a *app.App) []*cobra.Command {
	return []*cobra.Command{newStatusCmd(a), newCheckCmd(a), newHealthCmd(a)}
}

const statusLong = `Show how every WAN and the steering of this host are now: one line each, from the
running loops. For a loop that does not run, the line has the values of the state file
and says so. No router is needed.

--wait waits until everything is healthy: for a time such as 30s, or with
"healthy" for as long as it takes.

-o json prints the document that 'wanctl serve' has at /health. The exit status is
0 when everything is healthy, and 5 otherwise.`

func newStatusCmd(a *app.App) *cobra.Command {
	var wait string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every WAN of this host is now",
		Long:  statusLong,
		Example: `  wanctl status
  wanctl status --wan spectrum -o json | jq .wans[0].download
  wanctl status --wait 30s && echo everything is healthy`,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runStatus(a, cmd.Context(), wait) },
	}
	cmd.Flags().StringVar(&wait, "wait", "", "wait until all is healthy: `TIME` such as 30s, or \"healthy\" without a limit")
	app.CompleteFlag(cmd, "wait", "healthy", "30s")
	return app.Prints[telemetry.Host](a, cmd)
}

func runStatus(a *app.App, ctx context.Context, wait string) error {
	var limit time.Duration
	if wait != "" && wait != "healthy" {
		var err error
		if limit, err = time.ParseDuration(wait); err != nil || limit <= 0 {
			return app.Usagef("--wait %q: give a time such as 30s, or healthy", wait)
		}
	}
	h, err := find(a)
	if err != nil {
		return err
	}
	doc := h.Host(ctx)
	if wait != "" {
		doc, err = await(ctx, h, limit)
		if err != nil {
			return err
		}
	}
	if err := print(a, doc); err != nil {
		return err
	}
	if doc.Status != telemetry.Healthy {
		return app.Checkf("%s: %s", doc.Status, strings.Join(reasons(doc), "; "))
	}
	return nil
}

// find returns the daemons of the flags, or of the configuration directory.
func find(a *app.App) (*aggregate.Host, error) {
	return host.Find(host.Options{
		Options: a.DaemonOptions(), Config: a.ConfigOptions(), ConfigDir: a.Global.ConfigDir, Paths: a.NamedPaths(),
	})
}

// pollInterval is the time between two looks while waiting.
const pollInterval = 500 * time.Millisecond

// await returns the first document that is healthy, or the last one at the limit.
func await(ctx context.Context, h *aggregate.Host, limit time.Duration) (telemetry.Host, error) {
	var end <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		end = timer.C
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		doc := h.Host(ctx)
		if doc.Status == telemetry.Healthy {
			return doc, nil
		}
		select {
		case <-ctx.Done():
			return doc, ctx.Err()
		case <-end:
			return doc, nil
		case <-ticker.C:
		}
	}
}

// print prints the document, for people or programs.
func print(a *app.App, doc telemetry.Host) error {
	switch a.Global.Output {
	case output.Table:
		return output.List(a.Out, output.Table, rows(doc), columns(a, rows(doc)))
	case output.CSV:
		return output.List(a.Out, output.CSV, rows(doc), nil)
	}
	return output.One(a.Out, a.Global.Output, doc, "")
}
