package config

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// LoadSteering reads the configuration of the steering daemon from a file. The
// problems returned beside it are warnings; an error is an *Error with all that
// is wrong.
func LoadSteering(path string, opts Options) (*Steering, []Problem, error) {
	s, _, warnings, err := LoadSteeringOrigins(path, opts)
	return s, warnings, err
}

// LoadSteeringOrigins is LoadSteering that also returns where each value came
// from.
func LoadSteeringOrigins(path string, opts Options) (*Steering, schema.Origins, []Problem, error) {
	s, origins, warnings, err := loadFile(steeringFile(), path, opts)
	if err != nil {
		return nil, nil, warnings, err
	}
	// What show prints must mean the same in another directory.
	for _, path := range []*string{&s.PrimaryConfig, &s.AlternateConfig} {
		if *path == "" {
			continue
		}
		if abs, err := filepath.Abs(*path); err == nil {
			*path = abs
		}
	}
	return s, origins, warnings, nil
}

// ParseSteering is LoadSteering for a configuration that is not a file; name
// replaces the path in messages and becomes Path. It reads r and the files of passwords
// that this names.
func ParseSteering(r io.Reader, name string, opts Options) (*Steering, []Problem, error) {
	s, _, warnings, err := parseFile(steeringFile(), r, name, opts)
	return s, warnings, err
}

func steeringFile() fileType[Steering] {
	return fileType[Steering]{
		fields: schema.Fields[Steering](), reference: steeringReference, own: steeringSections, foreign: wanSections,
		instead: "this is the configuration of a WAN, for 'wanctl shape --config %s'; that of steering has topology and mangle_rule instead",
		base:    func(s *Steering) *Base { return &s.Base },
		finish:  rules.finishSteering,
	}
}

// LoadWANs reads the files that topology.primary_wan_config and
// topology.alternate_wan_config name, and completes s with the queues and the state
// file of the primary WAN. A WAN is nil when no file is named.
//
// The warnings are about values that contradict each other. A file that cannot be used
// is a warning too, and its WAN is nil, unless steering depends on it. An *Error is
// about such a file, or about what both daemons would use.
//
// The files are those of other processes, so the variables that override keys of this
// one do not apply to them, and their passwords may be unknown.
func (s *Steering) LoadWANs(opts Options) (primary, alternate *WAN, warnings []Problem, err error) {
	opts.FileAlone, opts.WithoutSecrets, opts.Overrides = true, true, nil
	l := wanLoader{&schema.Reader{File: s.Path}, s, opts}
	if primary = l.load("topology.primary_wan", s.Primary, s.PrimaryConfig); primary != nil {
		l.inherit("cake_queues.primary_download", &s.PrimaryDownload, primary.Queues.Download, primary.Path)
		l.inherit("cake_queues.primary_upload", &s.PrimaryUpload, primary.Queues.Upload, primary.Path)
		l.inherit("cake_state_sources.primary", &s.PrimaryState, primary.StateFile, primary.Path)
	}
	alternate = l.load("topology.alternate_wan", s.Alternate, s.AlternateConfig)
	if err := l.Err(); err != nil {
		return nil, nil, l.Warnings(), err
	}
	return primary, alternate, l.Warnings(), nil
}

// wanLoader collects the problems between a steering file and those it names.
type wanLoader struct {
	*schema.Reader
	steering *Steering
	opts     Options
}

// load reads the file at path, "" for none, of the WAN that key names.
func (l wanLoader) load(key, name, path string) *WAN {
	if path == "" {
		return nil
	}
	w, _, err := Load(path, l.opts)
	var invalid *Error
	if errors.As(err, &invalid) {
		l.reportUnusable(key+"_config", path, invalid)
		return nil
	}
	if err := CheckConflicts([]*WAN{w}, l.steering); errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			l.Errorf(0, p.Key, "%s", p.Text)
		}
		return nil
	}
	if !strings.EqualFold(name, w.Name) {
		l.Warnf(0, key, "%s is not the WAN of %s, which is %s", name, path, w.Name)
	}
	return w
}

// reportUnusable reports a file that cannot be used, with the consequence.
func (l wanLoader) reportUnusable(key, path string, invalid *Error) {
	why := invalid.Problems[0].String()
	if !exists(path) {
		why = path + ": no such file" // without the advice to copy the reference
	}
	if more := len(invalid.Problems) - 1; more > 0 {
		why += fmt.Sprintf(", and %d more", more)
	}
	s := l.steering
	switch {
	case key != "topology.primary_wan_config":
		l.Warnf(0, key, "cannot be used, so that the condition of that WAN is not known: %s", why)
	case s.Mode.CakeAware && (s.PrimaryDownload == "" || s.PrimaryUpload == ""):
		l.Errorf(0, key, "cannot be used, though the queues are to be taken from it; name them in cake_queues, or fix %s", why)
	default:
		l.Warnf(0, key, "cannot be used, so that nothing is taken from it: %s", why)
	}
}

// inherit sets a value that the steering file does not have.
func (l wanLoader) inherit(key string, own *string, inherited, path string) {
	switch *own {
	case "":
		*own = inherited
	case inherited:
	default:
		l.Warnf(0, key, "%s is used, but %s says %s; remove it here to follow that file", *own, path, inherited)
	}
}
