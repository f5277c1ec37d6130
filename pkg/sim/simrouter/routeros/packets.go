package routeros

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// ofList are the matchers of firewall rules that Arrives understands, beside the address list:
// what arrives at a service of the router is local, and TCP.
var ofList = map[string]string{"dst-address-type": "local", "protocol": "tcp"}

// noteListRule records that there is a rule about the members of an address list.
func noteListRule(m *Router, _, now *row) *Error {
	if now.values["src-address-list"] != "" {
		m.listRules.Store(true)
	}
	return nil
}

// Arrives reports whether the router drops what arrives from an address at one of its
// services, by a rule in raw about the members of an address list. What it does not drop
// counts in the mangle rules about such members. A connection that is established is
// spared where Quirks.FenceSparesSessions says so.
func (m *Router) Arrives(from netip.Addr, established bool) (dropped bool) {
	if m.firewall != nil || !m.listRules.Load() || !from.Is4() {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.updateRows()
	matches := func(r *row, chains ...string) bool {
		list := r.values["src-address-list"]
		if list == "" || r.values["disabled"] == "true" || !slices.Contains(chains, r.values["chain"]) {
			return false
		}
		for _, f := range m.menus[ipv4+"/firewall/mangle"].fields {
			known := f.kind != optional || f.name == "src-address-list" || f.name == "comment" || f.name == "disabled" || f.name == "log" || f.name == "log-prefix"
			if v := r.values[f.name]; v != "" && !known && v != ofList[f.name] {
				return false // a matcher that is not simulated
			}
		}
		return m.listed(list, from)
	}
	for _, r := range m.menus[ipv4+"/firewall/raw"].rows {
		if r.values["action"] == "drop" && matches(r, "prerouting") && (!established || !m.quirks.FenceSparesSessions) {
			m.count(r)
			return true
		}
	}
	for _, r := range m.menus[ipv4+"/firewall/mangle"].rows {
		if r.values["action"] == "passthrough" && matches(r, "prerouting", "input") {
			m.count(r)
		}
	}
	return false
}

// listed reports whether an address is a member of an address list, by an entry of its own.
func (m *Router) listed(list string, a netip.Addr) bool {
	for _, r := range m.menus[ipv4+addressListPath].rows {
		if r.values["list"] == list && r.values["address"] == a.String() && r.values["disabled"] != "true" {
			return true
		}
	}
	return false
}

// count adds a packet to the counter of a rule.
func (m *Router) count(r *row) {
	r.packets++
	if now := m.now(); !m.quirks.LateCounters || now.Sub(r.counted) >= time.Second {
		n, _ := strconv.ParseUint(r.values["packets"], 10, 64)
		r.values["packets"] = fmt.Sprint(n + r.packets)
		r.packets, r.counted = 0, now
	}
}
