package configdir

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/web"
)

// Result is what is wrong and doubtful with one file.
type Result struct {
	File     string // as given
	Findings []Finding

	named string // what the file is called in messages
}

// Finding is one thing that is wrong or, as a warning, doubtful.
type Finding struct {
	config.Problem
	Warning bool
}

// Errors returns what is wrong.
func (r *Result) Errors() []config.Problem { return r.only(false) }

// Warnings returns what is doubtful.
func (r *Result) Warnings() []config.Problem { return r.only(true) }

func (r *Result) only(warning bool) (list []config.Problem) {
	for _, f := range r.Findings {
		if f.Warning == warning {
			list = append(list, f.Problem)
		}
	}
	return list
}

func (r *Result) add(warning bool, problems []config.Problem) {
	for _, p := range problems {
		r.Findings = append(r.Findings, Finding{p, warning})
	}
}

// Validate checks files, each by itself and against each other. A file "-" is what stdin
// returns. The error is not about the content of files.
func Validate(files []string, opts config.Options, stdin func() ([]byte, error)) ([]*Result, error) {
	var results []*Result
	v := validator{opts: opts, seen: map[string]bool{}}
	for _, file := range files {
		r := &Result{File: file, named: file}
		var text []byte
		if file == "-" {
			var err error
			if text, err = stdin(); err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			r.named = "stdin"
		}
		if err := v.file(r, text); err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if err := v.conflicts(results); err != nil {
		return nil, err
	}
	v.sameRoute(results)
	return results, nil
}

// validator keeps the files that load.
type validator struct {
	opts     config.Options
	seen     map[string]bool // also files that do not load
	wans     []*config.WAN
	steering []*config.Steering
	named    []namedWAN
}

// namedWAN is a WAN that a steering file names.
type namedWAN struct {
	*config.WAN
	by *Result
}

// repeated reports whether the file was given before: it does not conflict with itself.
func (v *validator) repeated(file string) bool {
	file = filepath.Clean(file)
	seen := v.seen[file]
	v.seen[file] = true
	return seen
}

// file checks one file, or text when it is standard input.
func (v *validator) file(r *Result, text []byte) error {
	var (
		kind     = config.DetectKind(r.File)
		repeated = v.repeated(r.File)
		warnings []config.Problem
		err      error
	)
	if r.File == "-" {
		kind = config.ReadKind(bytes.NewReader(text))
	}
	if kind == config.KindSteering {
		var s *config.Steering
		var named []*config.WAN
		s, named, warnings, err = v.loadSteering(r, text)
		for _, w := range named {
			v.named = append(v.named, namedWAN{w, r})
		}
		if s != nil && !repeated {
			v.steering = append(v.steering, s)
			warnings = append(warnings, unserved(&s.Base)...)
		}
	} else {
		var w *config.WAN
		w, warnings, err = v.loadWAN(r, text)
		if w != nil && !repeated {
			v.wans = append(v.wans, w)
			warnings = append(warnings, unserved(&w.Base)...)
		}
	}
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		r.add(false, invalid.Problems)
	case err != nil:
		return err
	}
	r.add(true, warnings)
	return nil
}

func (v *validator) loadWAN(r *Result, text []byte) (*config.WAN, []config.Problem, error) {
	if r.File == "-" {
		return config.Parse(bytes.NewReader(text), r.named, v.opts)
	}
	return config.Load(r.File, v.opts)
}

// loadSteering is loadWAN for steering, with the WANs that it names and that can be used.
func (v *validator) loadSteering(r *Result, text []byte) (s *config.Steering, named []*config.WAN, warnings []config.Problem, err error) {
	if r.File == "-" {
		s, warnings, err = config.ParseSteering(bytes.NewReader(text), r.named, v.opts)
	} else {
		s, warnings, err = config.LoadSteering(r.File, v.opts)
	}
	if err != nil {
		return nil, nil, warnings, err
	}
	primary, alternate, more, err := s.LoadWANs(v.opts)
	for _, w := range []*config.WAN{primary, alternate} {
		if w != nil {
			named = append(named, w)
		}
	}
	return s, named, append(warnings, more...), err
}

// unserved returns a warning for each listener whose web configuration cannot be used.
func unserved(b *config.Base) (warnings []config.Problem) {
	for _, l := range []struct {
		key string
		config.Endpoint
	}{{"health_check.web_config", b.Health}, {"metrics.web_config", b.Metrics}} {
		if !l.Enabled || l.WebConfig == "" {
			continue
		}
		if _, err := web.Load(l.WebConfig); err != nil {
			warnings = append(warnings, config.Problem{File: b.Path, Key: l.key, Text: "nothing is served there: " + err.Error()})
		}
	}
	return warnings
}

// conflicts compares the files with each other.
func (v *validator) conflicts(results []*Result) error {
	var invalid *config.Error
	if err := config.CheckConflicts(v.wans, v.steering...); err != nil && !errors.As(err, &invalid) {
		return err
	}
	if invalid == nil {
		return nil
	}
	for _, p := range invalid.Problems {
		i := slices.IndexFunc(results, func(r *Result) bool { return r.named == p.File })
		r := results[i]
		// The check of a steering file may have found it already, by way of the file of its
		// primary WAN.
		if !slices.ContainsFunc(r.Errors(), func(q config.Problem) bool { return q.Key == p.Key && q.Line == 0 }) {
			r.add(false, []config.Problem{p})
		}
	}
	return nil
}

// sameRoute warns of WANs that are measured by the same route, also of those that steering
// files name.
func (v *validator) sameRoute(results []*Result) {
	absolute := func(file string) string { // as steering files have it
		if abs, err := filepath.Abs(file); err == nil {
			return abs
		}
		return file
	}
	about := map[string]*Result{}
	for _, r := range results {
		about[absolute(r.named)] = r
	}
	wans := slices.Clone(v.wans)
	for _, n := range v.named {
		if file := absolute(n.Path); about[file] == nil {
			about[file] = n.by
			wans = append(wans, n.WAN)
		}
	}
	for _, p := range config.SameProbeRoute(wans) {
		about[absolute(p.File)].add(true, []config.Problem{p})
	}
}
