package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// keyDoc is what programs get to know of a key.
type keyDoc struct {
	Key      string `json:"key"`
	Type     string `json:"type"`
	Range    string `json:"range,omitempty"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	Env      string `json:"env"`
	Doc      string `json:"doc"`
}

func newConfigExplainCmd(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Explain keys of a configuration file",
		Long: `Explain keys of a configuration file: what they mean, and their type, range and
default. KEY is a dotted name, its last part, or a section; without it, all keys
are listed.

` + exitStatuses,
		Example: `  wanctl config explain
  wanctl config explain target_bloat_ms
  wanctl config explain continuous_monitoring.download`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, k := range config.WANKeys() {
				if len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(k.Name, k.Doc))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listKeys(config.WANKeys())
			}
			return a.runConfigExplain(args[0])
		},
	}
}

func (a *App) runConfigExplain(name string) error {
	all := config.WANKeys()
	name = strings.TrimSuffix(name, ".")
	keys := schema.Find(all, name)
	if len(keys) == 0 {
		if why, found := config.WhyObsolete(name); found {
			_, err := fmt.Fprintf(a.Out, "%s\n  Has no effect any more: %s.\n", name, why)
			return err
		}
		if near := schema.Suggest(all, name); near != "" {
			return usagef("no key %q; did you mean %s?", name, near)
		}
		return usagef("no key %q; 'wanctl config explain' lists all", name)
	}
	if a.global.output != out.Table {
		return a.listKeys(keys)
	}
	for i, k := range keys {
		if i > 0 {
			if _, err := fmt.Fprintln(a.Out); err != nil {
				return err
			}
		}
		if err := explainKey(a.Out, k); err != nil {
			return err
		}
	}
	return nil
}

func explainKey(w io.Writer, k schema.Key) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n\n", k.Name, k.Doc)
	fmt.Fprintf(&b, "  type         %s\n", k.Type)
	if r := k.Range(); r != "" {
		fmt.Fprintf(&b, "  range        %s\n", r)
	}
	fmt.Fprintf(&b, "  default      %s\n", keyDefault(k))
	fmt.Fprintf(&b, "  environment  %s\n", k.Env())
	_, err := io.WriteString(w, b.String())
	return err
}

func keyDefault(k schema.Key) string {
	switch {
	case k.Required:
		return "none: required"
	case k.Default != "":
		return k.Default
	case k.Derived != "":
		return k.Derived
	}
	return "none"
}

func (a *App) listKeys(keys []schema.Key) error {
	docs := make([]keyDoc, len(keys))
	for i, k := range keys {
		docs[i] = keyDoc{k.Name, k.Type.String(), k.Range(), k.Required, k.Default, k.Env(), k.Doc}
		if k.Default == "" {
			docs[i].Default = k.Derived
		}
	}
	columns := []out.Column[keyDoc]{
		{Head: "KEY", Name: "key", Text: func(d keyDoc) string { return d.Key }},
		{Head: "DEFAULT", Name: "default", Value: func(d keyDoc) any { return d.Default }, Text: func(d keyDoc) string {
			if d.Required {
				return "(required)"
			}
			return d.Default
		}},
		{Head: "RANGE", Name: "range", Text: func(d keyDoc) string { return d.Range }},
	}
	if a.global.output == out.CSV {
		columns = append(columns,
			out.Column[keyDoc]{Name: "required", Text: func(d keyDoc) string { return fmt.Sprint(d.Required) }},
			out.Column[keyDoc]{Name: "type", Text: func(d keyDoc) string { return d.Type }},
			out.Column[keyDoc]{Name: "env", Text: func(d keyDoc) string { return d.Env }},
			out.Column[keyDoc]{Name: "doc", Text: func(d keyDoc) string { return d.Doc }})
	}
	return out.List(a.Out, a.global.output, docs, columns)
}
