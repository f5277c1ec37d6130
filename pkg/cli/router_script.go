package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerScript is the output for programs.
type routerScript struct {
	Name        string   `json:"name"`
	Owner       string   `json:"owner"`
	Comment     string   `json:"comment,omitempty"`
	Policies    []string `json:"policies"`
	RunCount    uint64   `json:"run_count"`
	LastStarted string   `json:"last_started,omitempty"` // as the router writes times
	Invalid     bool     `json:"invalid"`
}

func newRouterScriptCmd(a *app.App, o *routerFlags) *cobra.Command {
	return newRouterGroup("script", "Scripts of the router", "List the scripts of the router, and run one.",
		newScriptListCmd(a, o), newScriptRunCmd(a, o))
}

func newScriptListCmd(a *app.App, o *routerFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Scripts, the policies they need and how often they ran",
		Long: `Print the scripts of the router. A user can run a script only with all of the
policies that it lists.

` + app.ExitStatuses,
		Example: `  wanctl router script list --wan spectrum`,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				scripts, err := client.Scripts(ctx)
				if err != nil {
					return err
				}
				shown := make([]routerScript, len(scripts))
				for i, s := range scripts {
					shown[i] = routerScript{
						Name: s.Name, Owner: s.Owner, Comment: s.Comment, Policies: append([]string{}, s.Policies...),
						RunCount: s.RunCount, LastStarted: s.LastStarted, Invalid: s.Invalid,
					}
				}
				return list(a, shown, scriptColumns(), scriptFields())
			})
		},
	}
}

func scriptColumns() []output.Column[routerScript] {
	return []output.Column[routerScript]{
		text("NAME", func(s routerScript) string { return s.Name }),
		text("OWNER", func(s routerScript) string { return s.Owner }),
		number("RUNS", func(s routerScript) string { return strconv.FormatUint(s.RunCount, 10) }),
		text("LAST STARTED", func(s routerScript) string {
			if s.LastStarted == "" {
				return "never"
			}
			return s.LastStarted
		}),
		text("STATE", func(s routerScript) string {
			if s.Invalid {
				return "invalid"
			}
			return "ok"
		}),
		text("POLICIES", func(s routerScript) string { return strings.Join(s.Policies, ",") }),
		text("COMMENT", func(s routerScript) string { return s.Comment }),
	}
}

func scriptFields() []output.Column[routerScript] {
	return []output.Column[routerScript]{
		field("name", func(s routerScript) any { return s.Name }),
		field("owner", func(s routerScript) any { return s.Owner }),
		field("comment", func(s routerScript) any { return s.Comment }),
		field("policies", func(s routerScript) any { return strings.Join(s.Policies, ",") }),
		field("run_count", func(s routerScript) any { return s.RunCount }),
		field("last_started", func(s routerScript) any { return s.LastStarted }),
		field("invalid", func(s routerScript) any { return s.Invalid }),
	}
}

// scriptRun is the output for programs. A script that failed has none.
type scriptRun struct {
	Script string `json:"script"`
	Ran    bool   `json:"ran"`
}

func newScriptRunCmd(a *app.App, o *routerFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "run NAME",
		Short: "Run one script and wait for its end",
		Long: `Run the script of that exact name and wait until it has ended. What it prints is
lost; an error that ends it is shown, and the status is 1.

A script that takes longer than --wait, or a connection that breaks, leaves open
whether it ran: the status is 4, and it is never started a second time. Routers
themselves give up on a request over rest after 60 s.

` + app.ExitStatuses,
		Example: `  wanctl router script run steer-on --wan spectrum
  wanctl router script run backup --wait 50s --host 192.168.88.1`,
		Args:              app.UsageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: o.complete(a, scriptNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := plainWord("script", args[0]); err != nil {
				return err
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				if err := runScript(ctx, client, args[0]); err != nil {
					return err
				}
				run := scriptRun{Script: args[0], Ran: true}
				switch a.Global.Output {
				case output.JSON:
					return output.EncodeJSON(a.Out, run)
				case output.JSONL, output.CSV:
					return output.List(a.Out, a.Global.Output, []scriptRun{run}, []output.Column[scriptRun]{
						field("script", func(r scriptRun) any { return r.Script }),
						field("ran", func(r scriptRun) any { return r.Ran }),
					})
				case output.Table:
				}
				_, err := fmt.Fprintf(a.Out, "%s: ran without an error\n", output.Printable(run.Script))
				return err
			})
		},
	}
}

func runScript(ctx context.Context, client router.Client, name string) error {
	err := client.RunScript(ctx, name)
	if errors.Is(err, router.ErrDenied) {
		return fmt.Errorf("%w; script %q may need more policies than the user has: 'wanctl router script list' shows them", err, name)
	}
	return unsure(err, fmt.Sprintf("script %q may have run, or may be running: 'wanctl router script list' shows when it last started", name))
}
