package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

func newConfigShowCmd(a *App) *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force",
		Long: `Print the configuration in force: the file, with flags and environment laid over
it and defaults filled in. Passwords are masked. The output is a file that loads,
once it has its password.

With -o json, jsonl or csv there is one entry a key, with its value and source.

` + exitStatuses,
		Example: `  wanctl config show --wan spectrum
  wanctl config show --config spectrum.yaml --origin
  wanctl config show --wan spectrum -o jsonl | jq 'select(.source != "default")'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runConfigShow(cmd, origin) },
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say at each key where its value comes from")
	return cmd
}

func (a *App) runConfigShow(cmd *cobra.Command, origin bool) error {
	paths, err := a.configPaths()
	if err != nil {
		return err
	}
	if len(paths) > 1 {
		return usagef("%s works on one WAN, and --wan was given %d times", cmd.CommandPath(), len(paths))
	}
	wan, origins, warnings, err := config.LoadOrigins(paths[0], a.configOptions())
	a.warnProblems(warnings)
	if err != nil {
		return err
	}
	if a.global.output != out.Table {
		return out.List(a.Out, a.global.output, config.Settings(wan, origins), settingColumns())
	}
	if !origin {
		origins = nil
	}
	text, err := config.Marshal(wan, origins)
	if err != nil {
		return err
	}
	_, err = a.Out.Write(text)
	return err
}

func settingColumns() []out.Column[schema.Setting] {
	return []out.Column[schema.Setting]{
		{Name: "key", Text: func(s schema.Setting) string { return s.Key }},
		{Name: "value", Text: func(s schema.Setting) string { return settingText(s.Value) }},
		{Name: "source", Text: func(s schema.Setting) string { return string(s.Source) }},
		{Name: "line", Text: func(s schema.Setting) string {
			if s.Line == 0 {
				return ""
			}
			return fmt.Sprint(s.Line)
		}},
		{Name: "env", Text: func(s schema.Setting) string { return s.Env }},
	}
}

// settingText writes a value into one field.
func settingText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []string:
		return strings.Join(v, ",")
	case []schema.Entry:
		text, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	return fmt.Sprint(value)
}
