package routercmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// ruleChange is the output for programs.
type ruleChange struct {
	Comment    string `json:"comment"`
	Changed    bool   `json:"changed"` // or would be, in a dry run
	DryRun     bool   `json:"dry_run"`
	OldEnabled bool   `json:"old_enabled"`
	Enabled    bool   `json:"enabled"`
	Invalid    bool   `json:"invalid"`
}

// newMangleSwitchCmd is 'mangle enable' and 'mangle disable'.
func newMangleSwitchCmd(a *app.App, o *connFlags, enable bool) *cobra.Command {
	verb, title := "disable", "Disable"
	if enable {
		verb, title = "enable", "Enable"
	}
	var dryRun bool
	cmd := &cobra.Command{
		Use:   verb + " COMMENT",
		Short: title + " the one mangle rule with a comment",
		Long: title + ` the mangle rule whose comment is exactly COMMENT, and print what it was before
and what the router reports afterwards. If no rule or several rules have that comment,
the status is 5 and nothing is changed. A rule that is in this state already is not
written, which spares the router's flash.

A running 'wanctl steer' owns its rule and sets it by its own decisions.`,
		Example: `  wanctl router mangle ` + verb + ` "ADAPTIVE: Steer latency-sensitive traffic" --wan spectrum
  wanctl router mangle ` + verb + ` steer --dry-run --host 192.168.88.1`,
		Args:              app.UsageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: o.complete(a, ruleComments),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return errNoComment
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				change, err := setRule(ctx, client, args[0], enable, dryRun)
				if err != nil {
					return err
				}
				if change.Invalid && change.Enabled {
					a.Warnf("rule %q is invalid on the router, which ignores it: what it refers to, such as a routing table, is missing", args[0])
				}
				return printRuleChange(a, change)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "read and compare, but write nothing")
	return app.Prints[ruleChange](a, cmd)
}

// setRule enables or disables a rule, unless it already is.
func setRule(ctx context.Context, client router.Client, comment string, enable, dryRun bool) (ruleChange, error) {
	old, err := client.Rule(ctx, comment)
	if err != nil {
		return ruleChange{}, err
	}
	change := ruleChange{
		Comment: comment, Changed: old.Disabled == enable, DryRun: dryRun,
		OldEnabled: !old.Disabled, Enabled: enable, Invalid: old.Invalid,
	}
	if !change.Changed {
		return change, nil
	}
	if old.Dynamic {
		return change, fmt.Errorf("rule %q is dynamic, %w, and cannot be changed; give your own rule another comment", comment, router.ErrDynamic)
	}
	if dryRun {
		return change, nil
	}
	now, err := client.SetRule(ctx, comment, enable)
	change.Enabled, change.Invalid = !now.Disabled, now.Invalid
	return change, unsure(err, "the rule may have changed: 'wanctl router mangle get' shows it")
}

func printRuleChange(a *app.App, c ruleChange) error {
	text := "already " + enabledText(c.Enabled)
	if c.Changed {
		text = enabledText(c.OldEnabled) + " -> " + enabledText(c.Enabled)
		if c.DryRun {
			text += " (dry run, nothing written)"
		}
	}
	return output.One(a.Out, a.Global.Output, c, output.Printable(c.Comment)+": "+text+"\n")
}

func enabledText(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}
