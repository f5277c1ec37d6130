package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Bounds of plausible values. A configuration allows less, see Rules.
const (
	maxRate  = 1e13 // bit/s
	maxDelay = 10 * time.Minute
	maxCount = math.MaxInt32
)

// Invalid is a value of a state file that cannot be used.
type Invalid struct {
	Key string // dotted, such as "ewma.baseline_rtt"
	Why string
}

func (i Invalid) String() string { return i.Key + ": " + i.Why }

// field binds a key of a state file to a variable.
type field struct {
	key   string                      // dotted
	parse func(json.RawMessage) error // sets the variable, unless it fails
	value func() any                  // to be written; nil leaves the key out
	json  string                      // type of what is written: integer, number, string; []integer, []number or []
}

// decodeFields sets the variables of all fields. Where the key is absent, null
// or invalid, the variable keeps its value.
func decodeFields(doc object, fields []field) []Invalid {
	var invalid []Invalid
	notObject := map[string]bool{}
	for _, f := range fields {
		raw, part := doc.lookup(f.key)
		switch {
		case part != "":
			if !notObject[part] {
				notObject[part] = true
				invalid = append(invalid, Invalid{part, "not an object"})
			}
		case raw != nil:
			if err := f.parse(raw); err != nil {
				invalid = append(invalid, Invalid{f.key, err.Error()})
			}
		}
	}
	return invalid
}

func encodeFields(doc object, fields []field) error {
	for _, f := range fields {
		if err := doc.set(f.key, f.value()); err != nil {
			return fmt.Errorf("encoding %q: %w", f.key, err)
		}
	}
	return nil
}

// orNull writes null where f would leave out its key.
func orNull(f field) field {
	value := f.value
	f.value = func() any {
		if v := value(); v != nil {
			return v
		}
		return json.RawMessage("null")
	}
	return f
}

func textField(key string, s *string) field {
	return field{key, func(raw json.RawMessage) error {
		if json.Unmarshal(raw, s) != nil {
			return errors.New("not a string")
		}
		return nil
	}, func() any {
		if *s == "" {
			return nil
		}
		return *s
	}, "string"}
}

// parseNumber reads a number within [lo, hi].
func parseNumber(raw json.RawMessage, lo, hi float64) (float64, error) {
	var x float64
	if json.Unmarshal(raw, &x) != nil {
		return 0, errors.New("not a finite number")
	}
	if x < lo || x > hi {
		return 0, fmt.Errorf("%s is not within %s and %s", formatNumber(x), formatNumber(lo), formatNumber(hi))
	}
	return x, nil
}

// formatNumber formats x without an exponent, unless it is very large.
func formatNumber(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func numberField[N any](key string, to *N, lo, hi float64, convert func(float64) N, value func() any) field {
	return field{key, func(raw json.RawMessage) error {
		x, err := parseNumber(raw, lo, hi)
		if err == nil {
			*to = convert(x)
		}
		return err
	}, value, "number"}
}

// whole is f with an integer instead of a number, or a list of them.
func (f field) whole() field {
	f.json = strings.Replace(f.json, "number", "integer", 1)
	return f
}

func toInt(x float64) int { return int(math.Round(x)) }

func countField(key string, n *int) field {
	return numberField(key, n, 0, maxCount, toInt, func() any { return *n }).whole()
}

// rateField leaves an unknown rate out, since readers have defaults for absent
// rates but not for null or 0.
func rateField(key string, r *bitrate.Rate) field {
	return numberField(key, r, 1, maxRate, func(x float64) bitrate.Rate { return bitrate.Rate(math.Round(x)) }, func() any {
		if *r <= 0 {
			return nil
		}
		return int64(*r)
	}).whole()
}

// rttField is a round-trip time in milliseconds, left out when it is 0.
func rttField(key string, d *time.Duration) field {
	f := delayField(key, d, 0)
	f.value = func() any {
		if *d <= 0 {
			return nil
		}
		return millis(*d)
	}
	return f
}

// delayField is a delay in milliseconds, lowest to maxDelay.
func delayField(key string, d *time.Duration, lowest time.Duration) field {
	return numberField(key, d, millis(lowest), millis(maxDelay), fromMillis, func() any { return millis(*d) })
}

// listField is a list of numbers within [lo, hi]. Items that are null, which no
// sample gave, are left out.
func listField[N any](key string, list *[]N, lo, hi float64, convert func(float64) N, value func(N) any) field {
	return field{key, func(raw json.RawMessage) error {
		var items, parsed = []json.RawMessage(nil), []N(nil)
		if json.Unmarshal(raw, &items) != nil {
			return errors.New("not a list of finite numbers")
		}
		for i, item := range items {
			if unlessNull(item) == nil {
				continue
			}
			x, err := parseNumber(item, lo, hi)
			if err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
			parsed = append(parsed, convert(x))
		}
		*list = parsed
		return nil
	}, func() any { return convertAll(*list, value) }, "[]number"}
}

func delaysField(key string, list *[]time.Duration, lowest time.Duration) field {
	return listField(key, list, millis(lowest), millis(maxDelay), fromMillis, func(d time.Duration) any { return millis(d) })
}

func countsField(key string, list *[]int) field {
	return listField(key, list, 0, maxCount, toInt, func(n int) any { return n }).whole()
}

// convertAll returns an empty list for none, not nil.
func convertAll[A, B any](in []A, convert func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, x := range in {
		out = append(out, convert(x))
	}
	return out
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func fromMillis(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// compatTime is how the earlier system writes times: local, without a zone.
// It subtracts them from its own local time, which fails on a zoned one.
const compatTime = "2006-01-02T15:04:05.000000"

// timeField is a time in ISO 8601, local where it has no zone, or in seconds
// since 1970. Anything else reads as unknown: a time is no reason to give up a
// state.
func timeField(key string, t *time.Time) field {
	return field{key, func(raw json.RawMessage) error {
		*t = parseTime(raw)
		return nil
	}, func() any {
		if t.IsZero() {
			return nil
		}
		return t.Local().Format(compatTime)
	}, "string"}
}

func parseTime(raw json.RawMessage) time.Time {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t
		}
	}
	if sec, err := strconv.ParseFloat(s, 64); err == nil && sec > 0 && sec < 1e11 {
		return time.UnixMicro(int64(math.Round(sec * 1e6)))
	}
	return time.Time{}
}
