package routercmd

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/router/export"
)

// exportSteering is the part of an export about another WAN.
type exportSteering struct {
	path string           // --steering
	file *config.Steering // what that says, or --config of that kind; nil without

	alternate string
	comment   string
	table     string
	list      string
	forceList string
	gateway   string
}

func (s *exportSteering) add(f *pflag.FlagSet) {
	f.StringVar(&s.path, "steering", "", "add what this configuration `FILE` of steering needs")
	f.StringVar(&s.alternate, "alternate", "", "without such a file: add what steering to the other WAN `NAME` needs")
	f.StringVar(&s.comment, "steer-comment", "", "with --alternate: `COMMENT` of the rule that is switched (default \"wanctl: steer to NAME\")")
	f.StringVar(&s.table, "steer-table", "", "with --steering or --alternate: `NAME` of its routing table (default to-NAME)")
	f.StringVar(&s.list, "steer-list", "", "with --steering or --alternate: address `LIST` whose new connections are steered (default STEER_NAME)")
	f.StringVar(&s.forceList, "force-list", "", "with --alternate: address `LIST` that always leaves by it (default FORCE_OUT_NAME)")
	f.StringVar(&s.gateway, "alternate-gateway", "", "with --steering or --alternate: its `GATEWAY`, an address or an interface")
}

// doubtFile warns if the file of steering is for another WAN than the one that is set
// up, or for another router.
func (s *exportSteering) doubtFile(a *app.App, name, host string) {
	switch f := s.file; {
	case f == nil:
	case !strings.EqualFold(f.Primary, name):
		a.Warnf("%s steers away from %s, not from %s", f.Path, f.Primary, name)
	case host != "" && f.Router.Host != host:
		a.Warnf("%s is about the router %s, not about %s; all commands are for one router", f.Path, f.Router.Host, host)
	}
}

// plan returns nil where steering is not asked for.
func (s *exportSteering) plan(cmd *cobra.Command) (*export.Steering, error) {
	if s.file != nil {
		if err := refuseFlags(cmd, ": "+s.file.Path+" says that; change it there, or leave out the file", "alternate", "steer-comment", "force-list"); err != nil {
			return nil, err
		}
		s.alternate, s.comment, s.forceList = s.file.Alternate, s.file.Rule, s.file.ForceOut
	}
	if s.alternate == "" {
		return nil, refuseFlags(cmd, " goes with --steering FILE, or with --alternate NAME, the other WAN",
			"steer-comment", "steer-table", "steer-list", "force-list", "alternate-gateway")
	}
	if _, err := parseFlag(schema.Identifier, "alternate", s.alternate); err != nil {
		return nil, err
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
	if _, err := parseFlag(schema.RouterName, "steer-comment", plan.Comment); err != nil {
		return nil, err
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
