package rosdata

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxName is the longest host name DNS has.
const maxName = 253

// NormalAddress checks an address of an address list and returns it as RouterOS
// writes it, so that two spellings of the same entry compare equal:
//
//	192.168.1.5                an address; its /32 is dropped
//	2001:db8::5/128            an IPv6 address is a prefix of full length
//	10.0.0.0/8                 a prefix, bits beyond its length cleared
//	10.0.0.1-10.0.0.9          a range; one that is a prefix becomes that prefix
//	updates.example.com        a host name, resolved by the router
//
// Anything else is an error, with what to write instead.
func NormalAddress(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("address %s: %s; write an address, a prefix such as 10.0.0.0/8, a range such as 10.0.0.1-10.0.0.9, or a host name", Quote(s), why)
	}
	switch {
	case s == "":
		return bad("is empty")
	case strings.HasPrefix(s, "-"):
		return bad("begins with a dash")
	case strings.Contains(s, "%"):
		return bad("a zone means nothing to the router")
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return hostPrefix(a), nil
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return bad("not a prefix")
		}
		return showPrefix(p.Masked()), nil
	}
	if from, to, ok := strings.Cut(s, "-"); ok {
		first, err1 := netip.ParseAddr(from)
		last, err2 := netip.ParseAddr(to)
		switch {
		case err1 != nil && err2 != nil: // perhaps a name with a dash
		case err1 != nil || err2 != nil:
			return bad("one end of the range is not an address")
		case first.BitLen() != last.BitLen():
			return bad("one end of the range is IPv4, the other IPv6")
		case last.Less(first):
			return bad("the range ends before it begins")
		default:
			return showRange(first, last), nil
		}
	}
	if why := notHostName(s); why != "" {
		return bad(why)
	}
	return s, nil
}

// notHostName returns why s is not a host name with a domain; "" if it is one. A
// last label without a letter is a mistyped IPv4 address.
func notHostName(s string) string {
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	switch {
	case len(s) > maxName:
		return "too long for a host name"
	case len(labels) < 2:
		return "neither an address nor a host name with its domain"
	case !strings.ContainsFunc(labels[len(labels)-1], isLetter):
		return "not an address"
	}
	for _, l := range labels {
		switch {
		case l == "" || len(l) > 63:
			return "a host name has 1 to 63 characters between its dots"
		case l[0] == '-' || l[len(l)-1] == '-':
			return "no part of a host name begins or ends with a dash"
		case strings.ContainsFunc(l, func(r rune) bool { return !isLetter(r) && (r < '0' || r > '9') && r != '-' && r != '_' }):
			return "not an address, nor the characters of a host name"
		}
	}
	return ""
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func hostPrefix(a netip.Addr) string { return showPrefix(netip.PrefixFrom(a, a.BitLen())) }

func showPrefix(p netip.Prefix) string {
	if p.Addr().Is4() && p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// showRange returns a range as RouterOS writes it: as a prefix where one covers
// exactly the range.
func showRange(first, last netip.Addr) string {
	for bits := range first.BitLen() + 1 {
		p := netip.PrefixFrom(first, bits)
		if p.Masked().Addr() == first && lastOf(p) == last {
			return showPrefix(p)
		}
	}
	return first.String() + "-" + last.String()
}

// lastOf returns the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < p.Addr().BitLen(); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
