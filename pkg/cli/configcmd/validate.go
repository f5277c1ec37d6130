package configcmd

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
)

// validation is the result for one file.
type validation struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems"`
}

func newValidation(r *configdir.Result) *validation {
	v := &validation{File: r.File, OK: len(r.Errors()) == 0, Problems: []configProblem{}}
	for _, f := range r.Findings {
		severity := "error"
		if f.Warning {
			severity = "warning"
		}
		v.Problems = append(v.Problems, configProblem{f.Line, f.Key, f.Text, severity})
	}
	return v
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
	found, err := configdir.Validate(o.files, o.ConfigOptions(), func() ([]byte, error) { return io.ReadAll(o.In) })
	if err != nil {
		return err
	}
	var results []*validation
	var bad config.Error
	for _, r := range found {
		o.WarnProblems(r.Warnings())
		bad.Problems = append(bad.Problems, r.Errors()...)
		results = append(results, newValidation(r))
	}
	if err := printValidations(o, results); err != nil {
		return err
	}
	if len(bad.Problems) > 0 {
		return &bad
	}
	return nil
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
