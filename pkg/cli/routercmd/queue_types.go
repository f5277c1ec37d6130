package routercmd

import (
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

func newQueueTypesCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerQueueType](a, listRows(a, o, &cobra.Command{
		Use:   "types",
		Short: "List queue types with their parameters",
		Long:  "Print the queue types of the router, with the parameters of their kind under RouterOS's names.",
		Example: `  wanctl router queue types --wan spectrum
  wanctl router queue types --wan spectrum -o jsonl | jq 'select(.kind == "cake")'`,
	}, router.Client.QueueTypes, func(t router.QueueType) routerQueueType { return routerQueueType(t) }, queueTypeColumns()))
}

func queueTypeColumns() []output.Column[routerQueueType] {
	return []output.Column[routerQueueType]{
		output.Text("NAME", func(t routerQueueType) string { return t.Name }),
		output.Text("KIND", func(t routerQueueType) string { return t.Kind }),
		output.Text("DEFAULT", func(t routerQueueType) string { return output.YesNo(t.Default) }),
		output.Text("PARAMETERS", func(t routerQueueType) string { return output.Pairs(t.Params) }),
	}
}
