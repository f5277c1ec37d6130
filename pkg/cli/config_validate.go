package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/config"
)

// validation is the verdict on one file.
type validation struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems"`
}

type configProblem struct {
	Line     int    `json:"line,omitempty"` // absent when it concerns no line
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Severity string `json:"severity"` // "error" or "warning"
}

func (v validation) count(severity string) int {
	n := 0
	for _, p := range v.Problems {
		if p.Severity == severity {
			n++
		}
	}
	return n
}

func newConfigValidateCmd(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "Check configuration files",
		Long: `Check configuration files, by default those that --config or --wan names.

Everything wrong is reported at once, with file, line and key. Files that load
are named on standard output, also when there are warnings. FILE - is standard
input.

` + exitStatuses,
		Example: `  wanctl config validate /etc/wanctl/*.yaml
  wanctl config validate --wan spectrum
  wanctl config validate -o json spectrum.yaml | jq '.[].problems'`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.runConfigValidate(args) },
	}
}

func (a *App) runConfigValidate(files []string) error {
	if len(files) == 0 {
		var err error
		if files, err = a.configPaths(); err != nil {
			return err
		}
	}
	var (
		verdicts []validation
		bad      config.Error
	)
	for _, file := range files {
		warnings, err := a.validateFile(file)
		var invalid *config.Error
		if err != nil && !errors.As(err, &invalid) {
			return err
		}
		a.warnProblems(warnings)
		v := validation{File: file, OK: err == nil, Problems: []configProblem{}}
		if invalid != nil {
			bad.Problems = append(bad.Problems, invalid.Problems...)
			v.add("error", invalid.Problems)
		}
		v.add("warning", warnings)
		verdicts = append(verdicts, v)
	}
	if err := a.printValidations(verdicts); err != nil {
		return err
	}
	if len(bad.Problems) > 0 {
		return &bad
	}
	return nil
}

func (a *App) validateFile(file string) (warnings []config.Problem, err error) {
	if file == "-" {
		_, warnings, err = config.Parse(a.In, "stdin", a.configOptions())
	} else {
		_, warnings, err = config.Load(file, a.configOptions())
	}
	return warnings, err
}

func (v *validation) add(severity string, problems []config.Problem) {
	for _, p := range problems {
		v.Problems = append(v.Problems, configProblem{p.Line, p.Key, p.Text, severity})
	}
}

func (a *App) printValidations(verdicts []validation) error {
	if a.global.output != out.Table {
		return out.List(a.Out, a.global.output, verdicts, []out.Column[validation]{
			{Name: "file", Text: func(v validation) string { return v.File }},
			{Name: "ok", Text: func(v validation) string { return fmt.Sprint(v.OK) }},
			{Name: "errors", Text: func(v validation) string { return fmt.Sprint(v.count("error")) }},
			{Name: "warnings", Text: func(v validation) string { return fmt.Sprint(v.count("warning")) }},
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
