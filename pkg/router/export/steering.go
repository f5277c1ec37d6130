package export

import "github.com/wanctl/wanctl/pkg/router/rosdata"

// Steering describes the rules that send new connections out of another WAN.
type Steering struct {
	Alternate string // name of the other WAN
	Comment   string // of the rule that wanctl switches
	Table     string // routing table of the other WAN
	List      string // address list: whose new connections are steered
	ForceList string // address list: who always goes out of the other WAN
	Gateway   string // of the other WAN; "" when it has a route in Table already
}

// steering returns rules that mark a connection once, when it begins: connections
// that are open when the rule is switched stay on their WAN. Later packets from the
// LAN follow the mark; those from the Internet must not.
func (p *Plan) steering() []Item {
	s := p.Steering
	if s == nil {
		return nil
	}
	from := named("in-interface", p.lan())
	if p.LANInterface == Global {
		from = named("in-interface-list", "LAN")
	}
	rule := func(comment, target string, props ...Prop) Item {
		props = append([]Prop{fixed("chain", "prerouting"), from, fixed("dst-address-type", "!local")}, props...)
		return Item{Steer, "/ip firewall mangle", "comment", append(props, named("comment", comment)), []string{"action", target}}
	}
	mark, way := "steer-"+s.Alternate, "wanctl: way out of "+s.Alternate
	items := []Item{{Steer, "/routing table", "name", []Prop{
		named("name", s.Table), fixed("fib", ""), named("comment", way)}, []string{"comment"}}}
	if s.Gateway != "" {
		items = append(items, defaultRoute(Steer, s.Gateway, s.Table, way))
	}
	return append(items,
		rule("wanctl: always out of "+s.Alternate, "new-routing-mark",
			named("src-address-list", s.ForceList), fixed("action", "mark-routing"), named("new-routing-mark", s.Table), fixed("passthrough", "no")),
		rule(s.Comment, "new-connection-mark",
			named("src-address-list", s.List), fixed("connection-state", "new"), fixed("action", "mark-connection"),
			named("new-connection-mark", mark), fixed("passthrough", "yes"), fixed("disabled", "yes")),
		rule("wanctl: follow what was steered to "+s.Alternate, "new-routing-mark",
			named("connection-mark", mark), fixed("action", "mark-routing"), named("new-routing-mark", s.Table), fixed("passthrough", "no")))
}

// defaultRoute returns the way to the Internet of a routing table.
func defaultRoute(section Section, gateway, table, comment string) Item {
	menu, all := "/ip route", "0.0.0.0/0"
	if isIPv6(gateway) {
		menu, all = "/ipv6 route", "::/0"
	}
	return Item{section, menu, "routing-table", []Prop{
		fixed("dst-address", all), named("gateway", gateway), named("routing-table", table), named("comment", comment)},
		[]string{"comment"}}
}

func (p *Plan) steeringNotes() []string {
	s := p.Steering
	if s == nil {
		return nil
	}
	lines := []string{
		"Steering to " + rosdata.QuoteRSC(s.Alternate) + ". wanctl switches the rule " + rosdata.QuoteRSC(s.Comment) + ".",
		"Whose new connections it steers is up to the first address list, who always goes out",
		"there to the second:",
		"  /ip firewall address-list add list=" + rosdata.QuoteRSC(s.List) + " address=...",
		"  /ip firewall address-list add list=" + rosdata.QuoteRSC(s.ForceList) + " address=...",
	}
	if s.Gateway == "" {
		lines = append(lines, "The table needs a way out, unless it has one:",
			"  /ip route add dst-address=0.0.0.0/0 gateway=... routing-table="+rosdata.QuoteRSC(s.Table))
	}
	return lines
}
