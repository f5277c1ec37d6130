package routercmd

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
	LastStarted string   `json:"last_started_local,omitempty"` // by the clock and in the time zone of the router
	Invalid     bool     `json:"invalid"`
}

func newScriptCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("script", "List and run scripts", "List the scripts of the router, and run one.",
		newScriptListCmd(a, o), newScriptRunCmd(a, o))
}

func newScriptListCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerScript](a, listRows(a, o, &cobra.Command{
		Use:   "list",
		Short: "List scripts with the policies they need and how often they ran",
		Long: `Print the scripts of the router. A user can run a script only with all of the
policies that it lists.`,
		Example: `  wanctl router script list --wan spectrum`,
	}, router.Client.Scripts, newRouterScript, scriptColumns()))
}

func newRouterScript(s router.Script) routerScript {
	return routerScript{
		Name: s.Name, Owner: s.Owner, Comment: s.Comment, Policies: append([]string{}, s.Policies...),
		RunCount: s.RunCount, LastStarted: s.LastStarted, Invalid: s.Invalid,
	}
}

func scriptColumns() []output.Column[routerScript] {
	return []output.Column[routerScript]{
		output.Text("NAME", func(s routerScript) string { return s.Name }),
		output.Text("OWNER", func(s routerScript) string { return s.Owner }),
		output.Number("RUNS", func(s routerScript) string { return strconv.FormatUint(s.RunCount, 10) }),
		output.Text("LAST STARTED", func(s routerScript) string {
			if s.LastStarted == "" {
				return "never"
			}
			return s.LastStarted
		}),
		output.Text("STATE", func(s routerScript) string {
			if s.Invalid {
				return "invalid"
			}
			return "ok"
		}),
		output.Text("POLICIES", func(s routerScript) string { return strings.Join(s.Policies, ",") }),
		output.Text("COMMENT", func(s routerScript) string { return s.Comment }),
	}
}

// scriptRun is the output for programs. A script that failed has none.
type scriptRun struct {
	Script string `json:"script"`
	Ran    bool   `json:"ran"`
}

func newScriptRunCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[scriptRun](a, &cobra.Command{
		Use:   "run NAME",
		Short: "Run one script and wait for its end",
		Long: `Run the script of that exact name and wait until it has ended. Its output is not
available; an error that ends it is shown, and the status is 1.

If the script takes longer than --wait, or the connection breaks, it is unknown whether
the script ran: the status is 4, and it is not started a second time. Routers end a
request over rest after 60 s.`,
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
				return output.One(a.Out, a.Global.Output, scriptRun{Script: args[0], Ran: true},
					output.Printable(args[0])+": ran without an error\n")
			})
		},
	})
}

func runScript(ctx context.Context, client router.Client, name string) error {
	err := client.RunScript(ctx, name)
	if errors.Is(err, router.ErrDenied) {
		return fmt.Errorf("%w; script %q may need more policies than the user has: 'wanctl router script list' shows them", err, name)
	}
	return unsure(err, fmt.Sprintf("script %q may have run, or may be running: 'wanctl router script list' shows when it last started", name))
}
