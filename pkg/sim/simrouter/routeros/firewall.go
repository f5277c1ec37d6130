package routeros

import (
	"net/netip"
	"strconv"
	"time"
)

// Firewall carries out rules about the members of address lists on real packets, as a lab
// does in a network namespace. Without one, Router.Arrives simulates them for what arrives at
// the services.
type Firewall interface {
	// Apply makes these the rules in force. It is called with the router locked.
	Apply([]ListRule) error
	// Packets returns how many packets a rule has matched.
	Packets(id string) (uint64, error)
}

// ListRule is a rule of IPv4 about the members of an address list.
type ListRule struct {
	ID, Chain, Action string
	Table             string // raw or mangle
	Local, TCP        bool   // it is about packets to the router itself, about TCP
	// Members are the addresses of the list with the time that is left; 0: for good.
	Members map[netip.Addr]time.Duration
}

// listRuleTables are the tables of firewall rules that a Firewall carries out.
var listRuleTables = []string{"raw", "mangle"}

// applyRules hands the rules to the Firewall.
func (m *Router) applyRules() {
	if m.firewall == nil {
		return
	}
	var rules []ListRule
	for _, table := range listRuleTables {
		for _, r := range m.menus[ipv4+"/firewall/"+table].rows {
			list := r.values["src-address-list"]
			if list == "" || r.values["disabled"] == "true" {
				continue
			}
			rules = append(rules, ListRule{
				ID: table + r.ref(), Table: table, Chain: r.values["chain"], Action: r.values["action"],
				Local: r.values["dst-address-type"] == "local", TCP: r.values["protocol"] == "tcp", Members: m.members(list),
			})
		}
	}
	if err := m.firewall.Apply(rules); err != nil {
		m.log.Error("firewall", "error", err)
	}
}

func (m *Router) members(list string) map[netip.Addr]time.Duration {
	all := map[netip.Addr]time.Duration{}
	for _, r := range m.menus[ipv4+addressListPath].rows {
		a, err := netip.ParseAddr(r.values["address"])
		if err != nil || r.values["list"] != list || r.values["disabled"] == "true" {
			continue
		}
		all[a] = 0
		if !r.expires.IsZero() {
			all[a] = max(r.expires.Sub(m.now()), time.Millisecond)
		}
	}
	return all
}

// readRules updates the counters of rules that a Firewall carries out.
func (m *Router) readRules() {
	if m.firewall == nil {
		return
	}
	for _, table := range listRuleTables {
		for _, r := range m.menus[ipv4+"/firewall/"+table].rows {
			if r.values["src-address-list"] == "" || r.values["disabled"] == "true" {
				continue
			}
			n, err := m.firewall.Packets(table + r.ref())
			if err != nil {
				m.log.Error("firewall", "error", err)
				continue
			}
			r.values["packets"] = strconv.FormatUint(n, 10)
		}
	}
}
