package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/state/salvage"
)

// Bounds of what a file can hold and still be sane. What a configuration
// allows is narrower, see Rules.
const (
	maxRate  = 1e13 // bit/s
	maxDelay = 10 * time.Minute
	maxCount = math.MaxInt32
)

// Bad is a value of a state file that cannot be used.
type Bad struct {
	Key string // dotted, such as "ewma.baseline_rtt"
	Why string

	path  []string
	items []int // of a list: only these are bad
}

func (b Bad) String() string { return b.Key + ": " + b.Why }

// audit is what reading a document found out beside its values.
type audit struct {
	bad   []Bad
	twice []string       // dotted keys that stand there more than once
	shape *salvage.Shape // the keys that were asked for
}

// fields reads an object. Absent and null are the zero value.
type fields struct {
	obj   object
	path  []string // of the object in the document
	audit *audit
	shape *salvage.Shape
}

func newFields(doc object) fields {
	a := &audit{shape: &salvage.Shape{}}
	return fields{obj: doc, audit: a, shape: a.shape}
}

func (f fields) fail(key, format string, args ...any) {
	f.failItems(key, nil, format, args...)
}

func (f fields) failItems(key string, items []int, format string, args ...any) {
	path := append(slices.Clone(f.path), key)
	f.audit.bad = append(f.audit.bad, Bad{Key: strings.Join(path, "."), Why: fmt.Sprintf(format, args...), path: path, items: items})
}

func (f fields) has(key string) bool {
	v, ok := f.obj[key]
	return ok && !isNull(v)
}

func isNull(text json.RawMessage) bool { return bytes.Equal(text, []byte("null")) }

func (f fields) value(key string, v any, kind string) bool {
	f.shape.Member(key).Scalar()
	if !f.has(key) {
		return false
	}
	if err := json.Unmarshal(f.obj[key], v); err != nil {
		f.fail(key, "not %s", kind)
		return false
	}
	return true
}

func (f fields) sub(key string) fields {
	child := fields{path: append(slices.Clone(f.path), key), audit: f.audit, shape: f.shape.Member(key)}
	child.shape.Object()
	if !f.has(key) {
		return child
	}
	members, twice, err := salvage.Object(f.obj[key])
	if err != nil {
		f.fail(key, "not an object")
		return child
	}
	child.obj = members
	child.note(twice)
	return child
}

// note remembers keys of this object that stand there more than once.
func (f fields) note(twice []string) {
	for _, key := range twice {
		f.audit.twice = append(f.audit.twice, strings.Join(append(slices.Clone(f.path), key), "."))
	}
}

func (f fields) text(key string) string {
	var s string
	f.value(key, &s, "a string")
	return s
}

func (f fields) number(key string, lo, hi float64) float64 {
	var x float64
	if !f.value(key, &x, "a finite number") {
		return 0
	}
	if x < lo || x > hi {
		f.fail(key, "%s is not within %s and %s", plainNumber(x), plainNumber(lo), plainNumber(hi))
		return 0
	}
	return x
}

// plainNumber is x without an exponent, unless it is absurd.
func plainNumber(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func (f fields) count(key string) int { return int(f.number(key, 0, maxCount)) }

func (f fields) rate(key string) bitrate.Rate {
	return bitrate.Rate(math.Round(f.number(key, 1, maxRate)))
}

// delay reads milliseconds, lowest to maxDelay.
func (f fields) delay(key string, lowest time.Duration) time.Duration {
	return fromMillis(f.number(key, millis(lowest), millis(maxDelay)))
}

// numbers reads a list of numbers within [lo, hi]. Items that are null are left
// out: nobody measured them.
func (f fields) numbers(key string, lo, hi float64) []float64 {
	f.shape.Member(key).List()
	if !f.has(key) {
		return nil
	}
	list, err := salvage.List(f.obj[key])
	if err != nil {
		f.fail(key, "not a list of finite numbers")
		return nil
	}
	var (
		out []float64
		bad []int
		why string
	)
	for i, item := range list {
		var x float64
		err := json.Unmarshal(item, &x)
		switch {
		case isNull(item):
			continue
		case err == nil && x >= lo && x <= hi:
			out = append(out, x)
			continue
		case why != "":
		case err != nil:
			why = fmt.Sprintf("item %d is not a finite number", i)
		default:
			why = fmt.Sprintf("item %d: %s is not within %s and %s", i, plainNumber(x), plainNumber(lo), plainNumber(hi))
		}
		bad = append(bad, i)
	}
	if len(bad) > 1 {
		why += fmt.Sprintf(", and %d more", len(bad)-1)
	}
	if len(bad) > 0 {
		f.failItems(key, bad, "%s", why)
	}
	return out
}

// compatTime is how the earlier system writes times: local, without a zone.
// It subtracts them from its own local time, which fails on a zoned one.
const compatTime = "2006-01-02T15:04:05.000000"

// time reads a time in ISO 8601, local where no zone is given, or seconds
// since 1970. What is neither is no reason to give up a state: zero.
func (f fields) time(key string) time.Time {
	f.shape.Member(key).Scalar()
	var v any
	if json.Unmarshal(f.obj[key], &v) != nil {
		return time.Time{}
	}
	switch v := v.(type) {
	case string:
		return parseTime(v)
	case float64:
		return fromSeconds(v)
	}
	return time.Time{}
}

func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t
		}
	}
	sec, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}
	}
	return fromSeconds(sec)
}

func fromSeconds(sec float64) time.Time {
	if sec > 0 && sec < 1e11 {
		return time.UnixMicro(int64(math.Round(sec * 1e6)))
	}
	return time.Time{}
}
