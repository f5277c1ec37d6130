package statecmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

// paths is the output for programs.
type paths struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Backup string `json:"backup"`
	Lock   string `json:"lock,omitempty"` // lock and socket need the configuration
	Socket string `json:"socket,omitempty"`
}

type pathOptions struct {
	selection
	all bool
}

func newPathCmd(a *app.App) *cobra.Command {
	var o pathOptions
	cmd := &cobra.Command{
		Use:   "path [FILE...]",
		Short: "Print where the state files are",
		Long: `Print the path of the state file, one a line. The file need not exist.

With --all it also prints the backup, the daemon's lock file and its socket: four lines
for each, in this order, with labels on a terminal. -o json, jsonl and csv always have
all of them.`,
		Example: `  wanctl state path --wan spectrum
  wanctl state path --all --wan spectrum
  wanctl state path -o jsonl | jq -r .socket`,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.selection = newSelection(cmd, args)
			return runPath(a, o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "also backup, lock file and socket")
	return app.Prints[paths](a, cmd)
}

func runPath(a *app.App, o pathOptions) error {
	files, err := o.find(a)
	if err != nil {
		return err
	}
	var all []paths
	problems := forEach(files, func(f *file) error {
		p := paths{Name: f.name, Kind: f.kind.String(), State: f.path, Backup: f.backup(), Lock: f.lock()}
		if f.base != nil {
			p.Socket = f.base.Socket()
		}
		all = append(all, p)
		return nil
	})
	return errors.Join(printEach(a, all, func(p paths) string { return p.text(o.all, a.OutTTY) }), problems)
}

// text is one line a path, with its name where labels is set.
func (p paths) text(all, labels bool) string {
	var b strings.Builder
	for i, line := range [][2]string{{"state", p.State}, {"backup", p.Backup}, {"lock", p.Lock}, {"socket", p.Socket}} {
		if i > 0 && !all || line[1] == "" {
			continue
		}
		if all && labels {
			fmt.Fprintf(&b, "%s %-7s ", p.Name, line[0])
		}
		fmt.Fprintln(&b, line[1])
	}
	return b.String()
}
