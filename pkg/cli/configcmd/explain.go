package configcmd

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// keyDoc describes a key to programs.
type keyDoc struct {
	Key      string   `json:"key"`
	Type     string   `json:"type"`
	Range    string   `json:"range,omitempty"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	Env      string   `json:"env"`
	Doc      string   `json:"doc"`
	Files    []string `json:"files"` // kinds of file that have it: "wan", "steering"
}

// fileKey is a key with the kinds of file that have it.
type fileKey struct {
	schema.Key
	kinds []config.FileKind
}

// ofEither joins keys of WANs and of steering. A key that means the same in
// both is there once.
func ofEither(wan, steering []schema.Key) []fileKey {
	var all []fileKey
	for _, k := range wan {
		all = append(all, fileKey{k, []config.FileKind{config.KindWAN}})
	}
	after := len(all)
	for _, k := range steering {
		i := slices.IndexFunc(all, func(other fileKey) bool { return other.Name == k.Name })
		switch {
		case i < 0:
			all = append(all, fileKey{k, []config.FileKind{config.KindSteering}})
		case i < after && reflect.DeepEqual(all[i].Key, k):
			all[i].kinds = append(all[i].kinds, config.KindSteering)
		default:
			all = slices.Insert(all, i+1, fileKey{k, []config.FileKind{config.KindSteering}})
			after++
		}
	}
	return all
}

type explainOptions struct {
	*app.App
	key string // "" for all
}

func newExplainCmd(a *app.App) *cobra.Command {
	return app.Prints[keyDoc](a, &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Explain keys of a configuration file",
		Long: `Explain keys of a configuration file: what they mean, in which kind of file (of a
WAN, of steering, or both), and their type, range and default. KEY is a dotted
name, its last part, or a section; without it, all keys are listed.`,
		Example: `  wanctl config explain
  wanctl config explain target_bloat_ms
  wanctl config explain continuous_monitoring.download`,
		Args: app.UsageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, k := range ofEither(config.WANKeys(), config.SteeringKeys()) {
				if len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(k.Name, k.Doc))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o := explainOptions{App: a}
			if len(args) > 0 {
				o.key = strings.TrimSuffix(args[0], ".")
			}
			return runExplain(o)
		},
	})
}

func runExplain(o explainOptions) error {
	wan, steering := config.WANKeys(), config.SteeringKeys()
	if o.key == "" {
		return listKeys(o, ofEither(wan, steering))
	}
	keys := ofEither(schema.Find(wan, o.key), schema.Find(steering, o.key))
	switch {
	case len(keys) == 0:
		return explainUnknown(o, slices.Concat(wan, steering))
	case o.Global.Output != output.Table:
		return listKeys(o, keys)
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.explain()
	}
	_, err := io.WriteString(o.Out, strings.Join(texts, "\n"))
	return err
}

// explainUnknown explains a key of older files, or suggests another.
func explainUnknown(o explainOptions, keys []schema.Key) error {
	if why, found := config.WhyObsolete(o.key); found {
		_, err := fmt.Fprintf(o.Out, "%s\n  Has no effect any more: %s.\n", o.key, why)
		return err
	}
	if near := schema.Suggest(keys, o.key); near != "" {
		return app.Usagef("no key %q; did you mean %s?", o.key, near)
	}
	return app.Usagef("no key %q; 'wanctl config explain' lists all", o.key)
}

func (k fileKey) explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n\n", k.Name, k.Doc)
	fmt.Fprintf(&b, "  file         %s\n", k.files())
	fmt.Fprintf(&b, "  type         %s\n", k.Kind)
	if r := k.Range(); r != "" {
		fmt.Fprintf(&b, "  range        %s\n", r)
	}
	fmt.Fprintf(&b, "  default      %s\n", keyDefault(k.Key))
	fmt.Fprintf(&b, "  environment  %s\n", k.Env())
	return b.String()
}

// files says in words which kinds of file have the key.
func (k fileKey) files() string {
	switch {
	case len(k.kinds) > 1:
		return "of a WAN, and of steering"
	case k.kinds[0] == config.KindSteering:
		return "of steering"
	}
	return "of a WAN"
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

func listKeys(o explainOptions, keys []fileKey) error {
	docs := make([]keyDoc, len(keys))
	for i, k := range keys {
		docs[i] = keyDoc{Key: k.Name, Type: k.Kind.String(), Range: k.Range(), Required: k.Required, Default: k.Default, Env: k.Env(), Doc: k.Doc}
		if k.Default == "" {
			docs[i].Default = k.Derived
		}
		for _, kind := range k.kinds {
			docs[i].Files = append(docs[i].Files, kind.String())
		}
	}
	return output.List(o.Out, o.Global.Output, docs, []output.Column[keyDoc]{
		{Head: "KEY", Text: func(d keyDoc) string { return d.Key }},
		{Head: "DEFAULT", Text: func(d keyDoc) string {
			if d.Required {
				return "(required)"
			}
			return d.Default
		}},
		{Head: "RANGE", Text: func(d keyDoc) string { return d.Range }},
		{Head: "FILE", Text: func(d keyDoc) string { return strings.Join(d.Files, ",") }},
	})
}
