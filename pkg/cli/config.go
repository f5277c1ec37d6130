package cli

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/config"
)

const configLong = `Check, show and explain configuration files.

A WAN has one YAML file: /etc/wanctl/NAME.yaml for --wan NAME, or --config FILE.
Steering has one of its own, usually /etc/wanctl/steering.yaml: --wan steering.
Values come from flags, then the environment, then the file, then defaults.

  ${NAME}             in any value is replaced from the environment
  ROUTER_PASSWORD     is the password when the file has none
  WANCTL_ROUTER_HOST  overrides router.host, and so on for every key: its dotted
                      name in upper case, _ for the dots; lists with commas

`

func newConfigCmd(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, show and explain configuration files",
		Long:    configLong + exitStatuses,
		GroupID: groupTools,
		RunE:    needSubcommand,

		SuggestionsMinimumDistance: 2, // cobra's default is to suggest nothing
	}
	cmd.AddCommand(newConfigValidateCmd(a), newConfigShowCmd(a), newConfigExplainCmd(a))
	return cmd
}

func (a *App) configOptions() config.Options { return config.Options{LookupEnv: a.LookupEnv} }

// configPaths returns the files that the global flags name, at least one.
func (a *App) configPaths() ([]string, error) {
	g := &a.global
	switch {
	case g.config != "" && len(g.wans) > 0:
		return nil, usagef("give --config FILE or --wan NAME, not both")
	case g.config != "":
		return []string{g.config}, nil
	case len(g.wans) == 0:
		return nil, usagef("which WAN? give --wan NAME for NAME.yaml in %s, or --config FILE%s", g.configDir, existingWANs(g.configDir))
	}
	paths := make([]string, len(g.wans))
	for i, name := range g.wans {
		path, err := config.Path(g.configDir, name)
		if err != nil {
			return nil, usagef("--wan: %v", err)
		}
		paths[i] = path
	}
	return paths, nil
}

// kindOf is config.Kind, going by the name where the sections do not tell: of a
// file that is missing or empty too, the right loader has the right advice.
func kindOf(path string) config.FileKind {
	kind := config.Kind(path)
	if name := filepath.Base(path); kind == config.KindUnknown && strings.TrimSuffix(name, filepath.Ext(name)) == "steering" {
		return config.KindSteering
	}
	return kind
}

// onePath is configPaths for a command that works on exactly one.
func (a *App) onePath(cmd *cobra.Command) (string, error) {
	if n := len(a.global.wans); n > 1 {
		return "", usagef("%s works on one WAN, and --wan was given %d times", cmd.CommandPath(), n)
	}
	paths, err := a.configPaths()
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

// loadWANs reads the configuration of every WAN the global flags name, at least
// one, and prints its warnings. WANs that must not run together are an error.
func (a *App) loadWANs(*cobra.Command) ([]*config.WAN, error) {
	paths, err := a.configPaths()
	if err != nil {
		return nil, err
	}
	var (
		wans []*config.WAN
		bad  config.Error
	)
	for _, path := range paths {
		wan, warnings, err := config.Load(path, a.configOptions())
		a.warnProblems(warnings)
		var invalid *config.Error
		switch {
		case errors.As(err, &invalid):
			bad.Problems = append(bad.Problems, invalid.Problems...)
		case err != nil:
			return nil, err
		default:
			wans = append(wans, wan)
		}
	}
	if len(bad.Problems) > 0 {
		return nil, &bad
	}
	if err := config.CheckTogether(wans); err != nil {
		return nil, err
	}
	return wans, nil
}

// loadWAN is loadWANs for a command that works on exactly one.
func (a *App) loadWAN(cmd *cobra.Command) (*config.WAN, error) {
	path, err := a.onePath(cmd)
	if err != nil {
		return nil, err
	}
	return a.readWAN(path, a.configOptions())
}

// loadBase is loadWAN for a command to which steering's file is as good: it
// has to do with the router alone.
func (a *App) loadBase(cmd *cobra.Command) (*config.Base, error) {
	path, err := a.onePath(cmd)
	if err != nil {
		return nil, err
	}
	if kindOf(path) == config.KindSteering {
		s, err := a.readSteering(path, a.configOptions())
		if err != nil {
			return nil, err
		}
		return &s.Base, nil
	}
	wan, err := a.readWAN(path, a.configOptions())
	if err != nil {
		return nil, err
	}
	return &wan.Base, nil
}

// readWAN reads the configuration of a WAN and prints its warnings.
func (a *App) readWAN(path string, opts config.Options) (*config.WAN, error) {
	wan, warnings, err := config.Load(path, opts)
	a.warnProblems(warnings)
	return wan, err
}

// readSteering reads the configuration of steering and prints its warnings.
func (a *App) readSteering(path string, opts config.Options) (*config.Steering, error) {
	s, warnings, err := config.LoadSteering(path, opts)
	a.warnProblems(warnings)
	return s, err
}

func (a *App) warnProblems(warnings []config.Problem) {
	for _, p := range warnings {
		a.warnf("%s", p)
	}
}
