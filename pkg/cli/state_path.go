package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// statePaths is the output for programs.
type statePaths struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Backup string `json:"backup"`
	Lock   string `json:"lock,omitempty"` // the last two are known with the configuration only
	Socket string `json:"socket,omitempty"`
}

func newStatePathCmd(a *app.App) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "path [FILE...]",
		Short: "Where the files are",
		Long: `Print the path of the state file, one a line. The file need not exist.

With --all there is also that of the backup, of the daemon's lock file and of the
socket on which it answers: four lines for each, in this order. On a terminal
each line says what it is. With -o json, jsonl and csv all of them are there in
any case.

` + app.ExitStatuses,
		Example: `  cat "$(wanctl state path --wan spectrum)"
  wanctl state path --all --wan spectrum
  wanctl state path -o jsonl | jq -r .socket`,
		ValidArgsFunction: completeStateFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := stateFiles(a, cmd, args)
			if err != nil {
				return err
			}
			return printStatePaths(a, files, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also backup, lock file and socket")
	return cmd
}

func printStatePaths(a *app.App, files []*stateFile, all bool) error {
	var paths []statePaths
	problems := eachState(files, func(f *stateFile) error {
		paths = append(paths, statePaths{f.name, f.kind.String(), f.path, state.OpenWAN(f.path).BackupPath(), f.lock(), f.socket()})
		return nil
	})
	if a.Global.Output != output.Table {
		if err := output.List(a.Out, a.Global.Output, paths, statePathFields()); err != nil {
			return err
		}
		return problems
	}
	for _, p := range paths {
		if err := p.print(a.Out, all, a.OutTTY); err != nil {
			return err
		}
	}
	return problems
}

func (p statePaths) print(w io.Writer, all, labels bool) error {
	for i, line := range [][2]string{{"state", p.State}, {"backup", p.Backup}, {"lock", p.Lock}, {"socket", p.Socket}} {
		label := ""
		switch {
		case i > 0 && !all || line[1] == "":
			continue
		case all && labels:
			label = fmt.Sprintf("%s %-7s ", p.Name, line[0])
		}
		if _, err := fmt.Fprintf(w, "%s%s\n", label, line[1]); err != nil {
			return err
		}
	}
	return nil
}

func statePathFields() []output.Column[statePaths] {
	return []output.Column[statePaths]{
		field("name", func(p statePaths) any { return p.Name }),
		field("kind", func(p statePaths) any { return p.Kind }),
		field("state", func(p statePaths) any { return p.State }),
		field("backup", func(p statePaths) any { return p.Backup }),
		field("lock", func(p statePaths) any { return p.Lock }),
		field("socket", func(p statePaths) any { return p.Socket }),
	}
}
