// Package cli is the command line of wanctl: the root command and one package a
// command group below it, each command in four parts (options, the cobra
// command, the run function, printing).
package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/configcmd"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/cli/statecmd"
)

const rootLong = `wanctl keeps a WAN behind a MikroTik router free of bufferbloat.

It measures round-trip time twenty times a second, sees a queue building up
outside the router, and moves the limits of two CAKE queues so that the queue
stays where CAKE can manage it.

Start with 'wanctl demo', which needs no router and no configuration.

`

func newRootCmd(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:           "wanctl",
		Short:         "Adaptive bandwidth control for MikroTik routers",
		Long:          rootLong + app.ExitStatuses,
		Version:       a.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return app.UnknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// cobra checks them later, but with an error that is not a usage error.
			if err := cmd.ValidateFlagGroups(); err != nil {
				return app.Usagef("%v", err)
			}
			return a.ReadEnvironment(cmd)
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return app.Usagef("%v", err) })
	root.SetVersionTemplate("wanctl {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: app.GroupLoops, Title: "Loops:"},
		&cobra.Group{ID: app.GroupTools, Title: "Tools:"},
	)
	root.SetHelpCommandGroupID(app.GroupTools)
	root.SetCompletionCommandGroupID(app.GroupTools)
	a.AddGlobalFlags(root)

	root.AddCommand(
		configcmd.New(a),
		newRouterCmd(a),
		newShapeCmd(a),
		newSteerCmd(a),
		newServeCmd(a),
		newProbeCmd(a),
		newTraceCmd(a),
		newDemoCmd(a),
		statecmd.New(a),
		newSimCmd(a),
		newVersionCmd(a),
	)
	return root
}

// Main runs the command line args and returns the exit status. The first SIGINT
// or SIGTERM ends the command in an orderly way, a second one kills it.
func Main(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // from then on the system's default holds
	return Run(ctx, &app.App{Streams: output.System(), LookupEnv: os.LookupEnv, Version: version()}, args)
}

// Run is Main for a given App.
func Run(ctx context.Context, a *app.App, args []string) int {
	root := newRootCmd(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		a.PrintError(cmd, err)
	}
	return app.ExitStatus(err)
}

// Command returns the whole command tree without running it, for generating
// documentation.
func Command(version string) *cobra.Command {
	return newRootCmd(&app.App{Version: version, LookupEnv: func(string) (string, bool) { return "", false }})
}
