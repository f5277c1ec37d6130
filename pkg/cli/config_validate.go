package cli

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
)

// validation is the verdict on one file.
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

func newConfigValidateCmd(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "Check configuration files",
		Long: `Check configuration files, of WANs and of steering, by default those that --config
or --wan names. What kind a file is, its sections tell.

Everything wrong is reported at once, with file, line and key. Files that load
are named on standard output, also when there are warnings. FILE - is standard
input. Several files are also checked against each other: two loops must not
share a name, a queue, a rule, a lock or a state file.

` + app.ExitStatuses,
		Example: `  wanctl config validate /etc/wanctl/*.yaml
  wanctl config validate --wan spectrum
  wanctl config validate -o json spectrum.yaml | jq '.[].problems'`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return runConfigValidate(a, args) },
	}
}

func runConfigValidate(a *app.App, files []string) error {
	if len(files) == 0 {
		var err error
		if files, err = a.ConfigPaths(); err != nil {
			return err
		}
	}
	var (
		verdicts []*validation
		loaded   validFiles
	)
	for _, file := range files {
		v, err := validateFile(a, file, &loaded)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	if err := loaded.together(verdicts); err != nil {
		return err
	}
	if err := printValidations(a, verdicts); err != nil {
		return err
	}
	var bad config.Error
	for _, v := range verdicts {
		bad.Problems = append(bad.Problems, v.errors...)
	}
	if len(bad.Problems) > 0 {
		return &bad
	}
	return nil
}

// validFiles are those that load.
type validFiles struct {
	seen     map[string]bool // also those that do not
	wans     []*config.WAN
	steering []*config.Steering
}

// again reports whether the file was given before: it does not collide with
// itself.
func (l *validFiles) again(file string) bool {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	file = filepath.Clean(file)
	seen := l.seen[file]
	l.seen[file] = true
	return seen
}

// together checks the files against each other.
func (l *validFiles) together(verdicts []*validation) error {
	var invalid *config.Error
	if err := config.CheckTogether(l.wans, l.steering...); err != nil && !errors.As(err, &invalid) {
		return err
	}
	if invalid == nil {
		return nil
	}
	for _, p := range invalid.Problems {
		i := slices.IndexFunc(verdicts, func(v *validation) bool { return v.named == p.File })
		v := verdicts[i]
		// A steering file names the file of its primary WAN, and so it may have
		// been found out already.
		if !slices.ContainsFunc(v.errors, func(q config.Problem) bool { return q.Key == p.Key && q.Line == 0 }) {
			v.fail([]config.Problem{p})
		}
	}
	return nil
}

// validateFile judges one file and prints its warnings. An error is none of the
// file.
func validateFile(a *app.App, file string, loaded *validFiles) (*validation, error) {
	v := &validation{File: file, OK: true, Problems: []configProblem{}, named: file}
	kind, read := config.DetectKind(file), (io.Reader)(nil)
	if file == "-" {
		text, err := io.ReadAll(a.In)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		v.named, read = "stdin", bytes.NewReader(text)
		kind = config.ReadKind(bytes.NewReader(text))
	}
	var (
		warnings []config.Problem
		err      error
		again    = loaded.again(file)
	)
	if kind == config.KindSteering {
		var s *config.Steering
		s, warnings, err = validateSteering(a, v.named, read)
		if s != nil && !again {
			loaded.steering = append(loaded.steering, s)
		}
	} else {
		var w *config.WAN
		w, warnings, err = validateWAN(a, v.named, read)
		if w != nil && !again {
			loaded.wans = append(loaded.wans, w)
		}
	}
	a.WarnProblems(warnings)
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

// validateWAN reads a configuration from src, or where that is nil the file of
// that name.
func validateWAN(a *app.App, name string, src io.Reader) (*config.WAN, []config.Problem, error) {
	if src != nil {
		return config.Parse(src, name, a.ConfigOptions())
	}
	return config.Load(name, a.ConfigOptions())
}

// validateSteering is validateWAN for steering, with the files that it names.
func validateSteering(a *app.App, name string, src io.Reader) (s *config.Steering, warnings []config.Problem, err error) {
	if src != nil {
		s, warnings, err = config.ParseSteering(src, name, a.ConfigOptions())
	} else {
		s, warnings, err = config.LoadSteering(name, a.ConfigOptions())
	}
	if err != nil {
		return nil, warnings, err
	}
	_, _, more, err := s.LoadNeighbours(a.ConfigOptions())
	return s, append(warnings, more...), err
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

func printValidations(a *app.App, verdicts []*validation) error {
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, verdicts, []output.Column[*validation]{
			{Name: "file", Text: func(v *validation) string { return v.File }},
			{Name: "ok", Text: func(v *validation) string { return fmt.Sprint(v.OK) }},
			{Name: "errors", Text: func(v *validation) string { return fmt.Sprint(v.count("error")) }},
			{Name: "warnings", Text: func(v *validation) string { return fmt.Sprint(v.count("warning")) }},
		})
	}
	for _, v := range verdicts {
		if !v.OK {
			continue // its errors follow on standard error
		}
		if _, err := fmt.Fprintf(a.Out, "%s: ok\n", v.File); err != nil {
			return err
		}
	}
	return nil
}
