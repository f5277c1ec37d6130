package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerQueueType is the output for programs.
type routerQueueType struct {
	Name    string            `json:"name"`
	Kind    string            `json:"kind"`
	Default bool              `json:"default"`
	Params  map[string]string `json:"params"`
}

func newQueueTypesCmd(a *app.App, o *routerFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "types",
		Short: "Queue types and their parameters",
		Long:  "Print the queue types of the router, with the parameters of their kind under RouterOS's names.\n\n" + app.ExitStatuses,
		Example: `  wanctl router queue types --wan spectrum
  wanctl router queue types --wan spectrum -o jsonl | jq 'select(.kind == "cake")'`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				types, err := client.QueueTypes(ctx)
				if err != nil {
					return err
				}
				list := make([]routerQueueType, len(types))
				for i, t := range types {
					list[i] = routerQueueType(t)
				}
				return output.List(a.Out, a.Global.Output, list, queueTypeColumns())
			})
		},
	}
}

func queueTypeColumns() []output.Column[routerQueueType] {
	return []output.Column[routerQueueType]{
		{Head: "NAME", Name: "name", Text: func(t routerQueueType) string { return output.Printable(t.Name) }},
		{Head: "KIND", Name: "kind", Text: func(t routerQueueType) string { return output.Printable(t.Kind) }},
		{Head: "DEFAULT", Name: "default", Text: func(t routerQueueType) string { return output.YesNo(t.Default) }, Value: func(t routerQueueType) any { return t.Default }},
		{Head: "PARAMETERS", Name: "params", Text: func(t routerQueueType) string { return paramsText(t.Params) }},
	}
}

// paramsText writes properties under RouterOS's names, sorted.
func paramsText(params map[string]string) string {
	words := make([]string, 0, len(params))
	for _, key := range slices.Sorted(maps.Keys(params)) {
		words = append(words, output.Printable(key+"="+params[key]))
	}
	return strings.Join(words, " ")
}
