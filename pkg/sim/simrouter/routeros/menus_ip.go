package routeros

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// The families of addresses. Each has menus of its own.
const (
	ipv4 = "/ip"
	ipv6 = "/ipv6"
)

// firewall returns the menu of the rules of a table, "mangle", "filter" or "raw".
func firewall(family, table string, v Version) *menu {
	actions := []string{"accept", "add-dst-to-address-list", "add-src-to-address-list", "fasttrack-connection", "jump", "log", "passthrough", "return"}
	switch table {
	case "filter":
		actions = append(actions, "drop", "reject", "tarpit")
	case "raw":
		actions = []string{"accept", "add-dst-to-address-list", "add-src-to-address-list", "drop", "jump", "log", "notrack", "passthrough", "return"}
	default:
		actions = append(actions, "change-dscp", "change-mss", "change-ttl", "clear-df", "mark-connection", "mark-packet", "mark-routing",
			"route", "set-priority", "sniff-pc", "sniff-tzsp", "strip-ipv4-options")
	}
	fields := []field{
		{name: "chain", typ: name, required: true},
		{name: "action", value: "accept", typ: enum(actions...)},
		ruleSwitch("log", v),
		ruleText("log-prefix", v),
		ruleSwitch("disabled", v),
		{name: "place-before", kind: argument, typ: text},
		{name: "passthrough", kind: optional, typ: boolean},
		{name: "protocol", kind: optional, typ: text},
	}
	// Matchers and targets are absent while unset.
	for _, n := range []string{
		"comment", "new-packet-mark", "new-connection-mark", "new-routing-mark", "new-dscp", "new-mss", "new-priority",
		"connection-mark", "packet-mark", "routing-mark", "connection-state", "connection-type", "connection-bytes",
		"src-address", "dst-address", "src-address-list", "dst-address-list", "src-address-type", "dst-address-type",
		"in-interface", "out-interface", "in-interface-list", "out-interface-list", "src-port", "dst-port", "port",
		"dscp", "tcp-flags", "tcp-mss", "packet-size", "layer7-protocol", "jump-target", "address-list", "per-connection-classifier",
		"connection-nat-state", "hw-offload", "icmp-options", "reject-with",
	} {
		fields = append(fields, field{name: n, kind: optional, typ: text})
	}
	fields = append(fields,
		field{name: "dynamic", kind: status, typ: boolean, value: "false"},
		field{name: "invalid", kind: status, typ: boolean, value: "false"})
	return &menu{path: family + "/firewall/" + table, nextID: 1, ordered: true, check: noteListRule, fields: append(fields, counters("bytes", "packets")...)}
}

// ruleSwitch is a truth value of a firewall rule. From 7.23 on it is absent until
// it is set.
func ruleSwitch(name string, v Version) field {
	if v.AtLeast(7, 23) {
		return field{name: name, kind: optional, typ: boolean, implied: "false"}
	}
	return field{name: name, typ: boolean, value: "false"}
}

// ruleText is the same of a text.
func ruleText(name string, v Version) field {
	if v.AtLeast(7, 23) {
		return field{name: name, kind: optional, typ: text}
	}
	return field{name: name, typ: text}
}

const addressListPath = "/firewall/address-list" // after the family

// addressList returns the menu of the entries of address lists. That of IPv4 also
// takes host names.
func addressList(family string) *menu {
	return &menu{
		path: family + addressListPath, nextID: 1, expires: true, logged: "address list entry",
		fields: []field{
			{name: "list", typ: name, required: true},
			{name: "address", typ: valueType{Type: value.Address(family == ipv6)}, required: true},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "timeout", kind: optional, typ: interval},
			{name: "dynamic", kind: status, typ: boolean, value: "false"},
			{name: "creation-time", kind: status},
		},
		unique:      []string{"list", "address"},
		duplicate:   "already have such entry",
		afterChange: (*Router).resolveNames,
		check: func(m *Router, old, now *row) *Error {
			if old == nil {
				now.values["creation-time"] = m.stamp(m.now())
			}
			given := now.values["timeout"]
			if given == "" || given == "0s" {
				delete(now.values, "timeout")
				now.dynamic, now.expires = false, time.Time{}
			} else if d, _ := value.ParseInterval(given); now.expires.IsZero() && (!m.quirks.KeepsTimeout || old == nil || d != old.timeout) {
				now.dynamic, now.expires, now.timeout = true, m.now().Add(d), d
			} else if old != nil {
				now.expires = old.expires
			}
			now.values["dynamic"] = fmt.Sprint(now.dynamic)
			return nil
		},
		refresh: func(m *Router, r *row, _ func(string) bool) {
			if !r.expires.IsZero() {
				r.values["timeout"] = value.FormatInterval(max(time.Second, r.expires.Sub(m.now())).Truncate(time.Second))
			}
		},
	}
}

func routes(family string) *menu {
	all := map[string]string{ipv4: "0.0.0.0/0", ipv6: "::/0"}[family]
	return &menu{
		path: family + "/route", nextID: 0x80000001,
		fields: []field{
			{name: "dst-address", typ: text, value: all},
			{name: "gateway", kind: optional, typ: text},
			{name: "immediate-gw", kind: status},
			{name: "distance", typ: integer(0, 255), value: "1"},
			{name: "routing-table", typ: text, value: "main"},
			{name: "scope", typ: integer(0, 255), value: "30"},
			{name: "target-scope", typ: integer(0, 255), value: "10"},
			{name: "check-gateway", kind: optional, typ: enum("none", "arp", "ping", "bfd")},
			{name: "pref-src", kind: optional, typ: text},
			{name: "blackhole", kind: optional, typ: presence, bare: true},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "active", kind: flag, typ: boolean, value: "true"},
			{name: "inactive", kind: flag, typ: boolean},
			{name: "static", kind: flag, typ: boolean, value: "true"},
			{name: "dynamic", kind: flag, typ: boolean},
		},
		refresh: func(_ *Router, r *row, _ func(string) bool) {
			r.values["immediate-gw"] = r.values["gateway"]
			r.values["active"] = fmt.Sprint(r.values["disabled"] != "true")
			r.values["inactive"] = fmt.Sprint(r.values["disabled"] == "true")
		},
		shows: func(m *Router, r *row, field string) bool {
			return r.values["disabled"] != "true" || !m.version.AtLeast(7, 23) ||
				slices.Contains([]string{"dst-address", "gateway", "disabled", "inactive", "static"}, field)
		},
	}
}

func routingRule() *menu {
	return &menu{
		path: "/routing/rule", nextID: 1, ordered: true,
		fields: []field{
			{name: "src-address", kind: optional, typ: text},
			{name: "dst-address", kind: optional, typ: text},
			{name: "interface", kind: optional, typ: reference(interfacePath)},
			{name: "routing-mark", kind: optional, typ: text},
			{name: "min-prefix", kind: optional, typ: integer(0, 128)},
			{name: "action", value: "lookup", typ: enum("lookup", "lookup-only-in-table", "drop", "unreachable")},
			{name: "table", kind: optional, typ: reference("/routing/table")},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "place-before", kind: argument, typ: text},
			{name: "inactive", kind: status, typ: boolean, value: "false"},
		},
	}
}

func routingTable() *menu {
	mn := &menu{
		path: "/routing/table", nextID: 1,
		fields: []field{
			{name: "name", typ: name, required: true},
			{name: "fib", kind: optional, typ: presence, bare: true},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "dynamic", kind: status, typ: boolean, value: "false"},
			{name: "invalid", kind: status, typ: boolean, value: "false"},
		},
		unique:    []string{"name"},
		duplicate: "already have such name",
	}
	main := mn.newRow()
	main.id = mn.newID()
	main.values["name"], main.values["dynamic"] = "main", "true"
	mn.rows = []*row{main}
	return mn
}

const interfacePath = "/interface"

func interfaces() *menu {
	return &menu{
		path: interfacePath, nextID: 1, afterChange: (*Router).interfacesChanged,
		fields: append([]field{
			{name: "name", typ: name, required: true},
			{name: "type", typ: text, value: "bridge"},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "running", kind: status, typ: boolean, value: "true"},
		}, counters("rx-byte", "tx-byte")...),
		unique:    []string{"name"},
		duplicate: "already have interface with such name",
	}
}

// SetInterfaceBytes sets how much an interface has received and sent.
func (m *Router) SetInterfaceBytes(name string, received, sent uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(interfacePath, name)
	if r == nil {
		return fmt.Errorf("no interface %q on the simulated router", name)
	}
	r.values["rx-byte"], r.values["tx-byte"] = strconv.FormatUint(received, 10), strconv.FormatUint(sent, 10)
	return nil
}
