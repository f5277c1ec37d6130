package configcmd

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

type showOptions struct {
	*app.App
	path   string
	origin bool
}

func newShowCmd(a *app.App) *cobra.Command {
	o := showOptions{App: a}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force",
		Long: `Print the configuration in force, of a WAN or of steering: the file, overridden by
flags and environment, with defaults; for steering also the settings from the file
of the primary WAN. Passwords are masked. The output is a file that loads,
once it has its password.

With -o json, jsonl or csv there is one entry a key, with its value and source.`,
		Example: `  wanctl config show --wan spectrum
  wanctl config show --config spectrum.yaml --origin
  wanctl config show --wan steering
  wanctl config show --wan spectrum -o jsonl | jq 'select(.source != "default")'`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.path, err = a.OnePath(cmd); err != nil {
				return err
			}
			return runShow(o)
		},
	}
	cmd.Flags().BoolVar(&o.origin, "origin", false, "say at each key where its value comes from")
	return app.Prints[schema.Setting](a, cmd)
}

func runShow(o showOptions) error {
	read := wanSettings
	if config.DetectKind(o.path) == config.KindSteering {
		read = steeringSettings
	}
	settings, err := read(o)
	if err != nil {
		return err
	}
	switch o.Global.Output {
	case output.JSON, output.JSONL:
		return output.List(o.Out, o.Global.Output, settings, nil)
	case output.CSV:
		return output.List(o.Out, output.CSV, settingRows(settings), nil)
	case output.Table:
	}
	if !o.origin {
		for i := range settings {
			settings[i].Source = ""
		}
	}
	text, err := schema.Marshal(settings)
	if err != nil {
		return err
	}
	_, err = o.Out.Write(text)
	return err
}

func wanSettings(o showOptions) ([]schema.Setting, error) {
	wan, origins, warnings, err := config.LoadOrigins(o.path, o.ConfigOptions())
	o.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	return config.Settings(wan, origins), nil
}

// steeringSettings includes the values that steering takes from the file of the
// primary WAN.
func steeringSettings(o showOptions) ([]schema.Setting, error) {
	s, origins, warnings, err := config.LoadSteeringOrigins(o.path, o.ConfigOptions())
	o.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	own := config.Settings(s, origins)
	_, _, warnings, err = s.LoadWANs(o.ConfigOptions())
	o.WarnProblems(warnings)
	if err != nil {
		return nil, err
	}
	all := config.Settings(s, origins)
	for i := range all {
		if own[i].Value == nil && all[i].Value != nil {
			all[i].Source, all[i].File = schema.FromFile, s.PrimaryConfig
		}
	}
	return all, nil
}

// settingRow is a setting in CSV.
type settingRow struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Line   int    `json:"line,omitempty"`
	Env    string `json:"env"`
	File   string `json:"file"`
}

func settingRows(settings []schema.Setting) []settingRow {
	rows := make([]settingRow, len(settings))
	for i, s := range settings {
		rows[i] = settingRow{s.Key, settingText(s.Value), string(s.Source), s.Line, s.Env, s.File}
	}
	return rows
}

// settingText returns a value as text for one cell.
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
