package routeros

import (
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// isHostName reports whether an entry of an address list is a name, not an
// address, a prefix or a range.
func isHostName(s string) bool {
	first, _, _ := strings.Cut(s, "-")
	_, err1 := netip.ParsePrefix(s)
	_, err2 := netip.ParseAddr(first)
	return err1 != nil && err2 != nil
}

// resolveNames keeps one dynamic row beside each enabled host name in the
// address lists, as a router with a resolver does. A name always has the same
// address, from TEST-NET-1.
func (m *Router) resolveNames() {
	if !m.quirks.ResolvesNames {
		return
	}
	mn := m.menus[ipv4+addressListPath]
	mn.byKey = nil
	mn.rows = slices.DeleteFunc(mn.rows, func(r *row) bool {
		return r.origin != nil && (mn.index(r.origin) < 0 || !r.origin.resolves() || r.origin.values["list"] != r.values["list"] || r.origin.values["address"] != r.values["comment"])
	})
	for _, r := range slices.Clone(mn.rows) {
		if !r.resolves() || slices.ContainsFunc(mn.rows, func(x *row) bool { return x.origin == r }) {
			continue
		}
		host := r.values["address"]
		mn.rows = append(mn.rows, &row{id: mn.newID(), dynamic: true, origin: r, values: map[string]string{
			"list": r.values["list"], "comment": host, "disabled": "false", "dynamic": "true", "creation-time": m.stamp(m.now()),
			"address": "192.0.2." + strconv.Itoa(1+int(crc32.ChecksumIEEE([]byte(host))%254)),
		}})
	}
}

func (r *row) resolves() bool {
	return r.origin == nil && r.values["disabled"] != "true" && isHostName(r.values["address"])
}
