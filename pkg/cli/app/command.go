package app

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
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

// completeWANs offers the configurations of the directory that were not given yet:
// those of WANs, and for a command that reads others too, those of steering.
func (a *App) completeWANs(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if err := a.ReadEnvironment(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ofWAN := slices.Contains([]string{"shape", "probe"}, cmd.Name())
	var names []string
	for _, name := range config.Names(a.Global.ConfigDir) {
		path, err := config.Path(a.Global.ConfigDir, name)
		given := slices.Contains(a.Global.WANs, name)
		if err == nil && !given && (!ofWAN || config.DetectKind(path) != config.KindSteering) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
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

// UnknownCommand is the error about a subcommand that cmd does not have, with the one
// that was probably meant.
func UnknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	near := schema.Nearest(name, names)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, name) }); near == "" && i >= 0 {
		near = names[i]
	}
	msg := "unknown command " + name + " for " + cmd.CommandPath()
	if near != "" {
		msg += "; did you mean " + near + "?"
	}
	return &UsageError{msg}
}

// flagError makes an error of the flags of cmd a usage error that names the flag that
// was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return Usagef("%v", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := schema.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return Usagef("%v; did you mean --%s?", err, near)
	}
	return Usagef("%v", err)
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
