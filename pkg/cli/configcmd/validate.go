package configcmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/web"
)

// validation is the result for one file.
type validation struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems"`

	named  string // what the file is called in messages
	errors []config.Problem
}

type configProblem struct {
	Line     int    `json:"line,omitempty"` // absent when it concerns no line
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Severity string `json:"severity"` // "error" or "warning"
}

func (v *validation) count(severity string) int {
	n := 0
	for _, p := range v.Problems {
		if p.Severity == severity {
			n++
		}
	}
	return n
}

type validateOptions struct {
	*app.App
	files []string // - is standard input; none: those of the global flags, or of the directory
}

func newValidateCmd(a *app.App) *cobra.Command {
	return app.Prints[validation](a, &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "Check configuration files",
		Long: `Check configuration files, of WANs and of steering: those named, else those of
--config or --wan, else all of the configuration directory. The kind of file is
detected from its sections.

Everything wrong is reported at once, with file, line and key. Files that load
are named on standard output, also when there are warnings. FILE - is standard
input. Several files are also checked against each other: two loops must not
share a name, a queue, a rule, a lock or a state file, and the probes of two WANs
should not leave this host by the same route.`,
		Example: `  wanctl config validate /etc/wanctl/*.yaml
  wanctl config validate
  wanctl config validate --wan spectrum
  wanctl config validate -o json spectrum.yaml | jq '.[].problems'`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return runValidate(validateOptions{a, args}) },
	})
}

func runValidate(o validateOptions) error {
	if g := &o.Global; len(o.files) == 0 && g.Config == "" && len(g.WANs) == 0 {
		o.files = config.Files(g.ConfigDir)
	}
	if len(o.files) == 0 {
		var err error
		if o.files, err = o.ConfigPaths(); err != nil {
			return err
		}
	}
	var (
		results []*validation
		loaded  validFiles
	)
	for _, file := range o.files {
		v, err := validateFile(o, file, &loaded)
		if err != nil {
			return err
		}
		results = append(results, v)
	}
	if err := loaded.checkConflicts(results); err != nil {
		return err
	}
	loaded.warnSameRoute(o, results)
	if err := printValidations(o, results); err != nil {
		return err
	}
	var bad config.Error
	for _, v := range results {
		bad.Problems = append(bad.Problems, v.errors...)
	}
	if len(bad.Problems) > 0 {
		return &bad
	}
	return nil
}

// validFiles are the files that load.
type validFiles struct {
	seen     map[string]bool // also files that do not load
	wans     []*config.WAN
	steering []*config.Steering
	named    []namedWAN
}

// namedWAN is a WAN that a steering file names.
type namedWAN struct {
	*config.WAN
	by *validation
}

// repeated reports whether the file was given before: it does not conflict with
// itself.
func (l *validFiles) repeated(file string) bool {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	file = filepath.Clean(file)
	seen := l.seen[file]
	l.seen[file] = true
	return seen
}

// checkConflicts compares the files with each other.
func (l *validFiles) checkConflicts(results []*validation) error {
	var invalid *config.Error
	if err := config.CheckConflicts(l.wans, l.steering...); err != nil && !errors.As(err, &invalid) {
		return err
	}
	if invalid == nil {
		return nil
	}
	for _, p := range invalid.Problems {
		i := slices.IndexFunc(results, func(v *validation) bool { return v.named == p.File })
		v := results[i]
		// The check of a steering file may have found it already, by way of the file
		// of its primary WAN.
		if !slices.ContainsFunc(v.errors, func(q config.Problem) bool { return q.Key == p.Key && q.Line == 0 }) {
			v.fail([]config.Problem{p})
		}
	}
	return nil
}

// warnSameRoute warns of WANs that are measured by the same route, also of those that
// steering files name.
func (l *validFiles) warnSameRoute(o validateOptions, results []*validation) {
	absolute := func(file string) string { // as steering files have it
		if abs, err := filepath.Abs(file); err == nil {
			return abs
		}
		return file
	}
	about := map[string]*validation{}
	for _, v := range results {
		about[absolute(v.named)] = v
	}
	wans := slices.Clone(l.wans)
	for _, n := range l.named {
		if file := absolute(n.Path); about[file] == nil {
			about[file] = n.by
			wans = append(wans, n.WAN)
		}
	}
	for _, p := range config.SameProbeRoute(wans) {
		about[absolute(p.File)].add("warning", []config.Problem{p})
		o.WarnProblems([]config.Problem{p})
	}
}

// validateFile checks one file and prints its warnings. An error is not about its
// contents.
func validateFile(o validateOptions, file string, loaded *validFiles) (*validation, error) {
	v := &validation{File: file, OK: true, Problems: []configProblem{}, named: file}
	var (
		text     []byte
		kind     = config.DetectKind(file)
		repeated = loaded.repeated(file)
		warnings []config.Problem
		err      error
	)
	if file == "-" {
		if text, err = io.ReadAll(o.In); err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		v.named, kind = "stdin", config.ReadKind(bytes.NewReader(text))
	}
	if kind == config.KindSteering {
		var s *config.Steering
		var named []*config.WAN
		s, named, warnings, err = loadSteering(v, text, o.ConfigOptions())
		for _, w := range named {
			loaded.named = append(loaded.named, namedWAN{w, v})
		}
		if s != nil && !repeated {
			loaded.steering = append(loaded.steering, s)
			warnings = append(warnings, unserved(&s.Base)...)
		}
	} else {
		var w *config.WAN
		w, warnings, err = loadWAN(v, text, o.ConfigOptions())
		if w != nil && !repeated {
			loaded.wans = append(loaded.wans, w)
			warnings = append(warnings, unserved(&w.Base)...)
		}
	}
	o.WarnProblems(warnings)
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		v.fail(invalid.Problems)
	case err != nil:
		return nil, err
	}
	v.add("warning", warnings)
	return v, nil
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

// loadWAN reads the file, or text when it is standard input.
func loadWAN(v *validation, text []byte, opts config.Options) (*config.WAN, []config.Problem, error) {
	if v.File == "-" {
		return config.Parse(bytes.NewReader(text), v.named, opts)
	}
	return config.Load(v.File, opts)
}

// loadSteering is loadWAN for steering, with the WANs that it names and that can be
// used.
func loadSteering(v *validation, text []byte, opts config.Options) (s *config.Steering, named []*config.WAN, warnings []config.Problem, err error) {
	if v.File == "-" {
		s, warnings, err = config.ParseSteering(bytes.NewReader(text), v.named, opts)
	} else {
		s, warnings, err = config.LoadSteering(v.File, opts)
	}
	if err != nil {
		return nil, nil, warnings, err
	}
	primary, alternate, more, err := s.LoadWANs(opts)
	for _, w := range []*config.WAN{primary, alternate} {
		if w != nil {
			named = append(named, w)
		}
	}
	return s, named, append(warnings, more...), err
}

func (v *validation) fail(problems []config.Problem) {
	v.OK = false
	v.errors = append(v.errors, problems...)
	v.add("error", problems)
}

func (v *validation) add(severity string, problems []config.Problem) {
	for _, p := range problems {
		v.Problems = append(v.Problems, configProblem{p.Line, p.Key, p.Text, severity})
	}
}

func printValidations(o validateOptions, results []*validation) error {
	switch o.Global.Output {
	case output.JSON, output.JSONL:
		return output.List(o.Out, o.Global.Output, results, nil)
	case output.CSV:
		return output.List(o.Out, output.CSV, validationRows(results), nil)
	case output.Table:
	}
	for _, v := range results {
		if !v.OK {
			continue // its errors follow on standard error
		}
		if _, err := fmt.Fprintf(o.Out, "%s: ok\n", v.File); err != nil {
			return err
		}
	}
	return nil
}

// validationRow is a validation in CSV, with the number of its problems.
type validationRow struct {
	File     string `json:"file"`
	OK       bool   `json:"ok"`
	Errors   int    `json:"errors"`
	Warnings int    `json:"warnings"`
}

func validationRows(results []*validation) []validationRow {
	rows := make([]validationRow, len(results))
	for i, v := range results {
		rows[i] = validationRow{v.File, v.OK, v.count("error"), v.count("warning")}
	}
	return rows
}
