package survey

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
)

// rowsOf is a router that shows these rows, and does not have other menus.
type rowsOf struct {
	Reader
	menus  map[string][]row
	denied bool
}

func (r rowsOf) Rows(_ context.Context, menu string) ([]row, error) {
	if r.denied {
		return nil, router.ErrDenied
	}
	rows, ok := r.menus[menu]
	if !ok {
		return nil, router.ErrUnsupported
	}
	return rows, nil
}

func TestCauses(t *testing.T) {
	const (
		fast4 = "FastTrack is on (/ip firewall filter disable [find action=fasttrack-connection])"
		no6   = "IPv6 has no packet marks (/ipv6 firewall mangle)"
		l3    = "hardware offload is on (l3-hw-offloading of /interface ethernet switch)"
		wrong = "a wrong packet-mark or parent of the queue"
	)
	marked := []row{{"name": "other", "packet-mark": "o"}, {"name": "down", "packet-mark": "d"}, {"name": "up", "packet-mark": "u"}}
	rules := []row{{"action": "mark-packet", "new-packet-mark": "d"}, {"action": "mark-packet", "new-packet-mark": "u"}}
	for _, tt := range []struct {
		name   string
		simple string
		denied bool
		menus  map[string][]row
		want   []string
	}{
		{"everything", "", false, map[string][]row{
			"/queue/tree": marked, "/ip/firewall/mangle": {rules[0], {"action": "mark-packet", "new-packet-mark": "u", "disabled": "true"}}, "/ipv6/firewall/mangle": {{"action": "accept"}},
			"/ip/firewall/filter":        {{"action": "accept"}, {"action": "fasttrack-connection", "disabled": "false"}},
			"/ipv6/firewall/filter":      {{"action": "fasttrack-connection"}},
			"/interface/ethernet/switch": {{"l3-hw-offloading": "true"}},
			"/interface/bridge/port":     {{"interface": "ether1", "hw-offload": "true"}},
			"/queue/interface":           {{"interface": "ether1", "active-queue": "only-hardware-queue"}},
		}, []string{fast4, strings.ReplaceAll(fast4, "/ip ", "/ipv6 "), `no rule sets the packet-mark "u" (/ip firewall mangle)`, no6, l3,
			"ether1 is bridged by the switch chip (hw of /interface bridge port)",
			wrong, "ether1 has only its hardware queue (/queue interface)"}},
		{"nothing", "", false, map[string][]row{
			"/queue/tree": marked, "/ip/firewall/mangle": rules, "/ipv6/firewall/mangle": rules,
			"/ip/firewall/filter":        {{"action": "fasttrack-connection", "disabled": "true"}},
			"/interface/ethernet/switch": {{"l3-hw-offloading": "false"}},
			"/interface/bridge/port":     {{"interface": "ether2", "hw-offload": "true"}},
			"/queue/interface":           {{"interface": "ether2", "active-queue": "only-hardware-queue"}},
		}, []string{wrong}},
		{"queues without marks", "", false, map[string][]row{
			"/queue/tree":         {{"name": "down", "packet-mark": "no-mark"}, {"name": "up", "packet-mark": ""}},
			"/ip/firewall/filter": {{"action": "fasttrack-connection"}},
		}, []string{"a wrong parent of the queue", fast4}},
		{"simple queue", "line", false, map[string][]row{
			"/ip/firewall/filter": {{"action": "fasttrack-connection"}}, "/interface/ethernet/switch": {{"l3-hw-offloading": "true"}},
		}, []string{fast4, l3, "an earlier simple queue that has the traffic", "a target that the traffic does not pass"}},
		{"the router does not tell", "", true, nil, []string{
			"FastTrack (/ip firewall filter disable [find action=fasttrack-connection])", "FastTrack (/ipv6 firewall filter disable [find action=fasttrack-connection])",
			"IPv6 without packet marks (/ipv6 firewall mangle)", "hardware offload (l3-hw-offloading of /interface ethernet switch)", wrong}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Queues{Names: [2]string{"down", "up"}, Simple: tt.simple}
			var got []string
			for _, c := range q.Causes(t.Context(), rowsOf{menus: tt.menus, denied: tt.denied}, "ether1") {
				got = append(got, c.String())
				if guessed := c.Kind == Guess || tt.denied; c.Seen == guessed {
					t.Errorf("%v: seen %v", c, c.Seen)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
		})
	}
}

// knownLines is a router with queues, interfaces and routes, and nothing else.
type knownLines struct {
	Reader
	parent string
	target []string
	routes []router.Route
}

func (k knownLines) Queue(context.Context, string) (router.Queue, error) {
	return router.Queue{Parent: k.parent}, nil
}

func (k knownLines) SimpleQueue(context.Context, string) (router.SimpleQueue, error) {
	return router.SimpleQueue{Target: k.target}, nil
}

func (k knownLines) DefaultRoutes(context.Context) ([]router.Route, error) { return k.routes, nil }

func TestInterfaceOfTheWAN(t *testing.T) {
	by := func(names ...string) (routes []router.Route) {
		for _, n := range names {
			routes = append(routes, router.Route{Destination: "0.0.0.0/0", Interface: n})
		}
		return append(routes, router.Route{Destination: "0.0.0.0/0", Interface: "old", Disabled: true})
	}
	for _, tt := range []struct {
		name, simple string
		lines        knownLines
		want         string
	}{
		{"the parent is one of two", "", knownLines{parent: "wan2", routes: by("wan1", "wan2")}, "wan2"},
		{"the only one", "", knownLines{parent: "global", routes: by("wan1", "wan1")}, "wan1"},
		{"a wrong parent", "", knownLines{parent: "ether7", routes: by("wan1")}, "wan1"},
		{"one of two", "", knownLines{parent: "global", routes: by("wan1", "wan2")}, "global"}, // no interface
		{"no default route", "", knownLines{parent: "ether1", routes: by()}, "ether1"},
		{"simple on the port", "line", knownLines{target: []string{"wan2"}, routes: by("wan1", "wan2")}, "wan2"},
		{"simple on the LAN", "line", knownLines{target: []string{"10.0.0.0/8", "bridge"}, routes: by("wan1")}, "wan1"},
		{"simple on the bridge, one of two", "line", knownLines{target: []string{"bridge"}, routes: by("wan1", "wan2")}, ""},
		{"simple on the LAN, one of two", "line", knownLines{target: []string{"10.0.0.0/8", "bridge"}, routes: by("wan1", "wan2")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Queues{Names: [2]string{"down", "up"}, Simple: tt.simple}
			if got := q.WANInterface(t.Context(), tt.lines); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
