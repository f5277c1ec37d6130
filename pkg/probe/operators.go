package probe

import (
	"cmp"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// wellKnown lists the operators of public resolvers that answer echoes, by prefix. Two
// addresses of one operator share its faults and its rate limits.
var wellKnown = []struct {
	operator string
	prefixes []string
}{
	{"Cloudflare", []string{"1.1.1.0/24", "1.0.0.0/24", "2606:4700:4700::/48"}},
	{"Google", []string{"8.8.8.0/24", "8.8.4.0/24", "2001:4860:4860::/48"}},
	{"Quad9", []string{"9.9.9.0/24", "149.112.112.0/24", "2620:fe::/48"}},
	{"OpenDNS", []string{"208.67.222.0/24", "208.67.220.0/24", "2620:119:35::/48", "2620:119:53::/48"}},
	{"AdGuard", []string{"94.140.14.0/24", "94.140.15.0/24", "2a10:50c0::/32"}},
	{"Vercara", []string{"64.6.64.0/24", "64.6.65.0/24", "156.154.70.0/24", "156.154.71.0/24", "2620:74:1b::/48", "2610:a1:1018::/48", "2610:a1:1019::/48"}},
	{"CleanBrowsing", []string{"185.228.168.0/24", "185.228.169.0/24", "2a0d:2a00:1::/48", "2a0d:2a00:2::/48"}},
	{"Lumen", []string{"4.2.2.0/24"}},
	{"Hurricane Electric", []string{"74.82.42.0/24", "2001:470:20::/48"}},
	{"Control D", []string{"76.76.2.0/24", "76.76.10.0/24", "2606:1a40::/48"}},
}

type ownedPrefix struct {
	netip.Prefix
	operator string
}

// wellKnownPrefixes returns wellKnown with its prefixes parsed.
var wellKnownPrefixes = sync.OnceValue(func() (list []ownedPrefix) {
	for _, w := range wellKnown {
		for _, p := range w.prefixes {
			list = append(list, ownedPrefix{netip.MustParsePrefix(p), w.operator})
		}
	}
	return list
})

// operatorOf returns the operator of addr if it is well known, "" otherwise.
func operatorOf(addr netip.Addr) string {
	for _, p := range wellKnownPrefixes() {
		if p.Contains(addr) {
			return p.operator
		}
	}
	return ""
}

// operators returns the operator of each host. domains are those of the hosts, "" for an
// address; addrs are their addresses, invalid where unknown. Unknown hosts of one domain,
// or of one /24 (IPv6: /48), have the same operator, which is named after the first of
// them.
func operators(hosts, domains []string, addrs []netip.Addr) []string {
	names := make([]string, len(hosts))
	for i, host := range hosts {
		names[i] = operatorOf(addrs[i])
		for j := 0; j < i && names[i] == ""; j++ {
			if domains[i] != "" && domains[i] == domains[j] || sameNetwork(addrs[i], addrs[j]) {
				names[i] = names[j]
			}
		}
		if names[i] == "" {
			names[i] = cmp.Or(domains[i], host)
		}
	}
	return names
}

// domain returns the registered domain of a host name, "" for an address.
func domain(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}

func sameNetwork(a, b netip.Addr) bool {
	if !a.IsValid() || !b.IsValid() || a.Is4() != b.Is4() {
		return false
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(b)
}
