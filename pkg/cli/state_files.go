package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/trace"
)

// stateFile is one state file and what is known of it.
type stateFile struct {
	name   string // wan_name, or that of the file
	kind   state.Kind
	path   string
	named  string // as commands that work on it alone name it
	config string // path of the configuration; "" when not known

	base     *config.Base // nil when the configuration is not known
	wan      *config.WAN
	steering *config.Steering

	problem error // why the configuration cannot be used; there is no path then
}

// stateFiles returns the files that the arguments, or else the global flags,
// name; without either, those of all configurations in the directory. One whose
// configuration cannot be used is among them.
func stateFiles(a *app.App, cmd *cobra.Command, args []string) ([]*stateFile, error) {
	g := &a.Global
	switch {
	case len(args) > 0 && (len(g.WANs) > 0 || cmd.Flags().Changed("config")):
		return nil, app.Usagef("give state files, or --wan or --config, not both")
	case len(args) > 0:
		return statesAt(a, args)
	case len(g.WANs) > 0 || g.Config != "":
		return namedStates(a, cmd)
	}
	files := statesOf(a, g.ConfigDir)
	if len(files) == 0 {
		return nil, app.Usagef("there is no configuration of a WAN or of steering in %s; name another directory with --config-dir, or state files", g.ConfigDir)
	}
	return files, nil
}

// namedStates returns the files of --wan and --config, or of both configurations
// that the environment names.
func namedStates(a *app.App, cmd *cobra.Command) ([]*stateFile, error) {
	paths, err := a.ConfigPaths()
	if err != nil {
		return nil, err
	}
	if other, _ := a.LookupEnv("WANCTL_STEERING_CONFIG"); other != "" && len(a.Global.WANs) == 0 && !cmd.Flags().Changed("config") && other != paths[0] {
		paths = append(paths, other)
	}
	var files []*stateFile
	for i, path := range paths {
		named := "--config " + state.Quote(path)
		if len(a.Global.WANs) > 0 {
			named = wanFlag(a, a.Global.WANs[i])
		}
		files = append(files, stateOf(a, path, named, false))
	}
	return files, nil
}

func wanFlag(a *app.App, name string) string {
	flag := "--wan " + name
	if dir := a.Global.ConfigDir; dir != "/etc/wanctl" {
		flag += " --config-dir " + state.Quote(dir)
	}
	return flag
}

// statesOf returns the files of all configurations in dir.
func statesOf(a *app.App, dir string) []*stateFile {
	var files []*stateFile
	for _, name := range config.Names(dir) {
		path, err := config.Path(dir, name)
		if err != nil {
			continue // not a name: Names has none of those
		}
		if app.KindOf(path) == config.KindUnknown {
			a.Warnf("%s is not to be read as the configuration of a WAN or of steering: left out; see: wanctl config validate %s", path, state.Quote(path))
			continue
		}
		files = append(files, stateOf(a, path, wanFlag(a, name), true))
	}
	return files
}

// stateOf reads a configuration. alone leaves out what the environment overrides,
// which cannot be meant for all configurations at once.
func stateOf(a *app.App, path, named string, alone bool) *stateFile {
	opts := a.ConfigOptions()
	opts.WithoutSecrets, opts.FileAlone = true, alone
	f := &stateFile{config: path, named: named, kind: state.KindWAN}
	// Warnings are for whoever runs the loop or validates the file.
	if app.KindOf(path) == config.KindSteering {
		f.kind = state.KindSteering
		if f.steering, _, f.problem = config.LoadSteering(path, opts); f.problem == nil {
			f.base = &f.steering.Base
		}
	} else if f.wan, _, f.problem = config.Load(path, opts); f.problem == nil {
		f.base = &f.wan.Base
	}
	if f.problem != nil {
		f.name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		return f
	}
	f.name, f.path = f.base.Name, f.base.StateFile
	return f
}

// statesAt returns the files at paths, with their configurations where one in
// the directory names them.
func statesAt(a *app.App, paths []string) ([]*stateFile, error) {
	known := map[string]*stateFile{}
	for _, name := range config.Names(a.Global.ConfigDir) {
		path, err := config.Path(a.Global.ConfigDir, name)
		if err != nil || app.KindOf(path) == config.KindUnknown {
			continue
		}
		if f := stateOf(a, path, "", true); f.problem == nil {
			known[absolute(f.path)] = f
		}
	}
	var files []*stateFile
	for _, path := range paths {
		if err := plainWord("state file", path); err != nil {
			return nil, err
		}
		f, ok := known[absolute(path)]
		if !ok {
			f = &stateFile{name: strings.TrimSuffix(filepath.Base(path), "_state.json"), kind: state.DetectKind(path)}
		}
		if _, err := os.Lstat(path); f.kind == state.KindUnknown && errors.Is(err, fs.ErrNotExist) {
			return nil, app.Usagef("%s: no such file; 'wanctl state path' names those there are", path)
		}
		if f.kind == state.KindUnknown {
			return nil, app.Usagef("%s: nothing tells whether it is the state of a WAN or of steering; name its configuration with --wan or --config instead", path)
		}
		f.path, f.named = path, state.Quote(path)
		files = append(files, f)
	}
	return files, nil
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// lock and socket are "" when they are not known.
func (f *stateFile) lock() string {
	if f.base == nil {
		return ""
	}
	return f.base.LockFile
}

func (f *stateFile) socket() string {
	if f.base == nil {
		return ""
	}
	return f.base.Socket()
}

// holder tells which daemon runs. What cannot be told is left to check.
func (f *stateFile) holder() (state.Owner, bool) {
	if f.lock() == "" {
		return state.Owner{}, false
	}
	owner, held, err := state.Holder(f.lock())
	return owner, held && err == nil
}

// refuse is an error while a daemon runs that keeps a state of its own.
func (f *stateFile) refuse() error {
	owner, held := f.holder()
	if !held {
		return nil
	}
	return fmt.Errorf("%w: %s holds %s, and would write its own state over %s; stop it first (kill %d), or use --force",
		state.ErrLocked, owner, f.lock(), f.path, owner.PID)
}

func (f *stateFile) wanRules() state.Rules[state.WAN] {
	b := state.WANBounds{Law: validateLaw}
	if c := f.wan; c != nil {
		b.Download = [2]bitrate.Rate{c.Download.FloorRed, c.Download.Ceiling}
		b.Upload = [2]bitrate.Rate{c.Upload.FloorRed, c.Upload.Ceiling}
		b.BaselineMin, b.BaselineMax = c.Thresholds.BaselineMin, c.Thresholds.BaselineMax
	}
	return state.Rules[state.WAN]{Validate: b.Validate, Lock: f.lock(), Name: f.named}
}

func (f *stateFile) steeringRules() state.Rules[state.Steering] {
	b := state.SteeringBounds{Law: validateSteeringLaw}
	if c := f.steering; c != nil {
		b.Primary, b.BaselineMin, b.BaselineMax = c.Primary, c.Assess.BaselineMin, c.Assess.BaselineMax
	}
	return state.Rules[state.Steering]{Validate: b.Validate, Lock: f.lock(), Name: f.named}
}

func (f *stateFile) check() state.Report {
	if f.kind == state.KindSteering {
		return state.OpenSteering(f.path).Check(f.steeringRules())
	}
	return state.OpenWAN(f.path).Check(f.wanRules())
}

func (f *stateFile) plan() (state.Repair, error) {
	if f.kind == state.KindSteering {
		return state.OpenSteering(f.path).Plan(f.steeringRules())
	}
	return state.OpenWAN(f.path).Plan(f.wanRules())
}

func (f *stateFile) repair() (state.Repair, error) {
	if f.kind == state.KindSteering {
		return state.OpenSteering(f.path).Repair(f.steeringRules())
	}
	return state.OpenWAN(f.path).Repair(f.wanRules())
}

// validateLaw reports what is wrong with what the law of a WAN has learned.
func validateLaw(text json.RawMessage) error {
	var m trace.Memory
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("not what the law writes (%w)", err)
	}
	for _, x := range []float64{m.BaselineMS, m.NoiseMS, float64(m.Download.CapacityBPS), m.Download.AgeS, float64(m.Upload.CapacityBPS), m.Upload.AgeS} {
		if x < 0 || x > math.MaxInt64/2 {
			return fmt.Errorf("%v is not what a law learns", x)
		}
	}
	return nil
}

// validateSteeringLaw is validateLaw for steering.
func validateSteeringLaw(text json.RawMessage) error {
	var m steering.Memory
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("not what the law writes (%w)", err)
	}
	return nil
}

// eachState does something to every file that has a path, and returns all that
// went wrong, with the configurations that cannot be used.
func eachState(files []*stateFile, do func(*stateFile) error) error {
	var errs []error
	var bad config.Error
	for _, f := range files {
		var invalid *config.Error
		switch {
		case errors.As(f.problem, &invalid):
			bad.Problems = append(bad.Problems, invalid.Problems...)
		case f.problem != nil:
			errs = append(errs, f.problem)
		default:
			errs = append(errs, do(f))
		}
	}
	if len(bad.Problems) > 0 {
		errs = append(errs, &bad)
	}
	return errors.Join(errs...)
}
