package statecmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// resetFile is the output for programs.
type resetFile struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	File    string `json:"file"`
	Changed bool   `json:"changed"` // or would be, in a dry run
	DryRun  bool   `json:"dry_run"`
	KeptAs  string `json:"kept_as,omitempty"` // where what there was is now
}

type resetOptions struct {
	selection
	yes    bool
	all    bool
	dryRun bool
	force  bool
}

func newResetCmd(a *app.App) *cobra.Command {
	var o resetOptions
	cmd := &cobra.Command{
		Use:   "reset [FILE...]",
		Short: "Delete what was learned, to start afresh",
		Long: `Forget what a daemon has learned of a line: idle round-trip time, noise, capacities
and limits, or the state of steering; the fields of other programs in the file as
well. The next start uses its configuration alone.

The former state is kept as FILE.backup until the daemon has saved twice; to undo the
reset until then, copy that over FILE. A damaged file is kept as FILE.corrupt.

On a terminal the command asks; anywhere else it needs --yes. All files of the
configuration directory at once are reset with --all only. While a daemon runs,
the status is 6: it would write its state again.

The mangle rule on the router is left as it is; 'wanctl steer --reset' disables it
too.`,
		Example: `  wanctl state reset --wan spectrum
  wanctl state reset --wan spectrum --yes
  wanctl state reset --all --dry-run`,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.selection = newSelection(cmd, args)
			return runReset(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.all, "all", false, "the files of all configurations in the configuration directory")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be reset, and do nothing")
	f.BoolVar(&o.force, "force", false, "also while a daemon runs")
	return app.Prints[resetFile](a, cmd)
}

func runReset(ctx context.Context, a *app.App, o resetOptions) error {
	named := len(o.files) > 0 || len(a.Global.WANs) > 0 || o.config
	switch {
	case o.all && named:
		return app.Usagef("--all cannot be combined with --wan, --config or files")
	case o.all:
		a.Global.Config = "" // that of the environment is one of them, or not concerned
	case !named && a.Global.Config == "":
		return app.Usagef("nothing to reset: give --wan NAME, --config FILE or a state file, or --all for all in %s", a.Global.ConfigDir)
	}
	files, err := o.find(a)
	if err != nil {
		return err
	}
	var existing []*file
	done := []resetFile{}
	// Everything that can refuse comes before anything is asked or changed.
	problems := forEach(files, func(f *file) error {
		if main, ok := mainFile(f.path); ok {
			return app.Usagef("%s belongs to a state file; reset that: wanctl state reset %s", f.path, state.Quote(main))
		}
		if !f.exists() {
			done = append(done, newResetFile(f, "", o.dryRun))
			return nil
		}
		existing = append(existing, f)
		busy := f.checkStopped()
		if o.force && busy != nil {
			a.Warnf("%s: a daemon is running and writes what it knows again within a minute: restart it", f.name)
		}
		if o.force || o.dryRun {
			return nil
		}
		return busy
	})
	if problems != nil {
		return problems
	}
	if len(existing) > 0 && !o.dryRun && !o.yes {
		if err := confirm(ctx, a, existing); err != nil {
			return err
		}
	}
	problems = forEach(existing, func(f *file) error {
		kept := f.keptAs()
		if !o.dryRun {
			if err := f.operations().reset(); err != nil {
				return err
			}
		}
		done = append(done, newResetFile(f, kept, o.dryRun))
		return nil
	})
	return errors.Join(printEach(a, done, resetFile.text), problems)
}

// exists reports whether there is anything to reset.
func (f *file) exists() bool {
	for _, path := range []string{f.path, f.backup()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// goodState is the name of the state in which nothing is steered, "" where the
// primary WAN is not known.
func (f *file) goodState() string {
	if f.steering != nil {
		return strings.ToUpper(f.steering.Primary) + state.Good
	}
	current := state.OpenSteering(f.path).ReadBest().State.Current
	if wan, ok := strings.CutSuffix(current, state.Degraded); ok {
		return wan + state.Good
	}
	if strings.HasSuffix(current, state.Good) {
		return current
	}
	return ""
}

// keptAs is where a reset leaves the former file.
func (f *file) keptAs() string {
	if errors.Is(f.operations().check().Main.Err, state.ErrDamaged) {
		return f.path + ".corrupt"
	}
	return f.backup()
}

// newResetFile reports a reset; without kept there was nothing to be done.
func newResetFile(f *file, kept string, dryRun bool) resetFile {
	return resetFile{Name: f.name, Kind: f.kind.String(), File: f.path, Changed: kept != "", DryRun: dryRun, KeptAs: kept}
}

// interactive reports whether a person can answer a question.
func interactive(a *app.App) bool {
	in, ok := a.In.(*os.File)
	return ok && a.ErrTTY && term.IsTerminal(int(in.Fd()))
}

// confirm asks the person at the terminal.
func confirm(ctx context.Context, a *app.App, files []*file) error {
	if !interactive(a) {
		return app.Usagef("reset deletes what was learned; without a terminal, confirm it with --yes")
	}
	for _, f := range files {
		fmt.Fprintf(a.Err, "%s: %s\n", output.Printable(f.name), output.Printable(f.path))
	}
	fmt.Fprintf(a.Err, "Forget what is in %s? [y/N] ", plural(len(files), "state file"))
	answer := make(chan string, 1)
	go func() { // nothing ends reading a terminal but an answer, or the process
		line, _ := bufio.NewReader(a.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		if a == "y" || a == "yes" {
			return nil
		}
		return errors.New("nothing was reset")
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return ctx.Err()
	}
}

func (r resetFile) text() string {
	text := "reset; what there was is kept as " + output.Printable(r.KeptAs)
	switch {
	case !r.Changed:
		text = "there is nothing to reset"
	case r.DryRun:
		text = "would be reset (dry run, nothing written)"
	}
	return fmt.Sprintf("%s: %s\n", output.Printable(r.File), text)
}
