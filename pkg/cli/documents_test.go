package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// Every command prints a declared document with -o json, or says that it has none and
// which command has.
func TestEveryCommandHonoursOutput(t *testing.T) {
	args := map[string][]string{"trace plot": {"x.jsonl"}, "ha move": {"192.168.88.1", "pop1-b"}}
	a := &app.App{LookupEnv: func(string) (string, bool) { return "", false }}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		path := strings.TrimPrefix(c.CommandPath(), "wanctl ")
		if !c.Runnable() || c.HasSubCommands() && c.Name() != "steer" || strings.HasPrefix(path, "completion") || c.Name() == "help" ||
			slices.ContainsFunc(a.Documents, func(d app.Document) bool { return d.Command == c }) {
			return
		}
		var out bytes.Buffer
		b := &app.App{Streams: output.Streams{Out: &out, Err: &out}, LookupEnv: a.LookupEnv}
		status := Run(context.Background(), b, slices.Concat(strings.Fields(path), args[path], []string{"-o", "json"}))
		if status != app.ExitUsage && path != "check" || !strings.Contains(out.String(), "has no -o json") {
			t.Errorf("%s -o json: exit status %d, %s", path, status, out.String())
		}
	}
	visit(newRootCmd(a))
}
