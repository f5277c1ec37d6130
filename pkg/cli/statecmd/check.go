package statecmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// verdict is the output for programs.
type verdict struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	File     string    `json:"file"`
	Exists   bool      `json:"exists"`
	OK       bool      `json:"ok"` // no finding is damage
	Findings []finding `json:"findings"`
}

type finding struct {
	Severity string `json:"severity"` // "damage" or "note"
	File     string `json:"file"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Next     string `json:"next"` // the command to type
}

type checkOptions struct{ selection }

func newCheckCmd(a *app.App) *cobra.Command {
	return app.Prints[verdict](a, &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Look for damage without changing anything",
		Long: `Check state files and what belongs to them: whether they are whole, whether every
field has its type and is plausible and within the configured bounds, whether the
backup is good, who may read and write them, and which files crashes have left behind.
Each finding names the next command. Nothing is changed.

Damage means that a state is lost, now or at the next restart; the status is 5. A
state that a running daemon has not replaced for three minutes is damage too, because
the daemon cannot save. Without a daemon a state may have any age. Notes leave the
status 0.`,
		Example: `  wanctl state check
  wanctl state check --wan spectrum
  wanctl state check -o jsonl | jq -r 'select(.ok | not) | .findings[].next'`,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCheck(a, checkOptions{newSelection(cmd, args)})
		},
	})
}

func runCheck(a *app.App, o checkOptions) error {
	files, err := o.find(a)
	if err != nil {
		return err
	}
	shared := sharedFiles(files)
	verdicts := []verdict{}
	damaged := 0
	problems := forEach(files, func(f *file) error {
		v := newVerdict(f, shared[f])
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
	return errors.Join(problems, app.Checkf("damage at %d of %s; each finding says what to type next", damaged, plural(len(files), "state file")))
}

// newVerdict checks f. shared, if not "", says who else uses it.
func newVerdict(f *file, shared string) verdict {
	r := f.operations().check()
	v := verdict{Name: f.name, Kind: f.kind.String(), File: f.path, Exists: r.Main.Exists, OK: r.Healthy() && shared == "", Findings: []finding{}}
	for _, x := range r.Findings {
		v.Findings = append(v.Findings, finding{string(x.Severity), x.File, x.Key, x.Text, x.Next})
	}
	if shared != "" {
		v.Findings = append(v.Findings, finding{string(state.Damage), f.path, "", shared, "wanctl config show " + f.named})
	}
	return v
}

// sharedFiles returns a text for each file that two configurations name.
func sharedFiles(files []*file) map[*file]string {
	first := map[string]*file{}
	shared := map[*file]string{}
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

func printVerdicts(a *app.App, verdicts []verdict) error {
	if a.Global.Output == output.CSV {
		return output.List(a.Out, output.CSV, findingRows(verdicts), nil)
	}
	return printEach(a, verdicts, verdict.text)
}

func (v verdict) text() string {
	var b strings.Builder
	if v.OK {
		condition := "ok"
		if !v.Exists {
			condition = "no state yet"
		}
		fmt.Fprintf(&b, "%s: %s\n", output.Printable(v.File), condition)
	}
	for _, x := range v.Findings {
		key := ""
		if x.Key != "" {
			key = x.Key + ": "
		}
		fmt.Fprintf(&b, "%s: %s: %s%s; next: %s\n", output.Printable(x.File), x.Severity, output.Printable(key), output.Printable(x.Text), x.Next)
	}
	return b.String()
}

// findingRow is one line of CSV.
type findingRow struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Severity string `json:"severity"` // "ok" for a file without findings
	File     string `json:"file"`
	Key      string `json:"key"`
	Text     string `json:"text"`
	Next     string `json:"next"`
}

// findingRows has a row a finding, and one for each file without any.
func findingRows(verdicts []verdict) []findingRow {
	var rows []findingRow
	for _, v := range verdicts {
		if len(v.Findings) == 0 {
			rows = append(rows, findingRow{Name: v.Name, Kind: v.Kind, Severity: "ok", File: v.File})
		}
		for _, x := range v.Findings {
			rows = append(rows, findingRow{v.Name, v.Kind, x.Severity, x.File, x.Key, x.Text, x.Next})
		}
	}
	return rows
}
