package cli

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
)

const rootLong = `wanctl keeps a WAN behind a MikroTik router free of bufferbloat.

It measures round-trip time twenty times a second, sees a queue building up
outside the router, and moves the limits of two CAKE queues so that the queue
stays where CAKE can manage it.

Start with 'wanctl shape --demo', which needs no router and no configuration.

`

// Command groups of the help text.
const (
	groupLoops = "loops"
	groupTools = "tools"
)

func newRootCmd(a *App) *cobra.Command {
	root := &cobra.Command{
		Use:           "wanctl",
		Short:         "Adaptive bandwidth control for MikroTik routers",
		Long:          rootLong + exitStatuses,
		Version:       a.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// cobra checks them later, but with an error that is not a usage error.
			if err := cmd.ValidateFlagGroups(); err != nil {
				return usagef("%v", err)
			}
			return a.readEnvironment(cmd)
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.SetVersionTemplate("wanctl {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupLoops, Title: "Loops:"},
		&cobra.Group{ID: groupTools, Title: "Tools:"},
	)
	root.SetHelpCommandGroupID(groupTools)
	root.SetCompletionCommandGroupID(groupTools)
	a.addGlobalFlags(root)

	root.AddCommand(
		newConfigCmd(a),
		newRouterCmd(a),
		newShapeCmd(a),
		newSteerCmd(a),
		newServeCmd(a),
		newProbeCmd(a),
		newStateCmd(a),
		newSimCmd(a),
		newVersionCmd(a),
	)
	return root
}

func (a *App) addGlobalFlags(root *cobra.Command) {
	g := &a.global
	g.output = output.Table
	f := root.PersistentFlags()
	f.Var(&once{value: &g.config}, "config", "configuration `FILE` of one WAN (env WANCTL_CONFIG)")
	f.StringVar(&g.configDir, "config-dir", "/etc/wanctl", "`DIR` where --wan NAME finds NAME.yaml (env WANCTL_CONFIG_DIR)")
	f.StringArrayVar(&g.wans, "wan", nil, "WAN by `NAME`: NAME.yaml in the configuration directory; repeatable for shape")
	f.VarP(&g.output, "output", "o", "output format: table, json, jsonl or csv")
	f.StringVar(&g.logLevel, "log-level", "info", "debug, info, warn or error (env WANCTL_LOG_LEVEL)")
	f.StringVar(&g.logFormat, "log-format", "text", "text or json (env WANCTL_LOG_FORMAT)")
	f.BoolVar(&g.noColor, "no-color", false, "no colour, even on a terminal (env NO_COLOR)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no warnings and no progress")
	for name, values := range map[string][]string{
		"output":     output.Formats(),
		"log-level":  {"debug", "info", "warn", "error"},
		"log-format": {"text", "json"},
	} {
		completeFlag(root, name, values...)
	}
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml")
	_ = root.MarkPersistentFlagDirname("config-dir")
}

// completeFlag offers fixed values for a flag of cmd.
func completeFlag(cmd *cobra.Command, name string, values ...string) {
	// The only error is a flag that does not exist, which the tests would see.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// readEnvironment fills global flags that were not given from the environment
// (flag, environment, file, default) and checks them.
func (a *App) readEnvironment(cmd *cobra.Command) error {
	for flag, name := range map[string]string{
		"config":     "WANCTL_CONFIG",
		"config-dir": "WANCTL_CONFIG_DIR",
		"log-level":  "WANCTL_LOG_LEVEL",
		"log-format": "WANCTL_LOG_FORMAT",
	} {
		f := cmd.Flags().Lookup(flag)
		if flag == "config" && cmd.Flags().Changed("wan") {
			continue // a WAN named on the command line beats a default file
		}
		if v, ok := a.LookupEnv(name); ok && v != "" && f != nil && !f.Changed {
			if err := f.Value.Set(v); err != nil {
				return usagef("environment %s: %v", name, err)
			}
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.global.logLevel)); err != nil {
		return usagef("--log-level %q: use debug, info, warn or error", a.global.logLevel)
	}
	if f := a.global.logFormat; f != "text" && f != "json" {
		return usagef("--log-format %q: use text or json", f)
	}
	if v, ok := a.LookupEnv("NO_COLOR"); ok && v != "" {
		a.global.noColor = true
	}
	return nil
}

// needSubcommand is the RunE of a command that only groups others.
func needSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	return &usageError{"a subcommand is needed"}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	msg := "unknown command " + name + " for " + cmd.CommandPath()
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		msg += "; did you mean " + near[0] + "?"
	}
	return &usageError{msg}
}

// usageArgs turns cobra's argument errors into usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			var usage *usageError
			if errors.As(err, &usage) {
				return err
			}
			return &usageError{err.Error()}
		}
		return nil
	}
}

// Command returns the whole command tree without running it, for generating
// documentation.
func Command(version string) *cobra.Command {
	return newRootCmd(&App{Version: version, LookupEnv: func(string) (string, bool) { return "", false }})
}
