package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
)

// GlobalFlags are the flags that every command has.
type GlobalFlags struct {
	Config    string
	ConfigDir string
	WANs      []string
	Secrets   string
	Output    output.Format
	LogLevel  string
	LogFormat string
	NoColor   bool
	Quiet     bool
}

// AddGlobalFlags declares the global flags on the root command.
func (a *App) AddGlobalFlags(root *cobra.Command) {
	g := &a.Global
	g.Output = output.Table
	f := root.PersistentFlags()
	f.Var(&onceValue{value: &g.Config}, "config", "configuration `FILE` of one WAN (env WANCTL_CONFIG)")
	f.StringVar(&g.ConfigDir, "config-dir", "/etc/wanctl", "`DIR` where --wan NAME finds NAME.yaml (env WANCTL_CONFIG_DIR)")
	f.StringArrayVar(&g.WANs, "wan", nil, "WAN by `NAME`: NAME.yaml in the configuration directory (default its only WAN, else wan); repeatable for shape")
	f.StringVar(&g.Secrets, "secrets", config.SecretsFile, "`FILE` of lines NAME=VALUE, for what the environment does not have; the default is read where it may be (env WANCTL_SECRETS)")
	f.VarP(&g.Output, "output", "o", "output format: table, json, jsonl or csv")
	f.StringVar(&g.LogLevel, "log-level", "info", "debug, info, warn or error (env WANCTL_LOG_LEVEL)")
	f.StringVar(&g.LogFormat, "log-format", "text", "text or json (env WANCTL_LOG_FORMAT)")
	f.BoolVar(&g.NoColor, "no-color", false, "no colour, even on a terminal (env NO_COLOR)")
	f.BoolVarP(&g.Quiet, "quiet", "q", false, "no warnings and no progress")
	for name, values := range map[string][]string{
		"output":     output.Formats(),
		"log-level":  {"debug", "info", "warn", "error"},
		"log-format": {"text", "json"},
	} {
		CompleteFlag(root, name, values...)
	}
	_ = root.RegisterFlagCompletionFunc("wan", a.completeWANs)
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml")
	_ = root.MarkPersistentFlagFilename("secrets")
	_ = root.MarkPersistentFlagDirname("config-dir")
}

// ReadEnvironment fills global flags that were not given from the environment
// (flag, environment, file, default) and checks them.
func (a *App) ReadEnvironment(cmd *cobra.Command) error {
	if v, ok := a.LookupEnv("WANCTL_SECRETS"); ok && v != "" && !cmd.Flags().Changed("secrets") {
		if err := cmd.Flags().Set("secrets", v); err != nil {
			return Usagef("environment WANCTL_SECRETS: %v", err)
		}
	}
	optional := !cmd.Flags().Changed("secrets")
	if _, err := os.Lstat(a.Global.Secrets); errors.Is(err, fs.ErrNotExist) {
		optional = optional || cmd.Annotations["secrets"] == "written"
	}
	if err := a.addSecrets(optional); err != nil {
		return err
	}
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
				return Usagef("environment %s: %v", name, err)
			}
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.Global.LogLevel)); err != nil {
		return Usagef("--log-level %q: use debug, info, warn or error", a.Global.LogLevel)
	}
	if f := a.Global.LogFormat; f != "text" && f != "json" {
		return Usagef("--log-format %q: use text or json", f)
	}
	if v, ok := a.LookupEnv("NO_COLOR"); ok && v != "" {
		a.Global.NoColor = true
	}
	return nil
}

// WritesSecrets annotates a command that makes the file of --secrets where there is none.
var WritesSecrets = map[string]string{"secrets": "written"}

// addSecrets completes the environment with the variables of the secrets file. What is
// wrong with an optional one is a warning, as to systemd: most commands need no secret,
// and a configuration that needs a missing one names it.
func (a *App) addSecrets(optional bool) error {
	secrets, open, err := config.ReadSecrets(a.Global.Secrets, optional)
	var invalid *config.Error
	switch {
	case optional && errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			a.Warnf("%s; variables that are set there may be missing", p)
		}
	case err != nil:
		return err
	}
	if open {
		a.Warnf("%s: may be read by everyone; run: chmod 600 %[1]s", a.Global.Secrets)
	}
	environment := a.LookupEnv
	a.LookupEnv = func(name string) (string, bool) {
		if value, ok := environment(name); ok {
			return value, true
		}
		value, ok := secrets[name]
		return value, ok
	}
	return nil
}

// onceValue is a flag that takes one value. Of two files one would silently be left
// out otherwise. The same value again is harmless: completion parses flags twice.
type onceValue struct {
	value *string
	set   bool
}

// String implements pflag.Value.
func (o *onceValue) String() string {
	if o.value == nil {
		return ""
	}
	return *o.value
}

// Type implements pflag.Value.
func (o *onceValue) Type() string { return "string" }

// Set implements pflag.Value.
func (o *onceValue) Set(v string) error {
	if o.set && v != *o.value {
		return errors.New("it was given before; several WANs are named by --wan NAME, repeated, with --config-dir DIR")
	}
	*o.value, o.set = v, true
	return nil
}
