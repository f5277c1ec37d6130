package app

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/config"
)

// ConfigOptions returns how configuration files are read: with the
// environment of the command.
func (a *App) ConfigOptions() config.Options {
	return config.Options{LookupEnv: a.LookupEnv, Secrets: a.Global.Secrets}
}

// ConfigPaths returns the files that the global flags name, by default the only WAN of
// the configuration directory, or its wan.yaml.
func (a *App) ConfigPaths() ([]string, error) {
	g := &a.Global
	switch {
	case g.Config != "" && len(g.WANs) > 0:
		return nil, Usagef("give --config FILE or --wan NAME, not both")
	case g.Config != "":
		return []string{g.Config}, nil
	case len(g.WANs) == 0:
		if path := config.Default(g.ConfigDir); path != "" {
			return []string{path}, nil
		}
		if err := config.CheckDir(g.ConfigDir); err != nil {
			return nil, err
		}
		return nil, Usagef("which WAN? give --wan NAME for NAME.yaml in %s, or --config FILE%s", g.ConfigDir, ExistingWANs(g.ConfigDir))
	}
	paths := make([]string, len(g.WANs))
	for i, name := range g.WANs {
		path, err := config.Path(g.ConfigDir, name)
		if err != nil {
			return nil, Usagef("--wan: %v", err)
		}
		paths[i] = path
	}
	return paths, nil
}

// HasConfig reports whether ConfigPaths finds a file to return.
func (a *App) HasConfig() bool {
	g := &a.Global
	return g.Config != "" || len(g.WANs) > 0 || config.Default(g.ConfigDir) != ""
}

// NamedPaths returns a function that lists the files which the flags name, nil
// when they name none.
func (a *App) NamedPaths() func() ([]string, error) {
	if a.Global.Config == "" && len(a.Global.WANs) == 0 {
		return nil
	}
	return a.ConfigPaths
}

// OnePath is ConfigPaths for a command that works on exactly one.
func (a *App) OnePath(cmd *cobra.Command) (string, error) {
	if n := len(a.Global.WANs); n > 1 {
		return "", Usagef("%s works on one WAN, and --wan was given %d times", cmd.CommandPath(), n)
	}
	paths, err := a.ConfigPaths()
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

// LoadWANs reads the configuration of every WAN the global flags name, at least
// one, and prints its warnings. WANs that must not run together are an error.
func (a *App) LoadWANs(*cobra.Command) ([]*config.WAN, error) {
	paths, err := a.ConfigPaths()
	if err != nil {
		return nil, err
	}
	wans, err := a.ReadWANs(paths)
	if err != nil {
		return nil, err
	}
	if err := config.CheckConflicts(wans); err != nil {
		return nil, err
	}
	return wans, nil
}

// CheckAlone returns an error if the configurations of a directory are those of several nodes,
// of which a loop that does not know of the others would not be one.
func (a *App) CheckAlone(dir string) error {
	n, _, err := config.LoadNode(dir, "", a.ConfigOptions())
	if err == nil && n != nil && n.Enabled {
		err = Usagef("%s makes this host one of several nodes, and this loop would write to the router whoever owns it: use 'wanctl run', or --dry-run", n.Path)
	}
	return err
}

// ReadWANs reads the configurations at paths, in their order, and prints their
// warnings. The error lists the problems of all files.
func (a *App) ReadWANs(paths []string) ([]*config.WAN, error) {
	var (
		wans []*config.WAN
		bad  config.Error
	)
	for _, path := range paths {
		wan, err := a.ReadWAN(path, a.ConfigOptions())
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
	return wans, nil
}

// LoadWAN is LoadWANs for a command that works on exactly one.
func (a *App) LoadWAN(cmd *cobra.Command) (*config.WAN, error) {
	path, err := a.OnePath(cmd)
	if err != nil {
		return nil, err
	}
	return a.ReadWAN(path, a.ConfigOptions())
}

// LoadBase is LoadWAN for a command to which steering's file is as good: it
// has to do with the router alone.
func (a *App) LoadBase(cmd *cobra.Command) (*config.Base, error) {
	path, err := a.OnePath(cmd)
	if err != nil {
		return nil, err
	}
	if config.DetectKind(path) == config.KindSteering {
		s, err := a.ReadSteering(path, a.ConfigOptions())
		if err != nil {
			return nil, err
		}
		return &s.Base, nil
	}
	wan, err := a.ReadWAN(path, a.ConfigOptions())
	if err != nil {
		return nil, err
	}
	return &wan.Base, nil
}

// ReadWAN reads the configuration of a WAN and prints its warnings.
func (a *App) ReadWAN(path string, opts config.Options) (*config.WAN, error) {
	wan, warnings, err := config.Load(path, opts)
	a.WarnProblems(warnings)
	return wan, err
}

// ReadSteering reads the configuration of steering and prints its warnings.
func (a *App) ReadSteering(path string, opts config.Options) (*config.Steering, error) {
	s, warnings, err := config.LoadSteering(path, opts)
	a.WarnProblems(warnings)
	return s, err
}

func (a *App) WarnProblems(warnings []config.Problem) {
	for _, p := range warnings {
		a.Warnf("%s", p)
	}
}

// ExistingWANs returns the end of an error text that lists the WANs of dir, or says why
// there are none and what to do.
func ExistingWANs(dir string) string {
	if err := config.CheckDir(dir); err != nil {
		return "; " + err.Error()
	}
	if names := config.Names(dir); len(names) > 0 {
		return "; there are " + strings.Join(names, ", ")
	}
	return "; write one with 'wanctl config init'"
}
