package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// stateRepaired is the output for programs.
type stateRepaired struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	File    string       `json:"file"`
	Changed bool         `json:"changed"` // or would be, in a dry run
	DryRun  bool         `json:"dry_run"`
	Damage  string       `json:"damage,omitempty"`
	From    string       `json:"restored_from,omitempty"` // the file or its backup
	Kept    int          `json:"fields_kept,omitempty"`   // of that file
	Fields  []stateField `json:"fields_changed"`
	Steps   []stateStep  `json:"steps"`
}

type stateField struct {
	Key  string `json:"key"`
	From string `json:"from"` // always "default": the invalid value is removed
	Why  string `json:"why"`
}

type stateStep struct {
	Do   string `json:"do"`
	File string `json:"file"`
	To   string `json:"to,omitempty"`
}

type stateRepairOptions struct {
	dryRun bool
	force  bool
}

func newStateRepairCmd(a *app.App) *cobra.Command {
	var o stateRepairOptions
	cmd := &cobra.Command{
		Use:   "repair [FILE...]",
		Short: "Make damaged files usable again",
		Long: `Repair state files, as a daemon does when it starts. A file that cannot be read as
JSON is replaced by its backup; without a good backup it is removed, so that the
daemon starts afresh. In a file that can be read, each invalid value is removed, so
that its default applies, and all others stay, fields of other programs included.

The damaged file is kept as FILE.corrupt; an earlier one becomes FILE.corrupt.1,
and of more than five the oldest is deleted. A damaged backup is replaced by a copy
of the state. Modes other than 0600, and owners where root may change them, are
corrected, and temporary files of killed saves are removed.

A daemon that runs keeps its state in memory and would write it over the repaired
one: where something is to be repaired, the status is 6 then.

` + app.ExitStatuses,
		Example: `  wanctl state repair --dry-run
  wanctl state repair --wan spectrum
  wanctl state repair /var/lib/wanctl/spectrum_state.json`,
		ValidArgsFunction: completeStateFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := stateFiles(a, cmd, args)
			if err != nil {
				return err
			}
			return repairStates(a, files, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	f.BoolVar(&o.force, "force", false, "also while a daemon runs")
	return cmd
}

func repairStates(a *app.App, files []*stateFile, o stateRepairOptions) error {
	repaired := []stateRepaired{}
	problems := eachState(files, func(f *stateFile) error {
		r, err := f.mend(o)
		if err != nil {
			return err
		}
		repaired = append(repaired, newStateRepaired(f, r, o.dryRun))
		return nil
	})
	return errors.Join(printRepaired(a, repaired), problems)
}

// mend repairs a file, or only says what is to be done.
func (f *stateFile) mend(o stateRepairOptions) (state.Repair, error) {
	if beside, ok := stateItself(f.path); ok {
		return state.Repair{}, app.Usagef("%s belongs to a state file; repair that: wanctl state repair %s", f.path, state.Quote(beside))
	}
	plan, err := f.plan()
	if err != nil || plan.Nothing() || o.dryRun {
		return plan, err
	}
	if err := f.refuse(); err != nil && !o.force {
		return plan, err
	}
	return f.repair()
}

// stateItself returns the state file that the backup or the damaged file at path
// belongs to.
func stateItself(path string) (string, bool) {
	for _, ending := range []string{".backup", ".corrupt"} {
		if i := strings.LastIndex(path, ".json"+ending); i >= 0 {
			return path[:i+len(".json")], true
		}
	}
	return "", false
}

func newStateRepaired(f *stateFile, r state.Repair, dryRun bool) stateRepaired {
	s := stateRepaired{
		Name: f.name, Kind: f.kind.String(), File: f.path, Changed: !r.Nothing(), DryRun: dryRun,
		From: r.From, Kept: r.Kept, Fields: []stateField{}, Steps: []stateStep{},
	}
	if r.Damage != nil {
		s.Damage = state.Reason(r.Damage)
	}
	for _, i := range r.Reset {
		s.Fields = append(s.Fields, stateField{i.Key, "default", i.Why})
	}
	for _, step := range r.Steps {
		s.Steps = append(s.Steps, stateStep{string(step.Do), step.File, step.To})
	}
	return s
}

func printRepaired(a *app.App, repaired []stateRepaired) error {
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, repaired, repairedFields())
	}
	for _, r := range repaired {
		if _, err := a.Out.Write([]byte(r.text())); err != nil {
			return err
		}
	}
	return nil
}

// text is what people are told: what was wrong, the fields that changed, and
// what was done to files.
func (r stateRepaired) text() string {
	if !r.Changed {
		return printable(r.File) + ": nothing to do\n"
	}
	var b strings.Builder
	did := "repaired"
	if r.DryRun {
		did = "would be repaired (dry run, nothing written)"
	}
	fmt.Fprintf(&b, "%s: %s\n", printable(r.File), did)
	if r.Damage != "" {
		source := fmt.Sprintf("%s kept, %d reset", countOf(r.Kept, "field"), len(r.Fields))
		switch r.From {
		case r.File:
		case "":
			source = "there is no good backup, so the daemon starts afresh"
		default:
			source = printable(r.From) + " is used in its place; " + source
		}
		fmt.Fprintf(&b, "  damage: %s; %s\n", printable(r.Damage), source)
	}
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "  %s: reset to its default (%s)\n", printable(f.Key), printable(f.Why))
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "  %s\n", s.text())
	}
	return b.String()
}

func (s stateStep) text() string {
	file, to := printable(s.File), printable(s.To)
	switch state.Act(s.Do) {
	case state.SetAside:
		return fmt.Sprintf("damaged file: %s is kept as %s", file, to)
	case state.Write:
		return "state: " + file + " written"
	case state.Renew:
		return "backup: " + file + " replaced by a copy of the state"
	case state.Chmod:
		return "mode: " + file + " is 0600"
	case state.Chown:
		return fmt.Sprintf("owner: %s belongs to %s", file, to)
	case state.Remove:
		return "leftover: " + file + " removed"
	}
	return s.Do + " " + file
}

func repairedFields() []output.Column[stateRepaired] {
	return []output.Column[stateRepaired]{
		field("name", func(r stateRepaired) any { return r.Name }),
		field("kind", func(r stateRepaired) any { return r.Kind }),
		field("file", func(r stateRepaired) any { return r.File }),
		field("changed", func(r stateRepaired) any { return r.Changed }),
		field("dry_run", func(r stateRepaired) any { return r.DryRun }),
		field("damage", func(r stateRepaired) any { return r.Damage }),
		field("fields_kept", func(r stateRepaired) any { return r.Kept }),
		field("fields_changed", func(r stateRepaired) any { return len(r.Fields) }),
		field("steps", func(r stateRepaired) any { return len(r.Steps) }),
	}
}
