// Package configdir reads the configurations of a directory that may hold other files too,
// for `wanctl run` and `wanctl serve`. It determines the kind of each file and its
// mistakes. It starts nothing.
package configdir

import (
	"errors"
	"os"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Nothing says why there is no configuration in dir.
func Nothing(dir string) config.Problem {
	var denied *config.Error
	if errors.As(config.CheckDir(dir), &denied) {
		return denied.Problems[0]
	}
	what := "there is no configuration of a WAN or of steering in this directory"
	if _, err := os.ReadDir(dir); err != nil {
		what = "this directory cannot be read: " + supervisor.WithoutPath(err).Error()
	}
	return config.Problem{File: dir, Text: what + "; name another one with --config-dir DIR"}
}

// File is one configuration. One of WAN, Steering and Err is set.
type File[S any] struct {
	Path     string
	Kind     config.FileKind
	WAN      *config.WAN
	Steering *S
	Warnings []config.Problem
	Err      error // why it cannot be used; mostly a *config.Error
}

// Read reads the configuration at path, with loadSteering if it is one of steering. A
// file that merely is in the directory, which expected denies, and has nothing of a
// configuration is foreign.
func Read[S any](path string, expected bool, opts config.Options, loadSteering func(string, config.Options) (*S, []config.Problem, error)) (f File[S], foreign bool) {
	f = File[S]{Path: path, Kind: config.DetectKind(path)}
	if f.Kind == config.KindSteering {
		f.Steering, f.Warnings, f.Err = loadSteering(path, opts)
		return f, false
	}
	f.WAN, f.Warnings, f.Err = config.Load(path, opts)
	return f, f.Kind == config.KindUnknown && !expected && !unreadable(f.Err)
}

// unreadable reports whether err is about a file as a whole, which may be
// anybody's then: it cannot be opened, or is not YAML.
func unreadable(err error) bool {
	var invalid *config.Error
	return errors.As(err, &invalid) && len(invalid.Problems) == 1 && invalid.Problems[0].Key == ""
}
