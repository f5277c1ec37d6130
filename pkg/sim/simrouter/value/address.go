package value

import (
	"net/netip"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// Address is the type of the entries of an address list of a family: an address,
// a prefix, a range or, for IPv4, a host name. Ranges that are a prefix become one; a host's
// /32 is dropped.
func Address(ipv6 bool) Type {
	return Type{script: rsc.Str, parse: func(in string) (string, error) {
		family := func(a netip.Addr, shown string) (string, error) {
			if a.Is6() != ipv6 {
				return "", ErrInvalid
			}
			return shown, nil
		}
		if from, to, ok := strings.Cut(in, "-"); ok {
			first, err1 := netip.ParseAddr(from)
			last, err2 := netip.ParseAddr(to)
			if err1 == nil && err2 == nil {
				if first.BitLen() != last.BitLen() || last.Less(first) {
					return "", ErrInvalid
				}
				return family(first, rangeToPrefix(first, last))
			}
		}
		if p, err := netip.ParsePrefix(in); err == nil {
			return family(p.Addr(), showPrefix(p.Masked()))
		}
		if a, err := netip.ParseAddr(in); err == nil {
			return family(a, showPrefix(netip.PrefixFrom(a, a.BitLen())))
		}
		if ipv6 || !strings.Contains(in, ".") || strings.ContainsAny(in, " /=") || strings.Trim(in, "0123456789.") == "" {
			return "", ErrInvalid
		}
		return in, nil
	}}
}

func showPrefix(p netip.Prefix) string {
	if p.Addr().Is4() && p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func rangeToPrefix(first, last netip.Addr) string {
	for bits := range first.BitLen() + 1 {
		p := netip.PrefixFrom(first, bits)
		if p.Masked().Addr() == first && lastOf(p) == last {
			return showPrefix(p)
		}
	}
	return first.String() + "-" + last.String()
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < p.Addr().BitLen(); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// parseTarget reads the targets of a simple queue: addresses and prefixes, which
// get a length, and interfaces.
func parseTarget(in string) (string, error) {
	items := strings.Split(in, ",")
	for i, item := range items {
		if item == "" {
			return "", ErrInvalid
		}
		if a, err := netip.ParseAddr(item); err == nil {
			items[i] = netip.PrefixFrom(a, a.BitLen()).String()
		} else if p, err := netip.ParsePrefix(item); err == nil {
			items[i] = p.Masked().String()
		}
	}
	return strings.Join(items, ","), nil
}

// TargetInterfaces returns the interfaces among the targets of a simple queue.
func TargetInterfaces(target string) []string {
	var names []string
	for item := range strings.SplitSeq(target, ",") {
		_, notPrefix := netip.ParsePrefix(item)
		_, notAddress := netip.ParseAddr(item)
		if notPrefix != nil && notAddress != nil && item != "" {
			names = append(names, item)
		}
	}
	return names
}
