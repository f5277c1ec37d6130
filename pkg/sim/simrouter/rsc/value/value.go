// Package value holds the values of RouterOS's script language: their types,
// how they are written, compared and converted.
package value

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxText is about the most bytes of text that are made of a value.
const MaxText = 1 << 20

// Kind is the type of a Value, as :typeof names it.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota // no value was given
	Nil                 // there is no such thing
	Bool
	Num
	Str
	Time
	IP
	Prefix
	ID
	Array
	Code
)

func (k Kind) String() string {
	return []string{"nothing", "nil", "bool", "num", "str", "time", "ip", "ip-prefix", "id", "array", "code"}[k]
}

// Value is a value of the script language. Values are immutable. The zero
// Value is nothing.
type Value struct {
	Kind  Kind
	text  string
	num   int64 // Num; Bool; Time in nanoseconds
	items []Item
	depth int // of arrays in arrays
	code  any
}

// Item is one element of an array.
type Item struct {
	Key   string
	Keyed bool
	Value Value
}

// OfString returns text as it is.
func OfString(s string) Value { return Value{Kind: Str, text: s} }

// OfNum returns an integer.
func OfNum(n int64) Value { return Value{Kind: Num, num: n} }

// OfBool returns true or false.
func OfBool(b bool) Value {
	v := Value{Kind: Bool}
	if b {
		v.num = 1
	}
	return v
}

// OfTime returns a duration, shown as text.
func OfTime(d time.Duration, text string) Value {
	return Value{Kind: Time, num: int64(d), text: text}
}

// OfID returns the id of a row.
func OfID(id string) Value { return Value{Kind: ID, text: id} }

// NilValue is what unset properties are.
func NilValue() Value { return Value{Kind: Nil} }

// OfList returns an array without keys.
func OfList(values ...Value) Value {
	items := make([]Item, len(values))
	for i, v := range values {
		items[i].Value = v
	}
	return OfItems(items)
}

// OfRow returns an array of properties.
func OfRow(row map[string]Value) Value {
	items := make([]Item, 0, len(row))
	for k, v := range row {
		items = append(items, Item{k, true, v})
	}
	return OfItems(items)
}

// OfItems returns an array, sorted as routers do: elements without a key first, the others by
// key; the last of equal keys counts.
func OfItems(items []Item) Value {
	slices.SortStableFunc(items, func(a, b Item) int {
		switch {
		case a.Keyed != b.Keyed && b.Keyed:
			return -1
		case a.Keyed != b.Keyed:
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	v := Value{Kind: Array, depth: 1}
	for i, it := range items {
		if it.Keyed && i+1 < len(items) && items[i+1].Keyed && items[i+1].Key == it.Key {
			continue
		}
		v.items = append(v.items, it)
		v.depth = max(v.depth, it.Value.depth+1)
	}
	return v
}

// OfCode returns code, shown as text.
func OfCode(code any, text string) Value { return Value{Kind: Code, code: code, text: text} }

// Literal gives a bare word the type it looks like.
func Literal(s string) Value {
	v := Value{Kind: Str, text: s}
	switch {
	case s == "true" || s == "false":
		return OfBool(s == "true")
	case s == "":
		return v
	case s[0] == '*' && isHex(s[1:]):
		v.Kind = ID
		return v
	}
	if n, ok := Number(s); ok {
		return OfNum(n)
	}
	if d, ok := ParseTime(s); ok {
		return OfTime(d, FormatTime(d))
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		v.Kind = IP
	} else if _, err := netip.ParsePrefix(s); err == nil {
		v.Kind = Prefix
	}
	return v
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// Number reads an integer, decimal or after 0x hexadecimal.
func Number(s string) (int64, bool) {
	if hex, ok := strings.CutPrefix(s, "0x"); ok && isHex(hex) {
		n, err := strconv.ParseInt(hex, 16, 64)
		return n, err == nil
	}
	if s == "" || s[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// CommaList makes an array of a bare word with commas in it.
func CommaList(s string) Value {
	if !strings.Contains(s, ",") {
		return Literal(s)
	}
	var values []Value
	for part := range strings.SplitSeq(s, ",") {
		values = append(values, Literal(part))
	}
	return OfList(values...)
}

var timeParts = regexp.MustCompile(`^(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?(?:(\d{1,9})us)?$`)

var timeUnits = []struct {
	d      time.Duration
	suffix string
}{
	{7 * 24 * time.Hour, "w"}, {24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"},
	{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"},
}

// ParseTime reads 1h30m or 00:10:00.
func ParseTime(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 40 || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	if t, err := time.Parse("15:04:05", s); err == nil {
		return t.Sub(t.Truncate(24 * time.Hour)), true
	}
	parts := timeParts.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	var d time.Duration
	for i, u := range timeUnits {
		n, _ := strconv.Atoi(parts[i+1])
		if n > int((1<<62)/int64(u.d)) {
			return 0, false
		}
		d += time.Duration(n) * u.d
	}
	return d, d >= 0
}

// FormatTime writes 6w5d11:55:45, the form of times in scripts.
func FormatTime(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -max(d, -1<<62)
	}
	var b strings.Builder
	b.WriteString(sign)
	for _, u := range timeUnits[:2] {
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

// Text is v as :put prints it, cut at 1 MiB.
func (v Value) Text() string {
	switch v.Kind {
	case Array:
		var b strings.Builder
		v.write(&b)
		return b.String()
	case Num:
		return strconv.FormatInt(v.num, 10)
	case Bool:
		return strconv.FormatBool(v.num != 0)
	case Nothing, Nil:
		return ""
	case Str, Time, IP, Prefix, ID, Code:
	}
	return v.text
}

func (v Value) write(b *strings.Builder) {
	if v.Kind != Array {
		b.WriteString(v.Text())
		return
	}
	for i, it := range v.items {
		if b.Len() > MaxText {
			return
		}
		if i > 0 {
			b.WriteByte(';')
		}
		if it.Keyed {
			b.WriteString(it.Key + "=")
		}
		it.Value.write(b)
	}
}

// Argument is v as the value of an argument: lists are joined with commas.
func (v Value) Argument() string {
	if v.Kind != Array {
		return v.Text()
	}
	var b strings.Builder
	for i, it := range v.items {
		if i > 0 {
			b.WriteByte(',')
		}
		if b.Len() > MaxText {
			break
		}
		b.WriteString(it.Value.Text())
	}
	return b.String()
}

// Items returns the elements of an array, which are not to be changed.
func (v Value) Items() []Item { return v.items }

// Depth is how deep an array nests; 0 for everything else.
func (v Value) Depth() int { return v.depth }

// Int is the number that a Num or a Bool is.
func (v Value) Int() int64 { return v.num }

// Duration is what a Time is.
func (v Value) Duration() time.Duration { return time.Duration(v.num) }

// Code is what OfCode was given.
func (v Value) Code() any { return v.code }

// Size is what handling v costs beside the step itself.
func (v Value) Size() int {
	if v.Kind == Array {
		return len(v.items)
	}
	return len(v.text) / 64
}

// ToNum converts as arithmetic does.
func (v Value) ToNum() (int64, bool) {
	switch v.Kind {
	case Num, Bool:
		return v.num, true
	case Time:
		return v.num / int64(time.Second), true
	case Str:
		return Number(v.text)
	case IP:
		if a, err := netip.ParseAddr(v.text); err == nil && a.Is4() {
			b := a.As4()
			return int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3]), true
		}
	case Nothing, Nil, Prefix, ID, Array, Code:
	}
	return 0, false
}

// ToBool converts as conditions do.
func (v Value) ToBool() (bool, bool) {
	switch {
	case v.Kind == Bool:
		return v.num != 0, true
	case v.Kind == Str && (v.text == "true" || v.text == "yes"):
		return true, true
	case v.Kind == Str && (v.text == "false" || v.text == "no"):
		return false, true
	}
	return false, false
}
