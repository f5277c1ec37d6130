package app

import (
	"errors"

	"github.com/spf13/cobra"
)

// Command groups of the help text.
const (
	GroupLoops = "loops"
	GroupTools = "tools"
)

// CompleteFlag offers fixed values for a flag of cmd.
func CompleteFlag(cmd *cobra.Command, name string, values ...string) {
	// The only error is a flag that does not exist, which the tests would see.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// NeedSubcommand is the RunE of a command that only groups others.
func NeedSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return UnknownCommand(cmd, args[0])
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	return &UsageError{"a subcommand is needed"}
}

func UnknownCommand(cmd *cobra.Command, name string) error {
	msg := "unknown command " + name + " for " + cmd.CommandPath()
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		msg += "; did you mean " + near[0] + "?"
	}
	return &UsageError{msg}
}

// UsageArgs turns cobra's argument errors into usage errors.
func UsageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			var usage *UsageError
			if errors.As(err, &usage) {
				return err
			}
			return &UsageError{err.Error()}
		}
		return nil
	}
}
