package export

import (
	"fmt"
	"net/netip"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Probes describes the route of the probes of a WAN. The router selects it by the host's
// address or by the interface they arrive on, which has to be one of this WAN alone.
type Probes struct {
	Source    string // address of the host that the probes come from; "" when not known
	Interface string // of the router, by which they arrive; "" for any
	Gateway   string // of the WAN, an address or an interface; "" when not known

	// For the comment alone: the interface of the host by which they leave, and the mark
	// that they have on it, which no router sees.
	HostInterface string
	HostMark      uint32
}

// Complete reports whether there is enough to write commands, and not just to
// suggest them.
func (w Probes) Complete() bool { return w.Gateway != "" && (w.Source != "" || w.Interface != "") }

func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && !a.Is4In6()
}

// hostPrefix returns the prefix that contains the address alone.
func hostPrefix(address string) string {
	if isIPv6(address) {
		return address + "/128"
	}
	return address + "/32"
}

// probeTable is a routing table of its own: the one of steering may have more than
// one way out.
func (p *Plan) probeTable() string { return "probe-" + p.Name }

// probeWay returns a routing table with one way out, and the rules that send the
// probes there and nowhere else: a probe that leaves by another WAN while this one is
// down measures the wrong line. Networks that the router reaches otherwise stay
// reachable: the first rule consults the main table without its default route.
func (p *Plan) probeWay(w Probes) []Item {
	comment := p.comment() + ": probes"
	rule := func(comment string, action ...Prop) Item {
		var props []Prop
		if w.Source != "" {
			props = append(props, named("src-address", hostPrefix(w.Source)))
		}
		if w.Interface != "" {
			props = append(props, named("interface", w.Interface))
		}
		return Item{ProbeWay, "/routing rule", "comment", append(append(props, action...), named("comment", comment)), []string{"action"}}
	}
	route := defaultRoute(ProbeWay, w.Gateway, p.probeTable(), comment)
	if isIPv6(w.Source) && !isIPv6(w.Gateway) { // an interface
		route = defaultRoute(ProbeWay, "::", p.probeTable(), comment)
		route.Props[1] = named("gateway", w.Gateway)
	}
	return []Item{
		{ProbeWay, "/routing table", "name", []Prop{
			named("name", p.probeTable()), fixed("fib", ""), named("comment", comment)}, []string{"comment"}},
		route,
		rule(comment+" to other networks", fixed("action", "lookup"), fixed("min-prefix", "0"), fixed("table", "main")),
		rule(comment, fixed("action", "lookup-only-in-table"), named("table", p.probeTable())),
	}
}

// probeNotes returns the comment above the rows, or instead of them while something
// is not known.
func (p *Plan) probeNotes() []string {
	w := *p.Probes
	lines := []string{
		"The probes of this WAN leave by it, and nowhere else. Mangle rules that mark-routing",
		"go before these: exclude the probes there. Connections to the Internet by this WAN",
		"need their masquerade, as those of all hosts do.",
	}
	if w.Complete() {
		return lines
	}
	shown := w
	shown.Gateway = orElse(w.Gateway, "...")
	switch {
	case w.Source != "" || w.Interface != "":
	case w.HostInterface != "":
		shown.Source = "..."
		lines = append(lines,
			"They leave the host by its interface "+rosdata.QuoteRSC(w.HostInterface)+"; which address, or which interface of the",
			"router, that is here, is not known: export with --probe-source ADDRESS or --probe-interface NAME.")
	case w.HostMark != 0:
		shown.Source = "..."
		lines = append(lines, fmt.Sprintf("They have the mark %#x, which only the host sees. On the host these commands give them an", w.HostMark),
			"address of this WAN alone; export with that as --probe-source ADDRESS:",
			"  ip route add default via ROUTER src ADDRESS table 120",
			fmt.Sprintf("  ip rule add fwmark %#x lookup 120", w.HostMark))
	default:
		shown.Source = "..."
		lines = append(lines,
			"They leave by whatever way the host takes: set ping_source in the configuration to an",
			"address of the host for this WAN alone, or export with --probe-source ADDRESS.")
	}
	if w.Gateway == "" {
		lines = append(lines, "Its gateway is not known: export with --wan-gateway ADDRESS, or the interface of a pppoe line.")
	}
	lines = append(lines, "The commands then are:")
	for _, i := range p.probeWay(shown) {
		lines = append(lines, "  "+i.Add())
	}
	return lines
}
