package cli

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/cli/export"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// exportSteering is the part of an export about another WAN.
type exportSteering struct {
	alternate string
	comment   string
	table     string
	list      string
	forceList string
	gateway   string
}

func (s *exportSteering) add(f *pflag.FlagSet) {
	f.StringVar(&s.alternate, "alternate", "", "add what steering to the other WAN `NAME` needs")
	f.StringVar(&s.comment, "steer-comment", "", "with --alternate: `COMMENT` of the rule that is switched (default \"wanctl: steer to NAME\")")
	f.StringVar(&s.table, "steer-table", "", "with --alternate: `NAME` of its routing table (default to-NAME)")
	f.StringVar(&s.list, "steer-list", "", "with --alternate: address `LIST` whose new connections are steered (default STEER_NAME)")
	f.StringVar(&s.forceList, "force-list", "", "with --alternate: address `LIST` that always leaves by it (default FORCE_OUT_NAME)")
	f.StringVar(&s.gateway, "alternate-gateway", "", "with --alternate: its `GATEWAY`, an address or an interface")
}

// plan returns nil where steering is not asked for.
func (s *exportSteering) plan(cmd *cobra.Command) (*export.Steering, error) {
	if s.alternate == "" {
		for _, name := range []string{"steer-comment", "steer-table", "steer-list", "force-list", "alternate-gateway"} {
			if cmd.Flags().Changed(name) {
				return nil, usagef("--%s goes with --alternate NAME, the other WAN", name)
			}
		}
		return nil, nil
	}
	if _, err := schema.Word(schema.Identifier, s.alternate); err != nil {
		return nil, usagef("--alternate %q %v", s.alternate, err)
	}
	upper := strings.ToUpper(s.alternate)
	plan := &export.Steering{
		Alternate: s.alternate,
		Comment:   cmp.Or(s.comment, "wanctl: steer to "+s.alternate),
		Table:     cmp.Or(s.table, "to-"+s.alternate),
		List:      cmp.Or(s.list, "STEER_"+upper),
		ForceList: cmp.Or(s.forceList, "FORCE_OUT_"+upper),
		Gateway:   s.gateway,
	}
	if _, err := schema.Word(schema.Comment, plan.Comment); err != nil {
		return nil, usagef("--steer-comment %q %v", plan.Comment, err)
	}
	for flag, name := range map[string]string{"--steer-table": plan.Table, "--steer-list": plan.List, "--force-list": plan.ForceList} {
		if err := plainWord(flag, name); err != nil {
			return nil, err
		}
	}
	if s.gateway != "" {
		return plan, plainWord("--alternate-gateway", s.gateway)
	}
	return plan, nil
}
