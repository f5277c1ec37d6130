package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

func newConfigShowCmd(a *app.App) *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force",
		Long: `Print the configuration in force, of a WAN or of steering: the file, with flags and
environment laid over it and defaults filled in; for steering also what the file
of the primary WAN says. Passwords are masked. The output is a file that loads,
once it has its password.

With -o json, jsonl or csv there is one entry a key, with its value and source.

` + app.ExitStatuses,
		Example: `  wanctl config show --wan spectrum
  wanctl config show --config spectrum.yaml --origin
  wanctl config show --wan steering
  wanctl config show --wan spectrum -o jsonl | jq 'select(.source != "default")'`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runConfigShow(a, cmd, origin) },
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say at each key where its value comes from")
	return cmd
}

func runConfigShow(a *app.App, cmd *cobra.Command, origin bool) error {
	path, err := a.OnePath(cmd)
	if err != nil {
		return err
	}
	var settings []schema.Setting
	if config.DetectKind(path) == config.KindSteering {
		settings, err = steeringSettings(a, path)
	} else {
		settings, err = wanSettings(a, path)
	}
	if err != nil {
		return err
	}
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, settings, settingColumns())
	}
	if !origin {
		for i := range settings {
			settings[i].Source = ""
		}
	}
	text, err := schema.Marshal(settings)
	if err != nil {
		return err
	}
	_, err = a.Out.Write(text)
	return err
}

func wanSettings(a *app.App, path string) ([]schema.Setting, error) {
	wan, origins, warnings, err := config.LoadOrigins(path, a.ConfigOptions())
	a.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	return config.Settings(wan, origins), nil
}

// steeringSettings fills in what steering takes from the file of the primary
// WAN.
func steeringSettings(a *app.App, path string) ([]schema.Setting, error) {
	s, origins, warnings, err := config.LoadSteeringOrigins(path, a.ConfigOptions())
	a.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	own := config.SteeringSettings(s, origins)
	_, _, warnings, err = s.LoadNeighbours(a.ConfigOptions())
	a.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	all := config.SteeringSettings(s, origins)
	for i := range all {
		if own[i].Value == nil && all[i].Value != nil {
			all[i].Source, all[i].File = schema.FromFile, s.PrimaryConfig
		}
	}
	return all, nil
}

func settingColumns() []output.Column[schema.Setting] {
	return []output.Column[schema.Setting]{
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
		{Name: "file", Text: func(s schema.Setting) string { return s.File }},
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
