package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// A misspelt subcommand or flag of any command is answered with the right one.
func TestMisspeltCommandsAndFlags(t *testing.T) {
	run := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		a := &app.App{Streams: output.Streams{Out: &stdout, Err: &stderr}, LookupEnv: func(string) (string, bool) { return "", false }}
		want, text := app.ExitUsage, &stderr
		if args[0] == "check" { // whose caller is a monitor: a line of output and the status of UNKNOWN
			want, text = 3, &stdout
		}
		if status := Run(context.Background(), a, args); status != want {
			t.Errorf("%v: exit status %d, want %d", args, status, want)
		}
		return text.String()
	}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		for _, sub := range c.Commands() {
			if !sub.IsAvailableCommand() {
				continue
			}
			misspelt := append(append([]string{}, path...), sub.Name()+"x")
			if got, want := run(misspelt...), "did you mean "+sub.Name()+"?"; !strings.Contains(got, want) {
				t.Errorf("%v: no %q in %q", misspelt, want, got)
			}
			visit(sub)
		}
		if len(path) == 0 || c.Name() == "completion" || c.Parent().Name() == "completion" || c.Name() == "help" {
			return // cobra's own
		}
		args := append(append([]string{}, path...), "--log-levl", "debug")
		if got, want := run(args...), "did you mean --log-level?"; !strings.Contains(got, want) {
			t.Errorf("%v: no %q in %q", args, want, got)
		}
	}
	visit(Command(""))
}
