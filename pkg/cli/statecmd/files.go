package statecmd

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

// file is one state file and its configuration.
type file struct {
	name   string // wan_name, or that of the file
	kind   state.Kind
	path   string
	named  string // argument of commands that work on it alone
	config string // path of the configuration; "" when not known

	base     *config.Base // nil when the configuration is not known
	wan      *config.WAN
	steering *config.Steering

	problem error // why the configuration cannot be used; there is no path then
}

// selection is which state files a command works on.
type selection struct {
	files  []string // named as arguments
	config bool     // --config was given
}

func newSelection(cmd *cobra.Command, args []string) selection {
	return selection{args, cmd.Flags().Changed("config")}
}

// find returns the files that the arguments or the global flags name; without
// either, those of all configurations in the directory. One whose configuration
// cannot be used is among them.
func (sel selection) find(a *app.App) ([]*file, error) {
	g := &a.Global
	switch {
	case len(sel.files) > 0 && (len(g.WANs) > 0 || sel.config):
		return nil, app.Usagef("give state files, or --wan or --config, not both")
	case len(sel.files) > 0:
		return filesAt(a, sel.files)
	case len(g.WANs) > 0 || g.Config != "":
		return sel.configured(a)
	}
	files := filesOfDir(a, g.ConfigDir)
	if len(files) == 0 {
		return nil, app.Usagef("there is no configuration of a WAN or of steering in %s; name another directory with --config-dir, or state files", g.ConfigDir)
	}
	return files, nil
}

// configured returns the files of --wan and --config, or of both configurations
// that the environment names.
func (sel selection) configured(a *app.App) ([]*file, error) {
	paths, err := a.ConfigPaths()
	if err != nil {
		return nil, err
	}
	if other, _ := a.LookupEnv("WANCTL_STEERING_CONFIG"); other != "" && len(a.Global.WANs) == 0 && !sel.config && other != paths[0] {
		paths = append(paths, other)
	}
	var files []*file
	for i, path := range paths {
		named := "--config " + state.Quote(path)
		if len(a.Global.WANs) > 0 {
			named = wanFlag(a, a.Global.WANs[i])
		}
		files = append(files, configuredFile(a, path, named, false))
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

// filesOfDir returns the files of all configurations in dir.
func filesOfDir(a *app.App, dir string) []*file {
	var files []*file
	for _, name := range config.Names(dir) {
		path, err := config.Path(dir, name)
		if err != nil {
			continue // not a name: Names has none of those
		}
		if config.DetectKind(path) == config.KindUnknown {
			a.Warnf("%s is not to be read as the configuration of a WAN or of steering: left out; see: wanctl config validate %s", path, state.Quote(path))
			continue
		}
		files = append(files, configuredFile(a, path, wanFlag(a, name), true))
	}
	return files
}

// configuredFile returns the state file that the configuration at path names.
// alone ignores the environment, which cannot be meant for several configurations.
func configuredFile(a *app.App, path, named string, alone bool) *file {
	opts := a.ConfigOptions()
	opts.WithoutSecrets, opts.FileAlone = true, alone
	f := &file{config: path, named: named, kind: state.KindWAN}
	// Warnings are printed by the daemons and by config validate.
	if config.DetectKind(path) == config.KindSteering {
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

// filesAt returns the files at paths, with their configurations where one in
// the directory names them.
func filesAt(a *app.App, paths []string) ([]*file, error) {
	known := map[string]*file{}
	for _, name := range config.Names(a.Global.ConfigDir) {
		path, err := config.Path(a.Global.ConfigDir, name)
		if err != nil || config.DetectKind(path) == config.KindUnknown {
			continue
		}
		if f := configuredFile(a, path, "", true); f.problem == nil {
			known[absolute(f.path)] = f
		}
	}
	var files []*file
	for _, path := range paths {
		if path == "" {
			return nil, app.Usagef("state file: a name is needed")
		}
		f, ok := known[absolute(path)]
		if !ok {
			f = &file{name: strings.TrimSuffix(filepath.Base(path), "_state.json"), kind: state.DetectKind(path)}
		}
		if _, err := os.Lstat(path); f.kind == state.KindUnknown && errors.Is(err, fs.ErrNotExist) {
			return nil, app.Usagef("%s: no such file; 'wanctl state path' names those there are", path)
		}
		if f.kind == state.KindUnknown {
			return nil, app.Usagef("%s: neither content nor name shows whether it is the state of a WAN or of steering; name its configuration with --wan or --config instead", path)
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

// lock returns the path of the daemon's lock file, "" when it is not known.
func (f *file) lock() string {
	if f.base == nil {
		return ""
	}
	return f.base.LockFile
}

// holder returns the daemon that runs. An unreadable lock file counts as free.
func (f *file) holder() (state.Owner, bool) {
	if f.lock() == "" {
		return state.Owner{}, false
	}
	owner, held, err := state.Holder(f.lock())
	return owner, held && err == nil
}

// checkStopped returns an error while a daemon runs that keeps a state of its own.
func (f *file) checkStopped() error {
	owner, held := f.holder()
	if !held {
		return nil
	}
	return fmt.Errorf("%w: %s holds %s, and would write its own state over %s; stop it first (kill %d), or use --force",
		state.ErrLocked, owner, f.lock(), f.path, owner.PID)
}

// operations are the methods of state.File that do not depend on its type.
type operations struct {
	check  func() state.Report
	plan   func() (state.Repair, error)
	repair func() (state.Repair, error)
	reset  func() error
}

func bind[T any](f *state.File[T], rules state.Rules[T], initial T) operations {
	return operations{
		check:  func() state.Report { return f.Check(rules) },
		plan:   func() (state.Repair, error) { return f.Plan(rules) },
		repair: func() (state.Repair, error) { return f.Repair(rules) },
		reset:  func() error { return f.Reset(initial) },
	}
}

func (f *file) operations() operations {
	if f.kind == state.KindSteering {
		return bind(state.OpenSteering(f.path), f.steeringRules(), state.Steering{Current: f.goodState()})
	}
	return bind(state.OpenWAN(f.path), f.wanRules(), state.WAN{})
}

func (f *file) backup() string { return state.OpenWAN(f.path).BackupPath() }

func (f *file) wanRules() state.Rules[state.WAN] {
	b := state.WANBounds{Law: validateLaw}
	if c := f.wan; c != nil {
		b.Download = [2]bitrate.Rate{c.Download.FloorRed, c.Download.Ceiling}
		b.Upload = [2]bitrate.Rate{c.Upload.FloorRed, c.Upload.Ceiling}
		b.BaselineMin, b.BaselineMax = c.Thresholds.BaselineMin, c.Thresholds.BaselineMax
	}
	return state.Rules[state.WAN]{Validate: b.Validate, Lock: f.lock(), Name: f.named}
}

func (f *file) steeringRules() state.Rules[state.Steering] {
	b := state.SteeringBounds{Law: validateSteeringLaw}
	if c := f.steering; c != nil {
		b.Primary, b.BaselineMin, b.BaselineMax = c.Primary, c.Assess.BaselineMin, c.Assess.BaselineMax
	}
	return state.Rules[state.Steering]{Validate: b.Validate, Lock: f.lock(), Name: f.named}
}

// validateLaw checks what the law of a WAN has learned.
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

// forEach calls do for every file that has a path. It returns all errors, with
// those of the configurations that cannot be used.
func forEach(files []*file, do func(*file) error) error {
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
