// Package cli is the command line of wanctl: the root command and one package a
// command group below it, each command in four parts (options, the cobra
// command, the run function, printing).
package cli

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/calibratecmd"
	"github.com/wanctl/wanctl/pkg/cli/configcmd"
	"github.com/wanctl/wanctl/pkg/cli/democmd"
	"github.com/wanctl/wanctl/pkg/cli/doctorcmd"
	"github.com/wanctl/wanctl/pkg/cli/fleetcmd"
	"github.com/wanctl/wanctl/pkg/cli/hacmd"
	"github.com/wanctl/wanctl/pkg/cli/notifycmd"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/cli/probecmd"
	"github.com/wanctl/wanctl/pkg/cli/reportcmd"
	"github.com/wanctl/wanctl/pkg/cli/routercmd"
	"github.com/wanctl/wanctl/pkg/cli/simcmd"
	"github.com/wanctl/wanctl/pkg/cli/statecmd"
	"github.com/wanctl/wanctl/pkg/cli/statuscmd"
	"github.com/wanctl/wanctl/pkg/cli/tracecmd"
	"github.com/wanctl/wanctl/pkg/sysd"
)

const rootLong = `wanctl keeps a WAN behind a MikroTik router free of bufferbloat.

It measures round-trip time twenty times a second, sees a queue building up
outside the router, and moves the limits of two CAKE queues so that the queue
stays where CAKE can manage it.

Start with 'wanctl demo', which needs no router and no configuration.

Without arguments it runs the command that WANCTL_MODE names, as a container does
with WANCTL_MODE=shape.`

func newRootCmd(a *app.App) *cobra.Command {
	root := a.NewRoot(rootLong)
	root.AddCommand(
		configcmd.New(a),
		routercmd.New(a),
		newRunCmd(a),
		newShapeCmd(a),
		newSteerCmd(a),
		newServeCmd(a),
		probecmd.New(a),
		tracecmd.New(a),
		democmd.New(a),
		doctorcmd.New(a),
		hacmd.New(a),
		fleetcmd.New(a),
		notifycmd.New(a),
		calibratecmd.New(a),
		statecmd.New(a),
		simcmd.New(a),
		newVersionCmd(a),
	)
	root.AddCommand(statuscmd.New(a)...)
	root.AddCommand(reportcmd.New(a))
	app.AddStatuses(root)
	return root
}

// Main runs the command line args and returns the exit status. The first SIGINT
// or SIGTERM ends the command in an orderly way, a second one kills it.
func Main(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // from then on the system's default holds
	defer sysd.CollectOrphans()()
	return Run(ctx, &app.App{Streams: output.System(), LookupEnv: os.LookupEnv, Version: version()}, args)
}

// Run is Main for a given App.
func Run(ctx context.Context, a *app.App, args []string) int {
	root := newRootCmd(a)
	if mode, _ := a.LookupEnv("WANCTL_MODE"); len(args) == 0 {
		args = strings.Fields(mode)
		if err := checkMode(root, args); err != nil {
			a.PrintError(root, err)
			return app.ExitStatus(err)
		}
	}
	return a.Execute(ctx, root, args)
}

// checkMode returns an error if args are not what a daemon runs: a service that
// prints something and ends with success would be started for ever.
func checkMode(root *cobra.Command, args []string) error {
	var modes []string
	for _, c := range root.Commands() {
		if c.GroupID == app.GroupLoops {
			modes = append(modes, c.Name())
		}
	}
	if len(args) == 0 || slices.Contains(modes, args[0]) {
		return nil
	}
	return app.Usagef("WANCTL_MODE=%s: no such mode; use one of %s", strings.Join(args, " "), strings.Join(modes, ", "))
}

// Command returns the whole command tree without running it, for generating
// documentation.
func Command(version string) *cobra.Command {
	return newRootCmd(&app.App{Version: version, LookupEnv: func(string) (string, bool) { return "", false }})
}
