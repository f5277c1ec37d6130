package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// object is a JSON object whose values stay as they were written until
// somebody asks for them, so that fields of other programs survive.
type object map[string]json.RawMessage

// parseObject reads one JSON object and nothing else. Errors are ErrDamaged.
func parseObject(data []byte) (object, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, damagef("the file is empty")
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, damagef("no JSON object (%v)", err)
	}
	if o == nil {
		return nil, damagef("no JSON object (null)")
	}
	return o, nil
}

// marshal writes the object compactly, in the order of its keys.
func (o object) marshal() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// put sets key to v.
func (o object) put(key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding %q: %w", key, err)
	}
	o[key] = data
	return nil
}

// sub is a copy of the object at key to be changed and put back; an empty one
// when there is none.
func (o object) sub(key string) object {
	var child object
	if err := json.Unmarshal(o[key], &child); err != nil || child == nil {
		return object{}
	}
	return child
}

func (o object) clone() object { return maps.Clone(o) }

// putRate writes a rate in bit/s. A rate that is not known is left out, since
// readers have defaults for absent rates but not for null or 0.
func (o object) putRate(key string, r bitrate.Rate) error {
	if r <= 0 {
		delete(o, key)
		return nil
	}
	return o.put(key, int64(r))
}

// putRTT writes a round-trip time in milliseconds, or leaves it out like
// putRate when it is not known.
func (o object) putRTT(key string, d time.Duration) error {
	if d <= 0 {
		delete(o, key)
		return nil
	}
	return o.put(key, millis(d))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Bounds of what a file can hold and still be sane. What a configuration
// allows is narrower, and the caller's to check.
const (
	maxRate  = 1e13 // bit/s
	maxDelay = 10 * time.Minute
	maxCount = math.MaxInt32
)

// fields reads an object, remembering the first thing that is wrong in it.
// Absent and null are the zero value.
type fields struct {
	obj  object
	path string // of the object in the document, ends in "." unless empty
	err  *error
}

func (f fields) fail(key, format string, args ...any) {
	if *f.err == nil {
		*f.err = damagef("%s%s: %s", f.path, key, fmt.Sprintf(format, args...))
	}
}

func (f fields) has(key string) bool {
	v, ok := f.obj[key]
	return ok && !bytes.Equal(v, []byte("null"))
}

func (f fields) value(key string, v any, kind string) bool {
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
	child := fields{path: f.path + key + ".", err: f.err}
	f.value(key, &child.obj, "an object")
	return child
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
		f.fail(key, "%v is not within %v and %v", x, lo, hi)
		return 0
	}
	return x
}

func (f fields) count(key string) int { return int(f.number(key, 0, maxCount)) }

func (f fields) rate(key string) bitrate.Rate {
	if !f.has(key) {
		return 0
	}
	return bitrate.Rate(math.Round(f.number(key, 1, maxRate)))
}

// delay reads milliseconds, lowest to maxDelay.
func (f fields) delay(key string, lowest time.Duration) time.Duration {
	return fromMillis(f.number(key, millis(lowest), millis(maxDelay)))
}

func fromMillis(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// numbers reads a list of numbers within [lo, hi].
func (f fields) numbers(key string, lo, hi float64) []float64 {
	var list []float64
	if !f.value(key, &list, "a list of finite numbers") {
		return nil
	}
	for i, x := range list {
		if x < lo || x > hi {
			f.fail(key, "item %d: %v is not within %v and %v", i, x, lo, hi)
			return nil
		}
	}
	return list
}

// compatTime is how the earlier system writes times: local, without a zone.
// It subtracts them from its own local time, which fails on a zoned one.
const compatTime = "2006-01-02T15:04:05.000000"

// time reads a time in ISO 8601, local where no zone is given, or seconds
// since 1970. What is neither is no reason to give up a state: zero.
func (f fields) time(key string) time.Time {
	var v any
	if !f.value(key, &v, "a time") {
		return time.Time{}
	}
	switch v := v.(type) {
	case string:
		return parseTime(v)
	case float64:
		if v > 0 && v < 1e11 {
			return time.UnixMicro(int64(math.Round(v * 1e6)))
		}
	}
	return time.Time{}
}

func parseTime(s string) time.Time {
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
