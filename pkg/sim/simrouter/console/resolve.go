package console

import (
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// isHostName tells the entries of an address list that are names from those
// that are addresses, prefixes and ranges.
func isHostName(s string) bool {
	first, _, _ := strings.Cut(s, "-")
	_, err1 := netip.ParsePrefix(s)
	_, err2 := netip.ParseAddr(first)
	return err1 != nil && err2 != nil
}

// resolveNames keeps one dynamic row beside each enabled entry of the address
// lists that is a host name, as a router does once it has asked its resolver.
// Nobody is asked here: a name has always the same address, of TEST-NET-1.
func (m *Machine) resolveNames() {
	if !m.quirks.ResolvesNames {
		return
	}
	mn := m.menus[addressList4]
	mn.rows = slices.DeleteFunc(mn.rows, func(r *row) bool {
		return r.of != nil && (mn.index(r.of) < 0 || !r.of.resolves() || r.of.values["list"] != r.values["list"] || r.of.values["address"] != r.values["comment"])
	})
	for _, r := range slices.Clone(mn.rows) {
		if !r.resolves() || slices.ContainsFunc(mn.rows, func(x *row) bool { return x.of == r }) {
			continue
		}
		host := r.values["address"]
		mn.rows = append(mn.rows, &row{id: mn.newID(), dynamic: true, of: r, values: map[string]string{
			"list": r.values["list"], "comment": host, "disabled": "false", "dynamic": "true", "creation-time": m.stamp(m.now()),
			"address": "192.0.2." + strconv.Itoa(1+int(crc32.ChecksumIEEE([]byte(host))%254)),
		}})
	}
}

func (r *row) resolves() bool {
	return r.of == nil && r.values["disabled"] != "true" && isHostName(r.values["address"])
}
