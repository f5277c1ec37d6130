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

// LoadSteeringOrigins is LoadSteering that also tells where each value came
// from.
func LoadSteeringOrigins(path string, opts Options) (*Steering, schema.Origins, []Problem, error) {
	s, origins, warnings, err := loadFile(steeringFile(), path, opts)
	if err != nil {
		return nil, nil, warnings, err
	}
	// What show prints is to mean the same wherever it is put.
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
// stands for one in messages and becomes Path. It reads nothing but r.
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

// LoadNeighbours reads the files that topology.primary_wan_config and
// topology.alternate_wan_config name, as far as they concern steering, and takes
// from that of the primary WAN what s leaves out: its queues and its state file.
// A WAN is nil where no file is named.
//
// The warnings are about what does not fit together. A file that cannot be used
// is a warning too, and its WAN is nil, unless steering relies on it. An *Error
// is about that, or about what both daemons claim.
//
// The files are those of other processes, so what the environment overrides in
// this one does not apply to them, and their passwords may be unknown.
func (s *Steering) LoadNeighbours(opts Options) (primary, alternate *WAN, warnings []Problem, err error) {
	opts.FileAlone, opts.WithoutSecrets, opts.Overrides = true, true, nil
	n := neighbours{of: s, opts: opts}
	if primary = n.load("topology.primary_wan", s.Primary, s.PrimaryConfig); primary != nil {
		n.take("cake_queues.primary_download", &s.PrimaryDownload, primary.Queues.Download, primary.Path)
		n.take("cake_queues.primary_upload", &s.PrimaryUpload, primary.Queues.Upload, primary.Path)
		n.take("cake_state_sources.primary", &s.PrimaryState, primary.StateFile, primary.Path)
	}
	alternate = n.load("topology.alternate_wan", s.Alternate, s.AlternateConfig)
	if len(n.problems) > 0 {
		return nil, nil, n.warnings, &Error{Problems: n.problems}
	}
	return primary, alternate, n.warnings, nil
}

// neighbours collects what is wrong between a steering file and those it names.
type neighbours struct {
	of       *Steering
	opts     Options
	problems []Problem
	warnings []Problem
}

// load reads the file at path, "" for none, of the WAN that key names.
func (n *neighbours) load(key, name, path string) *WAN {
	if path == "" {
		return nil
	}
	w, _, err := Load(path, n.opts)
	var invalid *Error
	if errors.As(err, &invalid) {
		n.unusable(key+"_config", path, invalid)
		return nil
	}
	if err := CheckTogether([]*WAN{w}, n.of); errors.As(err, &invalid) {
		n.problems = append(n.problems, invalid.Problems...)
		return nil
	}
	if !strings.EqualFold(name, w.Name) {
		n.warn(key, name+" is not the WAN of "+path+", which is "+w.Name)
	}
	return w
}

// unusable tells of a file that cannot be used, and what that means.
func (n *neighbours) unusable(key, path string, why *Error) {
	text := why.Problems[0].String()
	if !exists(path) {
		text = path + ": no such file" // not one to be started from the reference
	}
	if more := len(why.Problems) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	s := n.of
	switch {
	case key != "topology.primary_wan_config":
		n.warn(key, "cannot be used, so that the condition of that WAN is not known: "+text)
	case s.Mode.CakeAware && (s.PrimaryDownload == "" || s.PrimaryUpload == ""):
		n.problems = append(n.problems, Problem{File: s.Path, Key: key,
			Text: "cannot be used, though the queues are to be taken from it; name them in cake_queues, or mend " + text})
	default:
		n.warn(key, "cannot be used, so that nothing is taken from it: "+text)
	}
}

// take fills in what steering does not say itself.
func (n *neighbours) take(key string, own *string, its, path string) {
	switch *own {
	case "":
		*own = its
	case its:
	default:
		n.warn(key, *own+" is used, but "+path+" says "+its+"; remove it here to follow that file")
	}
}

func (n *neighbours) warn(key, text string) {
	n.warnings = append(n.warnings, Problem{File: n.of.Path, Key: key, Text: text})
}
