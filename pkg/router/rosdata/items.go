package rosdata

import (
	"maps"
	"net/netip"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// Properties of items to ask for. Rules are read with all their properties, since
// their matchers are not known beforehand.
var (
	AddressProps = []string{".id", "list", "address", "comment", "timeout", "creation-time", "disabled", "dynamic"}
	ScriptProps  = []string{".id", "name", "owner", "comment", "policy", "run-count", "last-started", "invalid"}
)

// Rule reads a row of /ip/firewall/mangle.
func Rule(r Row) (router.Rule, error) {
	if err := Require(r, "chain", "action"); err != nil {
		return router.Rule{}, err
	}
	p := parser{row: r}
	rule := router.Rule{
		Comment: r["comment"], Chain: r["chain"], Action: r["action"],
		Disabled: Bool(r["disabled"]), Dynamic: Bool(r["dynamic"]), Invalid: Bool(r["invalid"]),
		Bytes: p.uint("bytes"), Packets: p.uint("packets"),
		Params: maps.Clone(r),
	}
	for _, known := range []string{".id", "comment", "chain", "action", "disabled", "dynamic", "invalid", "bytes", "packets"} {
		delete(rule.Params, known)
	}
	return rule, p.err
}

// Address reads a row of /ip/firewall/address-list.
func Address(r Row) (router.Address, error) {
	if err := Require(r, "list", "address"); err != nil {
		return router.Address{}, err
	}
	a := router.Address{
		List: r["list"], Address: r["address"], Comment: r["comment"], Created: r["creation-time"],
		Disabled: Bool(r["disabled"]), Dynamic: Bool(r["dynamic"]),
	}
	if left := r["timeout"]; left != "" {
		var err error
		if a.Timeout, err = Duration(left); err != nil {
			return a, err
		}
	}
	return a, nil
}

// Script reads a row of /system/script.
func Script(r Row) (router.Script, error) {
	if err := Require(r, "name"); err != nil {
		return router.Script{}, err
	}
	p := parser{row: r}
	s := router.Script{
		Name: r["name"], Owner: r["owner"], Comment: r["comment"],
		RunCount: p.uint("run-count"), LastStarted: r["last-started"], Invalid: Bool(r["invalid"]),
	}
	if r["policy"] != "" {
		s.Policies = strings.Split(r["policy"], ",")
	}
	return s, p.err
}

// RouteProps are the properties that Route reads.
var RouteProps = []string{
	".id", "dst-address", "gateway", "immediate-gw", "gateway-status", "routing-table", "routing-mark",
	"distance", "comment", "active", "dynamic", "disabled", "blackhole",
}

// Route reads a row of /ip/route. Flags are absent while false, and present
// without a value on some versions.
func Route(r Row) (router.Route, error) {
	if err := Require(r, "dst-address"); err != nil {
		return router.Route{}, err
	}
	p := parser{row: r}
	route := router.Route{
		Destination: r["dst-address"], Gateway: r["gateway"], Table: r["routing-table"], Comment: r["comment"],
		Distance: int(p.uint("distance")),
		Active:   flag(r, "active"), Dynamic: flag(r, "dynamic"), Disabled: Bool(r["disabled"]), Blackhole: flag(r, "blackhole"),
	}
	if route.Table == "" {
		route.Table = r["routing-mark"] // RouterOS 6
	}
	route.Interface = gatewayInterface(r)
	return route, p.err
}

// gatewayInterface returns the interface by which a gateway is reached, written as
// "ADDRESS%INTERFACE", as the interface alone, or on RouterOS 6 as "ADDRESS
// reachable via INTERFACE"; "" where only an address is reported.
func gatewayInterface(r Row) string {
	for _, s := range []string{r["immediate-gw"], r["gateway"], r["gateway-status"]} {
		if _, name, ok := strings.Cut(s, "%"); ok {
			return name
		}
		if _, via, ok := strings.Cut(s, " via "); ok {
			name, _, _ := strings.Cut(strings.TrimSpace(via), " ")
			return name
		}
		first, _, _ := strings.Cut(s, " ")
		if _, err := netip.ParseAddr(first); s != "" && err != nil {
			return first
		}
	}
	return ""
}

func flag(r Row, prop string) bool {
	v, ok := r[prop]
	return ok && (v == "" || Bool(v))
}

// Same reports whether two values of a property mean the same to RouterOS,
// which writes 480000000 as 480M on its console, and yes as true. So it does with
// both sides of a simple queue.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	if isBool(a) && isBool(b) {
		return Bool(a) == Bool(b)
	}
	x, err1 := bitrate.Parse(a)
	y, err2 := bitrate.Parse(b)
	if err1 == nil && err2 == nil {
		return x == y
	}
	a1, a2, two := strings.Cut(a, "/")
	b1, b2, both := strings.Cut(b, "/")
	return two && both && Same(a1, b1) && Same(a2, b2)
}

// Shows reports whether a row has all properties of set, as far as RouterOS
// distinguishes their values. A flag that is absent is false: some versions leave
// out flags that were never set.
func Shows(r Row, set map[string]string) bool {
	for prop, want := range set {
		value, ok := r[prop]
		if !ok && isBool(want) {
			value = "false"
		}
		if !Same(value, want) {
			return false
		}
	}
	return true
}

func isBool(s string) bool { return s == "true" || s == "yes" || s == "false" || s == "no" }
