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

// parse understands one value of type k.Type: a bool, int, float64, string,
// bitrate.Rate, time.Duration or []string; of a RouterList the []Cell of its entries. Its errors follow the name
// of the key in a message; they quote what was written, never what an
// environment variable held, and nothing at all of a password.
func (r *Reader) parse(k Key, c Cell) (any, error) {
	text, quoted := strings.TrimSpace(c.text), quote(c.raw)
	switch k.Type {
	case Bool:
		switch strings.ToLower(text) {
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
		return nil, fmt.Errorf("%s is neither true nor false", quoted)
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number", quoted)
		}
		return n, k.inRange(float64(n), quoted)
	case Number, Mbps:
		f, ok := parseDecimal(text)
		if !ok {
			return nil, fmt.Errorf("%s is not a %s; write digits only, such as 12.5", quoted, k.Type)
		}
		if err := k.inRange(f, quoted); err != nil || k.Type == Number {
			return f, err
		}
		return bitrate.FromMbps(f), nil
	case Millis:
		return k.duration(text, quoted, time.Millisecond)
	case Seconds:
		return k.duration(text, quoted, time.Second)
	case Minutes:
		return k.duration(text, quoted, time.Minute)
	case Duration:
		return k.duration(text, quoted, 0)
	case Enum:
		if !slices.Contains(k.Values, text) {
			return nil, fmt.Errorf("%s must be one of %s", quoted, strings.Join(k.Values, ", "))
		}
		return text, nil
	case Version:
		if text != "1.0" {
			return nil, fmt.Errorf("%s is a layout this wanctl does not know; it reads \"1.0\"", quoted)
		}
		return text, nil
	case Password:
		if strings.ContainsFunc(c.text, unicode.IsControl) || len(c.text) > 1024 {
			return nil, errors.New("holds a line break or another control character, or is longer than 1024 bytes")
		}
		return c.text, nil
	case HostList, TargetList:
		return r.parseList(k, c)
	case RouterList:
		return c.Items, k.checkLen(c)
	case Path:
		return r.parsePath(text, quoted)
	case Identifier, Comment, Host, Address, Interface, User, TLSHash, SSHHash:
		s, err := Word(k.Type, text)
		if err != nil {
			return nil, fmt.Errorf("%s %w", quoted, err)
		}
		return s, nil
	}
	return nil, fmt.Errorf("cannot be parsed as type %d", k.Type)
}

// quote quotes what was written, shortened.
func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return strconv.Quote(s)
}

func (k Key) inRange(f float64, quoted string) error {
	if (k.Min != 0 || k.Max != 0) && (f < k.Min || f > k.Max) {
		return fmt.Errorf("%s is outside %s", quoted, k.Range())
	}
	return nil
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

// duration reads a number of the given unit, or a text that names its unit.
// Unit 0 insists on a named one.
func (k Key) duration(text, quoted string, unit time.Duration) (time.Duration, error) {
	perUnit := float64(max(unit, time.Millisecond))
	f, bare := parseDecimal(text)
	if !bare || unit == 0 {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil && bare:
			return 0, fmt.Errorf("%s needs a unit, such as %sms", quoted, text)
		case err != nil:
			return 0, fmt.Errorf("%s is not a %s", quoted, k.Type)
		}
		f = float64(d) / perUnit
	}
	if err := k.inRange(f, quoted); err != nil {
		return 0, err
	}
	return time.Duration(math.Round(f * perUnit)), nil
}

func (k Key) checkLen(c Cell) error {
	if n := float64(len(c.Items)); n < k.Min || n > k.Max {
		return fmt.Errorf("must have %s", k.Range())
	}
	return nil
}

func (r *Reader) parseList(k Key, c Cell) (any, error) {
	if err := k.checkLen(c); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(c.Items))
	for _, item := range c.Items {
		parse := func(s string) (string, error) { return Word(Host, s) }
		if k.Type == TargetList {
			parse = parseTarget
		}
		s, err := parse(strings.TrimSpace(item.text))
		if err != nil {
			return nil, fmt.Errorf("%s %w", quote(item.raw), err)
		}
		if slices.Contains(list, s) {
			r.warnf(item.Origin.Line, k.Name, "%s is listed twice and used once", quote(item.raw))
			continue
		}
		list = append(list, s)
	}
	return list, nil
}

func (r *Reader) parsePath(text, quoted string) (any, error) {
	if err := plainText(text, 4096); err != nil {
		return nil, fmt.Errorf("%s %w", quoted, err)
	}
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		home, ok := r.Lookup("HOME")
		if !ok || home == "" {
			return nil, fmt.Errorf("%s: environment variable HOME is not set; write the whole path", quoted)
		}
		return strings.TrimSuffix(home, "/") + "/" + rest, nil
	}
	return text, nil
}
