package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// NewRoot returns the command wanctl without subcommands: the global flags, the
// groups of the help text, and usage errors for what cobra refuses.
func (a *App) NewRoot(long string) *cobra.Command {
	root := &cobra.Command{
		Use:           "wanctl",
		Short:         "Adaptive bandwidth control for MikroTik routers",
		Long:          long,
		Version:       a.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return UnknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// cobra checks them later, but with an error that is not a usage error.
			if err := cmd.ValidateFlagGroups(); err != nil {
				return Usagef("%v", err)
			}
			return a.ReadEnvironment(cmd)
		},
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("wanctl {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: GroupLoops, Title: "Loops:"},
		&cobra.Group{ID: GroupTools, Title: "Tools:"},
	)
	root.SetHelpCommandGroupID(GroupTools)
	root.SetCompletionCommandGroupID(GroupTools)
	a.AddGlobalFlags(root)
	return root
}

// Execute runs root with args, prints the error, if any, and returns the exit
// status.
func (a *App) Execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !errors.As(err, new(*PluginError)) {
		a.PrintError(cmd, err)
	}
	return ExitStatus(err)
}
