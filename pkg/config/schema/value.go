package schema

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// parse returns the value of a key: a bool, int, float64, string, bitrate.Rate,
// time.Duration or []string, or of a RouterList the []RawValue of its entries. An
// error continues a message that begins with the name of the key. It quotes what was
// written, never what an environment variable held, and nothing at all of a password.
func (r *Reader) parse(k Key, v RawValue) (any, error) {
	spec := k.Kind.spec()
	if spec.check == nil {
		return spec.parse(r, k, v)
	}
	text := v.trimmed()
	if k.Kind == RouterName {
		text = v.text
	}
	s, err := spec.check(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", v.quoted(), err)
	}
	return s, nil
}

func (v RawValue) trimmed() string { return strings.TrimSpace(v.text) }

// quoted is the value as written, shortened.
func (v RawValue) quoted() string { return quote(v.raw) }

func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return strconv.Quote(s)
}

func parseBool(_ *Reader, _ Key, v RawValue) (any, error) {
	switch strings.ToLower(v.trimmed()) {
	case "true", "yes", "on":
		return true, nil
	case "false", "no", "off":
		return false, nil
	}
	return nil, fmt.Errorf("%s is neither true nor false", v.quoted())
}

func parseInt(_ *Reader, k Key, v RawValue) (any, error) {
	n, err := strconv.Atoi(v.trimmed())
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole number", v.quoted())
	}
	return n, k.checkRange(float64(n), v)
}

func parseMark(_ *Reader, k Key, v RawValue) (any, error) {
	n, err := ParseMark(v.trimmed())
	if err != nil {
		return nil, fmt.Errorf("%s %w", v.quoted(), err)
	}
	return n, k.checkRange(float64(n), v)
}

var markNumber = regexp.MustCompile(`^(0[xX][0-9A-Fa-f]+|[1-9][0-9]*|0)$`)

// ParseMark parses the mark of packets. What others read as octal is refused. An error
// continues a message that begins with the value.
func ParseMark(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil || !markNumber.MatchString(s) {
		return 0, errors.New("is not a mark: write a number up to 4294967295, such as 20 or 0x14")
	}
	return uint32(n), nil
}

func parseNumber(_ *Reader, k Key, v RawValue) (any, error) { return k.number(v) }

func parseMbps(_ *Reader, k Key, v RawValue) (any, error) {
	f, err := k.number(v)
	return bitrate.FromMbps(f), err
}

func (k Key) number(v RawValue) (float64, error) {
	f, ok := parseDecimal(v.trimmed())
	if !ok {
		return 0, fmt.Errorf("%s is not a %s; write digits only, such as 12.5", v.quoted(), k.Kind)
	}
	return f, k.checkRange(f, v)
}

func (k Key) checkRange(f float64, v RawValue) error {
	if (k.Min != 0 || k.Max != 0) && (f < k.Min || f > k.Max) {
		return fmt.Errorf("%s is outside %s%s", v.quoted(), k.Range(), k.otherUnit(v))
	}
	return nil
}

// doubt returns what is unusual about a value in the unit of the key, "" when nothing is.
func (k Key) doubt(f float64, v RawValue) string {
	if k.Usual == [2]float64{} || f >= k.Usual[0] && f <= k.Usual[1] {
		return ""
	}
	unit := k.Kind.spec().unit
	return fmt.Sprintf("%s%s is not between the usual %s and %s%s%s", Decimal(f), unit, Decimal(k.Usual[0]), Decimal(k.Usual[1]), unit, k.otherUnit(v))
}

// otherUnit ends a message about a number that would be usual in another unit, "" for
// any other value, such as one that is just too high.
func (k Key) otherUnit(v RawValue) string {
	low, high := k.Min, k.Max
	if k.Usual != [2]float64{} {
		low, high = k.Usual[0], k.Usual[1]
	}
	f, bare := parseDecimal(v.trimmed())
	bare = bare && (f < low || f > 3*high)
	for _, u := range k.Kind.spec().like {
		if meant := f * u.factor; bare && meant >= low && meant <= high && meant > 0 {
			return fmt.Sprintf("; if it was meant in %s, write %s", u.name, Decimal(math.Round(meant*1e6)/1e6))
		}
	}
	return ""
}

var decimalNumber = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$`)

// parseDecimal reads a finite number, without the hexadecimal, infinite and
// underscored forms of Go and YAML.
func parseDecimal(s string) (float64, bool) {
	if !decimalNumber.MatchString(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// durationIn parses a number of the given unit, or a text that names its unit; with
// unit 0 only the latter. The range of the key is in that unit, or in milliseconds.
func durationIn(unit time.Duration) func(*Reader, Key, RawValue) (any, error) {
	perUnit := float64(max(unit, time.Millisecond))
	return func(_ *Reader, k Key, v RawValue) (any, error) {
		text := v.trimmed()
		f, bare := parseDecimal(text)
		if !bare || unit == 0 {
			d, err := time.ParseDuration(text)
			switch {
			case err != nil && bare:
				return nil, fmt.Errorf("%s needs a unit, such as %sms", v.quoted(), text)
			case err != nil:
				return nil, fmt.Errorf("%s is not a %s", v.quoted(), k.Kind)
			}
			f = float64(d) / perUnit
		}
		return time.Duration(math.Round(f * perUnit)), k.checkRange(f, v)
	}
}

func parseEnum(_ *Reader, k Key, v RawValue) (any, error) {
	if !slices.Contains(k.Values, v.trimmed()) {
		return nil, fmt.Errorf("%s must be one of %s", v.quoted(), strings.Join(k.Values, ", "))
	}
	return v.trimmed(), nil
}

func parseVersion(_ *Reader, k Key, v RawValue) (any, error) {
	if v.trimmed() != k.Default {
		return nil, fmt.Errorf("%s is a layout that this wanctl does not support; it reads %q", v.quoted(), k.Default)
	}
	return k.Default, nil
}

func parsePassword(r *Reader, _ Key, v RawValue) (any, error) {
	r.secrets = append(r.secrets, v.text)
	return v.text, CheckSecret(v.text)
}

// CheckSecret returns an error for what is no password or passphrase. It does not quote
// any of it, and continues a message that begins with the name of the key.
func CheckSecret(s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) || len(s) > 1024 {
		return errors.New("holds a line break or another control character, or is longer than 1024 bytes")
	}
	return nil
}

func parsePath(r *Reader, _ Key, v RawValue) (any, error) {
	text := v.trimmed()
	if err := checkPlain(text, 4096); err != nil {
		return nil, fmt.Errorf("%s %w", v.quoted(), err)
	}
	rest, inHome := strings.CutPrefix(text, "~/")
	if !inHome {
		return text, nil
	}
	home, ok := r.lookup("HOME")
	if !ok || home == "" {
		return nil, fmt.Errorf("%s: environment variable HOME is not set; write the whole path", v.quoted())
	}
	return strings.TrimSuffix(home, "/") + "/" + rest, nil
}

// listOf parses a list of scalars, of which it drops repetitions with a warning.
func listOf(check func(string) (string, error)) func(*Reader, Key, RawValue) (any, error) {
	return func(r *Reader, k Key, v RawValue) (any, error) {
		if err := k.checkLen(v); err != nil {
			return nil, err
		}
		list := make([]string, 0, len(v.Items))
		for _, item := range v.Items {
			s, err := check(item.trimmed())
			if err != nil {
				return nil, fmt.Errorf("%s %w", item.quoted(), err)
			}
			if slices.Contains(list, s) {
				r.Warnf(item.Origin.Line, k.Name, "%s is listed twice and used once", item.quoted())
				continue
			}
			list = append(list, s)
		}
		return list, nil
	}
}

// parseEntries leaves the entries to the rule that fills in what they inherit.
func parseEntries(_ *Reader, k Key, v RawValue) (any, error) { return v.Items, k.checkLen(v) }

func (k Key) checkLen(v RawValue) error {
	if n := float64(len(v.Items)); n < k.Min || n > k.Max {
		return fmt.Errorf("must have %s..%s entries", Decimal(k.Min), Decimal(k.Max))
	}
	return nil
}
