package routercmd

import (
	"context"
	"maps"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// routerRule is the output for programs.
type routerRule struct {
	Comment  string            `json:"comment"`
	Chain    string            `json:"chain"`
	Action   string            `json:"action"`
	Enabled  bool              `json:"enabled"`
	Dynamic  bool              `json:"dynamic"`
	Invalid  bool              `json:"invalid"`
	Bytes    uint64            `json:"bytes"`
	Packets  uint64            `json:"packets"`
	Position int               `json:"position,omitempty"` // from 1, in a list of all rules
	Params   map[string]string `json:"params"`
}

func newMangleCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("mangle", "Show, enable and disable mangle rules",
		"Read mangle rules of the router's firewall, and enable and disable one by its comment.",
		newMangleGetCmd(a, o), newMangleSwitchCmd(a, o, true), newMangleSwitchCmd(a, o, false))
}

func newMangleGetCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerRule](a, &cobra.Command{
		Use:   "get [COMMENT]",
		Short: "List all mangle rules in order, or show the one with a comment",
		Long: `Print all mangle rules in the order in which the router applies them, or the one
whose comment is exactly COMMENT: upper and lower case and every space count. No
rule or several rules with that comment is status 5.

With -o json, all rules are an array and one rule is an object.`,
		Example: `  wanctl router mangle get --wan spectrum
  wanctl router mangle get "ADAPTIVE: Steer latency-sensitive traffic" --host 192.168.88.1`,
		Args:              app.UsageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: o.complete(a, ruleComments),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "" {
				return errNoComment
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				if len(args) == 1 {
					rule, err := client.Rule(ctx, args[0])
					if err != nil {
						return err
					}
					shown := newRouterRule(rule)
					if a.Global.Output == output.JSON {
						return output.EncodeJSON(a.Out, shown)
					}
					return output.List(a.Out, a.Global.Output, []routerRule{shown}, ruleColumns(false))
				}
				rules, err := client.Rules(ctx)
				if err != nil {
					return err
				}
				position := 0
				numbered := func(r router.Rule) routerRule {
					position++
					shown := newRouterRule(r)
					shown.Position = position
					return shown
				}
				return printRows(a, rules, numbered, ruleColumns(true))
			})
		},
	})
}

var errNoComment = app.Usagef("rules without a comment cannot be distinguished; give COMMENT, or leave it out of 'mangle get' to see all rules")

func newRouterRule(r router.Rule) routerRule {
	params := r.Params
	if params == nil {
		params = map[string]string{}
	}
	return routerRule{
		Comment: r.Comment, Chain: r.Chain, Action: r.Action, Enabled: !r.Disabled, Dynamic: r.Dynamic, Invalid: r.Invalid,
		Bytes: r.Bytes, Packets: r.Packets, Params: params,
	}
}

func ruleColumns(numbered bool) []output.Column[routerRule] {
	columns := []output.Column[routerRule]{
		output.Number("#", func(r routerRule) string { return strconv.Itoa(r.Position) }),
		output.Text("COMMENT", func(r routerRule) string { return r.Comment }),
		output.Text("STATE", routerRule.state),
		output.Text("CHAIN", func(r routerRule) string { return r.Chain }),
		output.Text("ACTION", func(r routerRule) string { return r.Action }),
		output.Number("PACKETS", func(r routerRule) string { return strconv.FormatUint(r.Packets, 10) }),
		output.Number("BYTES", func(r routerRule) string { return bytesText(r.Bytes) }),
		output.Text("PARAMETERS", func(r routerRule) string { return output.Pairs(r.relevantParams()) }),
	}
	if !numbered {
		return columns[1:]
	}
	return columns
}

// state returns the state of a rule in one word.
func (r routerRule) state() string {
	switch {
	case r.Dynamic:
		return "dynamic"
	case !r.Enabled:
		return "disabled"
	case r.Invalid:
		return "invalid"
	}
	return "enabled"
}

// relevantParams returns the parameters without those that every rule has: routers
// report logging, and its empty prefix, for all of them.
func (r routerRule) relevantParams() map[string]string {
	params := maps.Clone(r.Params)
	maps.DeleteFunc(params, func(name, value string) bool { return value == "" || name == "log" && !rosdata.Bool(value) })
	return params
}
