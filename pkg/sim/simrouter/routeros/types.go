package routeros

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// valueType is the type of a field. Rows keep values in the API representation:
// plain bit/s, true and false, 1h30m. Every protocol starts from it.
type valueType struct {
	script rsc.Kind // in scripts; Nothing is text
	parse  parseFunc
}

// parseFunc returns a value, as it was typed, in the API representation.
type parseFunc func(m *Router, arg, in string) (string, *Error)

// The types without parameters.
var (
	text     = valueType{rsc.Str, func(_ *Router, _, in string) (string, *Error) { return in, nil }}
	name     = valueType{rsc.Str, parseName}
	boolean  = valueType{rsc.Bool, parseBool}
	rate     = valueType{rsc.Num, parseRate}
	decimal  = valueType{rsc.Str, parseDecimal}
	blank    = valueType{rsc.Str, func(*Router, string, string) (string, *Error) { return "", nil }} // what is set, without a value
	interval = valueType{rsc.Time, parseTime}
	parent   = valueType{rsc.Str, parseParent}
	number   = integer(0, math.MaxInt64)
)

// parseName reads the text that identifies a row; it cannot be empty.
func parseName(_ *Router, arg, in string) (string, *Error) {
	if in == "" {
		return "", errValue(arg)
	}
	return in, nil
}

func parseBool(_ *Router, arg, in string) (string, *Error) {
	switch in {
	case "yes", "true":
		return "true", nil
	case "no", "false":
		return "false", nil
	}
	return "", errValue(arg)
}

func parseRate(_ *Router, arg, in string) (string, *Error) {
	r, err := bitrate.Parse(strings.TrimSuffix(in, "bps"))
	if err != nil {
		return "", errValue(arg)
	}
	return strconv.FormatInt(int64(r), 10), nil
}

func parseDecimal(_ *Router, arg, in string) (string, *Error) {
	if f, err := strconv.ParseFloat(in, 64); err != nil || !(f >= 0 && f <= 1000) { // NaN is neither
		return "", errValue(arg)
	}
	return in, nil
}

func parseTime(_ *Router, arg, in string) (string, *Error) {
	d, ok := parseInterval(in)
	if !ok {
		return "", errValue(arg)
	}
	return formatInterval(d), nil
}

// parseParent reads what a queue can hang under: everything, an interface or
// another queue.
func parseParent(m *Router, arg, in string) (string, *Error) {
	if !m.isParent(in) {
		return "", errNoMatch(arg)
	}
	return in, nil
}

func integer(lo, hi int64) valueType {
	return valueType{rsc.Num, func(_ *Router, arg, in string) (string, *Error) {
		n, err := strconv.ParseInt(in, 10, 64)
		if err != nil {
			return "", errValue(arg)
		}
		if n < lo || n > hi {
			return "", errRange(arg, strconv.FormatInt(lo, 10), strconv.FormatInt(hi, 10))
		}
		return strconv.FormatInt(n, 10), nil
	}}
}

// size is a number of bytes, or of unit bytes: 32.0MiB, 50KiB.
func size(unit int64) valueType {
	return valueType{rsc.Num, func(m *Router, arg, in string) (string, *Error) {
		for _, u := range []struct {
			suffix string
			bytes  float64
		}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
			digits, ok := strings.CutSuffix(in, u.suffix)
			if !ok {
				continue
			}
			n, err := strconv.ParseFloat(digits, 64)
			if err != nil || !(n >= 0 && n < 1<<20) {
				return "", errValue(arg)
			}
			return strconv.FormatInt(int64(n*u.bytes)/unit, 10), nil
		}
		return number.parse(m, arg, in)
	}}
}

func enum(values ...string) valueType {
	return valueType{rsc.Str, func(_ *Router, arg, in string) (string, *Error) {
		if !slices.Contains(values, in) {
			return "", errNoMatch(arg)
		}
		return in, nil
	}}
}

// list is a comma-separated enumeration; !item is the absence of one.
func list(values ...string) valueType {
	return valueType{rsc.Str, func(_ *Router, arg, in string) (string, *Error) {
		for item := range strings.SplitSeq(in, ",") {
			if in != "" && !slices.Contains(values, strings.TrimPrefix(item, "!")) {
				return "", errNoMatch(arg)
			}
		}
		return in, nil
	}}
}

// reference names a row of another menu.
func reference(path string) valueType {
	return valueType{rsc.Str, func(m *Router, arg, in string) (string, *Error) {
		if m.byName(path, in) == nil {
			return "", errNoMatch(arg)
		}
		return in, nil
	}}
}

// pair is a two-way value of a simple queue, "up/down"; one value means both.
func pair(of valueType) valueType {
	return valueType{rsc.Str, func(m *Router, arg, in string) (string, *Error) {
		up, down := cutPair(in)
		up, err := of.parse(m, arg, up)
		if err != nil {
			return "", err
		}
		if down, err = of.parse(m, arg, down); err != nil {
			return "", err
		}
		return up + "/" + down, nil
	}}
}

// cutPair returns the two sides of a two-way value; one value is both.
func cutPair(in string) (a, b string) {
	a, b, two := strings.Cut(in, "/")
	if !two {
		b = a
	}
	return a, b
}

// scriptValue returns a value of the field as scripts see it.
func (t valueType) scriptValue(v string) rsc.Value {
	switch t.script {
	case rsc.Bool:
		return rsc.Scalar(rsc.Bool, v)
	case rsc.Num:
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return rsc.Scalar(rsc.Num, v)
		}
	case rsc.Time:
		if d, ok := parseInterval(v); ok {
			return rsc.Scalar(rsc.Time, scriptTime(d))
		}
	}
	return rsc.Scalar(rsc.Str, v)
}

// scriptTime writes a duration as scripts do: 6w5d11:55:45, 00:00:00.05.
func scriptTime(d time.Duration) string {
	var b strings.Builder
	for _, u := range intervalUnits[:2] {
		if n := d / u.d; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.suffix)
			d -= n * u.d
		}
	}
	b.WriteString((time.Time{}).Add(d).Format("15:04:05"))
	if rest := d % time.Second; rest > 0 {
		b.WriteString(strings.TrimRight((time.Time{}).Add(rest).Format(".000000"), "0"))
	}
	return b.String()
}

// address is the type of the entries of an address list of a family: an address,
// a prefix, a range or, for IPv4, a host name. Ranges that are a prefix become one; a host's
// /32 is dropped.
func address(ipv6 bool) valueType {
	return valueType{rsc.Str, func(_ *Router, arg, in string) (string, *Error) {
		family := func(a netip.Addr, shown string) (string, *Error) {
			if a.Is6() != ipv6 {
				return "", errValue(arg)
			}
			return shown, nil
		}
		if from, to, ok := strings.Cut(in, "-"); ok {
			first, err1 := netip.ParseAddr(from)
			last, err2 := netip.ParseAddr(to)
			if err1 == nil && err2 == nil {
				if first.BitLen() != last.BitLen() || last.Less(first) {
					return "", errValue(arg)
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
			return "", errValue(arg)
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

var intervalUnits = []struct {
	suffix string
	d      time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour},
	{"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond},
}

// formatInterval writes a duration the way RouterOS does: 6w5d11h, 100ms, 0s.
func formatInterval(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range intervalUnits {
		if n := d / u.d; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.suffix)
			d -= n * u.d
		}
	}
	return b.String()
}

// parseInterval reads 1h30m, 00:10:00, 250ms, or bare seconds.
func parseInterval(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if t, err := time.Parse("15:04:05", s); err == nil {
		return t.Sub(t.Truncate(24 * time.Hour)), true
	}
	var total time.Duration
	for s != "" {
		digits := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if digits <= 0 {
			return 0, false
		}
		n, err := strconv.ParseUint(s[:digits], 10, 31)
		if err != nil {
			return 0, false
		}
		s = s[digits:]
		end := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' })
		if end < 0 {
			end = len(s)
		}
		i := slices.IndexFunc(intervalUnits, func(u struct {
			suffix string
			d      time.Duration
		}) bool {
			return u.suffix == s[:end]
		})
		if i < 0 {
			return 0, false
		}
		total += time.Duration(n) * intervalUnits[i].d
		s = s[end:]
	}
	return total, true
}
