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

// repaired is the output for programs.
type repaired struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	File    string       `json:"file"`
	Changed bool         `json:"changed"` // or would be, in a dry run
	DryRun  bool         `json:"dry_run"`
	Damage  string       `json:"damage,omitempty"`
	From    string       `json:"restored_from,omitempty"` // the file or its backup
	Kept    int          `json:"fields_kept,omitempty"`   // of that file
	Fields  []fieldReset `json:"fields_changed"`
	Steps   []step       `json:"steps"`
}

type fieldReset struct {
	Key  string `json:"key"`
	From string `json:"from"` // always "default": the invalid value is removed
	Why  string `json:"why"`
}

type step struct {
	Do   string `json:"do"`
	File string `json:"file"`
	To   string `json:"to,omitempty"`
}

type repairOptions struct {
	selection
	dryRun bool
	force  bool
}

func newRepairCmd(a *app.App) *cobra.Command {
	var o repairOptions
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

A running daemon keeps its state in memory and would overwrite the repaired file: if
there is something to repair, the status is 6.`,
		Example: `  wanctl state repair --dry-run
  wanctl state repair --wan spectrum
  wanctl state repair /var/lib/wanctl/spectrum_state.json`,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.selection = newSelection(cmd, args)
			return runRepair(a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	f.BoolVar(&o.force, "force", false, "also while a daemon runs")
	return app.Prints[repaired](a, cmd)
}

func runRepair(a *app.App, o repairOptions) error {
	files, err := o.find(a)
	if err != nil {
		return err
	}
	all := []repaired{}
	problems := forEach(files, func(f *file) error {
		r, err := f.repair(o)
		if err != nil {
			return err
		}
		all = append(all, newRepaired(f, r, o.dryRun))
		return nil
	})
	if a.Global.Output == output.CSV {
		return errors.Join(output.List(a.Out, output.CSV, repairedRows(all), nil), problems)
	}
	return errors.Join(printEach(a, all, repaired.text), problems)
}

// repair repairs the file, or returns what is to be done in a dry run.
func (f *file) repair(o repairOptions) (state.Repair, error) {
	if main, ok := mainFile(f.path); ok {
		return state.Repair{}, app.Usagef("%s belongs to a state file; repair that: wanctl state repair %s", f.path, state.Quote(main))
	}
	ops := f.operations()
	plan, err := ops.plan()
	if err != nil || plan.Nothing() || o.dryRun {
		return plan, err
	}
	if err := f.checkStopped(); err != nil && !o.force {
		return plan, err
	}
	return ops.repair()
}

// mainFile returns the state file that the backup or the damaged file at path
// belongs to.
func mainFile(path string) (string, bool) {
	for _, ending := range []string{".backup", ".corrupt"} {
		if i := strings.LastIndex(path, ".json"+ending); i >= 0 {
			return path[:i+len(".json")], true
		}
	}
	return "", false
}

func newRepaired(f *file, r state.Repair, dryRun bool) repaired {
	s := repaired{
		Name: f.name, Kind: f.kind.String(), File: f.path, Changed: !r.Nothing(), DryRun: dryRun,
		From: r.From, Kept: r.Kept, Fields: []fieldReset{}, Steps: []step{},
	}
	if r.Damage != nil {
		s.Damage = state.Reason(r.Damage)
	}
	for _, i := range r.Reset {
		s.Fields = append(s.Fields, fieldReset{i.Key, "default", i.Why})
	}
	for _, x := range r.Steps {
		s.Steps = append(s.Steps, step{string(x.Do), x.File, x.To})
	}
	return s
}

// text says what was wrong, which fields changed, and what was done to files.
func (r repaired) text() string {
	if !r.Changed {
		return output.Printable(r.File) + ": nothing to do\n"
	}
	var b strings.Builder
	did := "repaired"
	if r.DryRun {
		did = "would be repaired (dry run, nothing written)"
	}
	fmt.Fprintf(&b, "%s: %s\n", output.Printable(r.File), did)
	if r.Damage != "" {
		source := fmt.Sprintf("%s kept, %d reset", plural(r.Kept, "field"), len(r.Fields))
		switch r.From {
		case r.File:
		case "":
			source = "there is no good backup, so the daemon starts afresh"
		default:
			source = output.Printable(r.From) + " is used in its place; " + source
		}
		fmt.Fprintf(&b, "  damage: %s; %s\n", output.Printable(r.Damage), source)
	}
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "  %s: reset to its default (%s)\n", output.Printable(f.Key), output.Printable(f.Why))
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "  %s\n", s.text())
	}
	return b.String()
}

func (s step) text() string {
	file, to := output.Printable(s.File), output.Printable(s.To)
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

// repairedRow is repaired in CSV, with the lengths of its lists.
type repairedRow struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	File    string `json:"file"`
	Changed bool   `json:"changed"`
	DryRun  bool   `json:"dry_run"`
	Damage  string `json:"damage"`
	Kept    int    `json:"fields_kept"`
	Fields  int    `json:"fields_changed"`
	Steps   int    `json:"steps"`
}

func repairedRows(all []repaired) []repairedRow {
	rows := make([]repairedRow, len(all))
	for i, r := range all {
		rows[i] = repairedRow{r.Name, r.Kind, r.File, r.Changed, r.DryRun, r.Damage, r.Kept, len(r.Fields), len(r.Steps)}
	}
	return rows
}
