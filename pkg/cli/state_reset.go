package cli

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

// stateReset is the output for programs.
type stateReset struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	File    string `json:"file"`
	Changed bool   `json:"changed"` // or would be, in a dry run
	DryRun  bool   `json:"dry_run"`
	KeptAs  string `json:"kept_as,omitempty"` // where what there was is now
}

type stateResetOptions struct {
	yes    bool
	all    bool
	dryRun bool
	force  bool
}

func newStateResetCmd(a *app.App) *cobra.Command {
	var o stateResetOptions
	cmd := &cobra.Command{
		Use:   "reset [FILE...]",
		Short: "Forget what was learned and begin afresh",
		Long: `Forget what a daemon has learned of a line: idle round-trip time, noise, capacities
and limits, or the state of steering; the fields of other programs in the file as
well. The next start goes by its configuration alone.

What there was is kept as FILE.backup until the daemon has saved twice; to undo
the reset before, copy that over FILE. A damaged file is kept as FILE.corrupt.

On a terminal the command asks; anywhere else it needs --yes. All files of the
configuration directory at once are reset with --all only. While a daemon runs,
the status is 6: it would write what it knows again.

The mangle rule on the router is left as it is; 'wanctl steer --reset' disables it
too.

` + app.ExitStatuses,
		Example: `  wanctl state reset --wan spectrum
  wanctl state reset --wan spectrum --yes
  wanctl state reset --all --dry-run`,
		ValidArgsFunction: completeStateFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			named := len(args) > 0 || len(a.Global.WANs) > 0 || cmd.Flags().Changed("config")
			switch {
			case o.all && named:
				return app.Usagef("--all goes with neither --wan and --config nor with files")
			case o.all:
				a.Global.Config = "" // that of the environment is one of them, or beside the matter
			case !named && a.Global.Config == "":
				return app.Usagef("what is to be reset? give --wan NAME, --config FILE or a state file, or --all for all in %s", a.Global.ConfigDir)
			}
			files, err := stateFiles(a, cmd, args)
			if err != nil {
				return err
			}
			return resetStates(cmd.Context(), a, files, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.all, "all", false, "the files of all configurations in the configuration directory")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be reset, and do nothing")
	f.BoolVar(&o.force, "force", false, "also while a daemon runs")
	return cmd
}

func resetStates(ctx context.Context, a *app.App, files []*stateFile, o stateResetOptions) error {
	var there []*stateFile
	done := []stateReset{}
	// Everything that can refuse comes before anything is asked or changed.
	problems := eachState(files, func(f *stateFile) error {
		if beside, ok := stateItself(f.path); ok {
			return app.Usagef("%s belongs to a state file; reset that: wanctl state reset %s", f.path, state.Quote(beside))
		}
		if !f.exists() {
			done = append(done, f.resetDone("", o.dryRun))
			return nil
		}
		there = append(there, f)
		busy := f.refuse()
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
	if len(there) > 0 && !o.dryRun && !o.yes {
		if err := confirmReset(ctx, a, there); err != nil {
			return err
		}
	}
	problems = eachState(there, func(f *stateFile) error {
		kept := f.keptAs()
		if !o.dryRun {
			if err := f.reset(); err != nil {
				return err
			}
		}
		done = append(done, f.resetDone(kept, o.dryRun))
		return nil
	})
	return errors.Join(printReset(a, done), problems)
}

// exists reports whether there is anything to reset.
func (f *stateFile) exists() bool {
	for _, path := range []string{f.path, state.OpenWAN(f.path).BackupPath()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

func (f *stateFile) reset() error {
	if f.kind == state.KindSteering {
		return state.OpenSteering(f.path).Reset(state.Steering{Current: f.goodState()})
	}
	return state.OpenWAN(f.path).Reset(state.WAN{})
}

// goodState is the name of the state in which nothing is steered, "" where
// nobody knows the primary WAN.
func (f *stateFile) goodState() string {
	if f.steering != nil {
		good, _ := steeringStates(f.steering.Primary)
		return good
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

// keptAs is where a reset leaves what there is.
func (f *stateFile) keptAs() string {
	if _, err := state.OpenWAN(f.path).ReadOnly(); f.kind == state.KindWAN && errors.Is(err, state.ErrDamaged) {
		return f.path + ".corrupt"
	}
	if _, err := state.OpenSteering(f.path).ReadOnly(); f.kind == state.KindSteering && errors.Is(err, state.ErrDamaged) {
		return f.path + ".corrupt"
	}
	return state.OpenWAN(f.path).BackupPath()
}

// resetDone tells of a reset; without kept there was nothing to be done.
func (f *stateFile) resetDone(kept string, dryRun bool) stateReset {
	return stateReset{Name: f.name, Kind: f.kind.String(), File: f.path, Changed: kept != "", DryRun: dryRun, KeptAs: kept}
}

// asks reports whether a person can be asked something.
func asks(a *app.App) bool {
	in, ok := a.In.(*os.File)
	return ok && a.ErrTTY && term.IsTerminal(int(in.Fd()))
}

// confirmReset asks the person at the terminal.
func confirmReset(ctx context.Context, a *app.App, files []*stateFile) error {
	if !asks(a) {
		return app.Usagef("reset forgets what was learned, and nobody can be asked here: add --yes")
	}
	for _, f := range files {
		fmt.Fprintf(a.Err, "%s: %s\n", printable(f.name), printable(f.path))
	}
	fmt.Fprintf(a.Err, "Forget what is in %s? [y/N] ", countOf(len(files), "state file"))
	answer := make(chan string, 1)
	go func() { // nothing ends reading a terminal but an answer, or the process
		line, _ := bufio.NewReader(a.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
		return errors.New("nothing was reset")
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return ctx.Err()
	}
}

func printReset(a *app.App, done []stateReset) error {
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, done, []output.Column[stateReset]{
			field("name", func(r stateReset) any { return r.Name }),
			field("kind", func(r stateReset) any { return r.Kind }),
			field("file", func(r stateReset) any { return r.File }),
			field("changed", func(r stateReset) any { return r.Changed }),
			field("dry_run", func(r stateReset) any { return r.DryRun }),
			field("kept_as", func(r stateReset) any { return r.KeptAs }),
		})
	}
	for _, r := range done {
		said := "reset; what there was is kept as " + printable(r.KeptAs)
		switch {
		case !r.Changed:
			said = "there is nothing to reset"
		case r.DryRun:
			said = "would be reset (dry run, nothing written)"
		}
		if _, err := fmt.Fprintf(a.Out, "%s: %s\n", printable(r.File), said); err != nil {
			return err
		}
	}
	return nil
}
