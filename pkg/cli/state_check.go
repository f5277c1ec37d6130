package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// stateVerdict is the output for programs.
type stateVerdict struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	File     string         `json:"file"`
	Exists   bool           `json:"exists"`
	OK       bool           `json:"ok"` // no finding is damage
	Findings []stateFinding `json:"findings"`
}

type stateFinding struct {
	Severity string `json:"severity"` // "damage" or "note"
	File     string `json:"file"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Next     string `json:"next"` // the command to type
}

func newStateCheckCmd(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Look for damage, and change nothing",
		Long: `Check state files and what belongs to them: whether they are whole, whether every
field has its type and is within what is plausible and configured, whether the
backup is good, who may read and write them, and what was left by accidents. Each
finding says what to type next. Nothing is changed.

Damage is what costs a state now or with the next restart, and the status is 5
then. A state that a running daemon has not replaced for three minutes is damage
too: it cannot save. Without a daemon a state may be of any age. Notes are worth
knowing and leave the status 0.

` + app.ExitStatuses,
		Example: `  wanctl state check
  wanctl state check --wan spectrum
  wanctl state check -o jsonl | jq -r 'select(.ok | not) | .findings[].next'`,
		ValidArgsFunction: completeStateFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := stateFiles(a, cmd, args)
			if err != nil {
				return err
			}
			return checkStates(a, files)
		},
	}
}

func checkStates(a *app.App, files []*stateFile) error {
	shared := sharedFiles(files)
	verdicts := []stateVerdict{}
	damaged := 0
	problems := eachState(files, func(f *stateFile) error {
		r := f.check()
		v := stateVerdict{Name: f.name, Kind: f.kind.String(), File: f.path, Exists: r.Main.Exists, OK: r.Healthy(), Findings: []stateFinding{}}
		for _, x := range r.Findings {
			v.Findings = append(v.Findings, stateFinding{string(x.Severity), x.File, x.Key, x.Text, x.Next})
		}
		if text, ok := shared[f]; ok {
			v.OK = false
			v.Findings = append(v.Findings, stateFinding{string(state.Damage), f.path, "", text, "wanctl config show " + f.named})
		}
		if !v.OK {
			damaged++
		}
		verdicts = append(verdicts, v)
		return nil
	})
	if err := printVerdicts(a, verdicts); err != nil {
		return err
	}
	if damaged == 0 {
		return problems
	}
	return errors.Join(problems, app.Checkf("damage at %d of %s; each finding says what to type next", damaged, countOf(len(files), "state file")))
}

// sharedFiles says of which files two daemons would make use.
func sharedFiles(files []*stateFile) map[*stateFile]string {
	first := map[string]*stateFile{}
	shared := map[*stateFile]string{}
	for _, f := range files {
		if f.config == "" || f.path == "" {
			continue
		}
		other, taken := first[absolute(f.path)]
		switch {
		case !taken:
			first[absolute(f.path)] = f
		case other.config != f.config:
			shared[f] = fmt.Sprintf("is the state_file of %s and of %s; each needs its own", other.config, f.config)
		}
	}
	return shared
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printVerdicts(a *app.App, verdicts []stateVerdict) error {
	switch a.Global.Output {
	case output.JSON, output.JSONL:
		return output.List(a.Out, a.Global.Output, verdicts, nil)
	case output.CSV:
		return output.List(a.Out, output.CSV, findingRows(verdicts), findingFields())
	case output.Table:
	}
	for _, v := range verdicts {
		if len(v.Findings) == 0 || v.OK {
			said := "ok"
			if !v.Exists {
				said = "no state yet"
			}
			if _, err := fmt.Fprintf(a.Out, "%s: %s\n", printable(v.File), said); err != nil {
				return err
			}
		}
		for _, x := range v.Findings {
			key := ""
			if x.Key != "" {
				key = x.Key + ": "
			}
			if _, err := fmt.Fprintf(a.Out, "%s: %s: %s%s; next: %s\n", printable(x.File), x.Severity, printable(key), printable(x.Text), x.Next); err != nil {
				return err
			}
		}
	}
	return nil
}

// findingRow is one line of CSV.
type findingRow struct {
	of      stateVerdict
	finding stateFinding
}

// findingRows has a row a finding, and one for each file without any.
func findingRows(verdicts []stateVerdict) []findingRow {
	var rows []findingRow
	for _, v := range verdicts {
		if len(v.Findings) == 0 {
			rows = append(rows, findingRow{v, stateFinding{Severity: "ok", File: v.File}})
		}
		for _, x := range v.Findings {
			rows = append(rows, findingRow{v, x})
		}
	}
	return rows
}

func findingFields() []output.Column[findingRow] {
	return []output.Column[findingRow]{
		field("name", func(r findingRow) any { return r.of.Name }),
		field("kind", func(r findingRow) any { return r.of.Kind }),
		field("severity", func(r findingRow) any { return r.finding.Severity }),
		field("file", func(r findingRow) any { return r.finding.File }),
		field("key", func(r findingRow) any { return r.finding.Key }),
		field("text", func(r findingRow) any { return r.finding.Text }),
		field("next", func(r findingRow) any { return r.finding.Next }),
	}
}
