package probe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// Rules by source, mark and interface each send probes another way, and the routes
// that the group reports follow them.
func TestRoutes(t *testing.T) {
	if !namespaced(t) {
		return
	}
	for _, lan := range []string{"1", "2", "3", "4"} {
		ip(t, "link", "add", "eth"+lan, "type", "veth", "peer", "name", "gw"+lan)
		ip(t, "addr", "add", "10.0."+lan+".2/24", "dev", "eth"+lan)
		ip(t, "link", "set", "eth"+lan, "up")
		ip(t, "link", "set", "gw"+lan, "up")
		ip(t, "route", "add", "default", "via", "10.0."+lan+".1", "table", "10"+lan)
	}
	ip(t, "rule", "add", "from", "10.0.2.2", "lookup", "102")
	ip(t, "rule", "add", "fwmark", "0x14", "lookup", "103")
	ip(t, "rule", "add", "oif", "eth4", "lookup", "104")
	ip(t, "route", "add", "default", "via", "10.0.1.1")
	ip(t, "-6", "addr", "add", "2001:db8:1::2/64", "dev", "eth1", "nodad")
	ip(t, "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth1")

	// A spare measures nothing, whatever its route.
	ip(t, "route", "add", "203.0.113.77", "via", "10.0.4.1")

	way := func(lan string) hostnet.Route {
		return hostnet.Route{Source: netip.MustParseAddr("10.0." + lan + ".2"), Interface: "eth" + lan, Gateway: netip.MustParseAddr("10.0." + lan + ".1")}
	}
	way6 := hostnet.Route{Source: netip.MustParseAddr("2001:db8:1::2"), Interface: "eth1", Gateway: netip.MustParseAddr("fe80::1%eth1")}
	for _, tt := range []struct {
		name string
		cfg  Config
		want []hostnet.Route
	}{
		{"main table", Config{}, []hostnet.Route{way("1"), way6}},
		{"source", Config{Source: "10.0.2.2"}, []hostnet.Route{way("2")}},
		{"mark", Config{Mark: 0x14}, []hostnet.Route{way("3"), way6}},
		{"interface", Config{Interface: "eth4"}, []hostnet.Route{way("4")}},
		{"spare", Config{Use: 3, Interval: time.Second}, []hostnet.Route{way("1"), way6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Method, tt.cfg.Targets = ICMP, []string{"203.0.113.1", "203.0.113.9"}
			if tt.cfg.Source == "" {
				tt.cfg.Targets = append(tt.cfg.Targets, "2001:db8::9")
			}
			if tt.cfg.Use > 0 {
				tt.cfg.Targets = append(tt.cfg.Targets, "203.0.113.77")
			}
			g, err := New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if routes := g.Routes(); routes != nil {
				t.Errorf("before the start: %v", routes)
			}
			stop := run(t, g)
			eventually(t, g, "sent", func(s Status) bool { return s.Targets[0].Sent > 0 && s.Targets[1].Sent > 0 })
			eventually(t, g, "routed", func(Status) bool { return len(g.Routes()) == len(tt.want) })
			if diff := cmp.Diff(tt.want, g.Routes(), cmp.Comparer(func(a, b hostnet.Route) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// The gateway to check is the one of that route, not of the main table.
			if got, err := g.binding.Gateway(); err != nil || got != tt.want[0].Gateway {
				t.Errorf("Gateway() = %v, %v", got, err)
			}
			stop()
		})
	}
}
