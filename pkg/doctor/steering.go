package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// Steering is what the router and this host have for steering.
type Steering struct {
	*config.Steering
	Command string // that prints what the router needs

	RuleErr error
	Rule    router.Rule

	Table    string // that the rule leads to; "" where that is not known
	HasRoute bool   // the table has an active default route
	Routes   bool   // routes were read

	List    string // whose new connections are steered; "" for those of everyone
	Members int    // of the list
	ListErr error

	Loops   []Loop // of both WANs
	Systemd bool   // the host has it
}

// Loop is the loop of a WAN that steering asks.
type Loop struct {
	Name, Config string // Config is "" where the file is not named
	Running      bool
}

// readSteering reads the facts; client is nil where the router does not answer.
func readSteering(ctx context.Context, cfg *config.Steering, wans []*config.WAN, client router.Client) *Steering {
	s := &Steering{Steering: cfg, Systemd: hasSystemd(), Command: "wanctl router export --wan " + cfg.Primary + " --steering " + cfg.Path}
	if cfg.PrimaryConfig != "" {
		s.Command = "wanctl router export --config " + cfg.Path
	}
	for _, l := range []Loop{{Name: cfg.Primary, Config: cfg.PrimaryConfig}, {Name: cfg.Alternate, Config: cfg.AlternateConfig}} {
		for _, w := range wans {
			if w.Path == l.Config {
				_, err := daemonsock.New(w.Socket()).Health(ctx)
				l.Running = err == nil
			}
		}
		s.Loops = append(s.Loops, l)
	}
	if client == nil {
		s.RuleErr = router.ErrUnreachable
		return s
	}
	if s.Rule, s.RuleErr = client.Rule(ctx, cfg.Rule); s.RuleErr != nil {
		return s
	}
	s.readTable(ctx, client)
	if s.List = s.Rule.Params["src-address-list"]; s.List != "" {
		var members []router.Address
		members, s.ListErr = client.Addresses(ctx, s.List)
		s.Members = len(members)
	}
	return s
}

// readTable finds the routing table that the rule leads to, by a connection mark that
// another rule turns into a routing mark, and whether it has a way out.
func (s *Steering) readTable(ctx context.Context, client router.Client) {
	s.Table = s.Rule.Params["new-routing-mark"]
	if mark := s.Rule.Params["new-connection-mark"]; s.Table == "" && mark != "" {
		rules, _ := client.Rules(ctx)
		i := slices.IndexFunc(rules, func(r router.Rule) bool {
			return !r.Disabled && r.Params["connection-mark"] == mark && r.Params["new-routing-mark"] != ""
		})
		if i >= 0 {
			s.Table = rules[i].Params["new-routing-mark"]
		}
	}
	routes, err := client.DefaultRoutes(ctx)
	s.Routes = err == nil
	s.HasRoute = slices.ContainsFunc(routes, func(r router.Route) bool { return r.Table == s.Table && !r.Disabled && !r.Blackhole })
}

var steeringChecks = []Check[Steering]{
	{"rule", checkRule},
	{"table", checkTable},
	{"address list", checkList},
	{"loops", checkLoops},
}

func checkRule(s *Steering) []Result {
	comment := s.Steering.Rule
	print := onRouter("/ip firewall mangle print where comment=" + rosdata.QuoteRSC(comment))
	switch {
	case errors.Is(s.RuleErr, router.ErrUnreachable):
		return nil // said of the router
	case errors.Is(s.RuleErr, router.ErrNotFound):
		return one(failure(s.Command, "the router has no mangle rule with the comment %q", comment))
	case errors.Is(s.RuleErr, router.ErrAmbiguous):
		return one(failure(print+", and give the others another comment", "several mangle rules have the comment %q: none is switched", comment))
	case s.RuleErr != nil:
		return one(failure(print, "the rule cannot be read: %v", s.RuleErr))
	case s.Rule.Dynamic:
		return one(failure(s.Command, "the router made the rule %q itself: it cannot be switched", comment))
	case s.Rule.Invalid:
		return one(failure(print, "the rule %q is invalid: what it refers to is gone", comment))
	}
	state := "enabled"
	if s.Rule.Disabled {
		state = "disabled"
	}
	return one(ok("the rule %q is there once, %s", comment, state))
}

func checkTable(s *Steering) []Result {
	switch {
	case s.RuleErr != nil:
		return nil
	case s.Table == "":
		return one(failure(s.Command+" --diff", "the rule %q (%s) leads to no routing table: nothing turns its mark into a routing mark", s.Steering.Rule, s.Rule.Action))
	case s.Routes && !s.HasRoute:
		return one(failure(onRouter("/ip route add dst-address=0.0.0.0/0 gateway=... routing-table="+rosdata.QuoteRSC(s.Table)),
			"the routing table %q has no default route: what is steered would have no way out", s.Table))
	}
	return one(ok("it leads to the routing table %q, which has a way out", s.Table))
}

func checkList(s *Steering) []Result {
	switch {
	case s.RuleErr != nil || s.List == "":
		return nil
	case s.ListErr != nil:
		return one(skipped("the address list %q cannot be read: %v", s.List, s.ListErr))
	case s.Members == 0:
		return one(warning(fmt.Sprintf("wanctl router address-list add %s ADDRESS --config %s", s.List, s.Path), "the address list %q is empty: no connections are steered", s.List))
	}
	return one(ok("the address list %q has %s", s.List, entries(s.Members)))
}

func checkLoops(s *Steering) (results []Result) {
	var missing, start []string
	for i, l := range s.Loops {
		key := []string{"topology.primary_wan_config", "topology.alternate_wan_config"}[i]
		switch {
		case l.Config == "":
			results = append(results, warning("set "+key+" in "+s.Path, "the file of %s is not named, so that its loop is not asked", l.Name))
		case !l.Running:
			missing = append(missing, l.Name)
			start = append(start, startCommand(s.Systemd, "wanctl@"+l.Name, l.Config))
		}
	}
	if len(missing) > 0 {
		what := "the loop of " + missing[0] + " does not run"
		if len(missing) > 1 {
			what = "the loops of " + strings.Join(missing, " and ") + " do not run"
		}
		results = append(results, warning(start[0], "%s", what))
	}
	if results == nil {
		results = one(ok("the loops of both WANs run"))
	}
	return results
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
