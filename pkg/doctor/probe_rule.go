package doctor

import (
	"context"
	"net/netip"
	"slices"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// ProbeRule is what leads the probes of one of several WANs out by it, on the router.
type ProbeRule struct {
	Source  string // of the probes; "" where the host alone decides
	Through bool   // this router is their gateway
	Command string // that prints the rules
	Rules   []row  // of /routing/rule
	Marks   []router.Rule
	Err     error
}

func readProbeRule(ctx context.Context, w *config.WAN, routes []telemetry.ProbeRoute, client router.Client) *ProbeRule {
	p := &ProbeRule{Source: w.PingSource, Command: "wanctl router export --config " + w.Path + " --wan-gateway GATEWAY"}
	p.Through = slices.ContainsFunc(routes, func(r telemetry.ProbeRoute) bool { return r.Gateway == w.Router.Host })
	if p.Source == "" || !p.Through {
		return p
	}
	if p.Rules, p.Err = client.Rows(ctx, "/routing/rule"); p.Err == nil {
		p.Marks, p.Err = client.Rules(ctx)
	}
	return p
}

var ruleChecks = []Check[ProbeRule]{{"probe rule", checkProbeRule}}

func checkProbeRule(p *ProbeRule) []Result {
	source, err := netip.ParseAddr(p.Source)
	holds := func(prefix string) bool {
		if a, err := netip.ParseAddr(prefix); err == nil {
			return a == source
		}
		parsed, err := netip.ParsePrefix(prefix)
		return err == nil && parsed.Contains(source) && parsed.Bits() > 0
	}
	switch {
	case err != nil, !p.Through:
		return nil
	case p.Err != nil:
		return one(skipped("the router's rules cannot be read: %v", p.Err))
	case slices.ContainsFunc(p.Rules, func(r row) bool {
		return holds(r["src-address"]) && !rosdata.Bool(r["disabled"]) && r["table"] != "main"
	}):
		return one(ok("a routing rule of the router leads what comes from %s", p.Source))
	case slices.ContainsFunc(p.Marks, func(r router.Rule) bool {
		return holds(r.Params["src-address"]) && !r.Disabled && r.Action == "mark-routing"
	}):
		return one(ok("a mangle rule of the router leads what comes from %s", p.Source))
	}
	return one(warning(p.Command, "no rule of the router leads what comes from %s: the probes leave by its main route, and may measure another line", p.Source))
}
