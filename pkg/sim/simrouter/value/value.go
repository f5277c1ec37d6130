// Package value parses and formats the values of RouterOS settings, as they are typed,
// printed and used in scripts. A name of another row is text here.
package value

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// Type is the type of a setting. Rows keep values in the API representation: plain
// bit/s, true and false, 1h30m. Every protocol starts from it. The zero Type is text.
type Type struct {
	script rsc.Kind // in scripts; Nothing is text
	parse  func(in string) (string, error)
	export func(v string) string // nil: as it is
}

// Refusals of Parse.
var (
	ErrInvalid = errors.New("invalid value")
	ErrNoMatch = errors.New("input does not match any value")
)

// RangeError is the refusal of a number.
type RangeError struct{ Min, Max string }

func (e *RangeError) Error() string { return "out of range (" + e.Min + " .. " + e.Max + ")" }

// Parse returns a value, as it was typed, in the API representation. Errors are
// ErrInvalid, ErrNoMatch or a *RangeError.
func (t Type) Parse(in string) (string, error) {
	if t.parse == nil {
		return in, nil
	}
	return t.parse(in)
}

// The types without parameters.
var (
	Text     = Type{script: rsc.Str}
	Name     = Type{script: rsc.Str, parse: parseName}
	Bool     = Type{rsc.Bool, parseBool, exportBool}
	Rate     = Type{rsc.Num, parseRate, exportRate}
	Decimal  = Type{script: rsc.Str, parse: parseDecimal}
	Interval = Type{script: rsc.Time, parse: parseTime}
	Number   = Int(0, math.MaxInt64)
	Target   = Type{script: rsc.Str, parse: parseTarget}

	// Presence is of settings that are set without a value.
	Presence = Type{script: rsc.Str, parse: func(string) (string, error) { return "", nil }}
)

// parseName reads the text that identifies a row; it cannot be empty.
func parseName(in string) (string, error) {
	if in == "" {
		return "", ErrInvalid
	}
	return in, nil
}

func parseBool(in string) (string, error) {
	switch in {
	case "yes", "true":
		return "true", nil
	case "no", "false":
		return "false", nil
	}
	return "", ErrInvalid
}

func exportBool(v string) string {
	if v == "true" {
		return "yes"
	}
	return "no"
}

func parseRate(in string) (string, error) {
	r, err := bitrate.Parse(strings.TrimSuffix(in, "bps"))
	if err != nil {
		return "", ErrInvalid
	}
	return strconv.FormatInt(int64(r), 10), nil
}

func exportRate(v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return v
	}
	return bitrate.Rate(n).String()
}

func parseDecimal(in string) (string, error) {
	if f, err := strconv.ParseFloat(in, 64); err != nil || !(f >= 0 && f <= 1000) { // NaN is neither
		return "", ErrInvalid
	}
	return in, nil
}

func parseTime(in string) (string, error) {
	d, ok := ParseInterval(in)
	if !ok {
		return "", ErrInvalid
	}
	return FormatInterval(d), nil
}

// Int is a whole number.
func Int(lo, hi int64) Type {
	return Type{script: rsc.Num, parse: func(in string) (string, error) {
		n, err := strconv.ParseInt(in, 10, 64)
		if err != nil {
			return "", ErrInvalid
		}
		if n < lo || n > hi {
			return "", &RangeError{strconv.FormatInt(lo, 10), strconv.FormatInt(hi, 10)}
		}
		return strconv.FormatInt(n, 10), nil
	}}
}

// Size is a number of bytes, or of unit bytes: 32.0MiB, 50KiB.
func Size(unit int64) Type {
	return Type{script: rsc.Num, parse: func(in string) (string, error) {
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
				return "", ErrInvalid
			}
			return strconv.FormatInt(int64(n*u.bytes)/unit, 10), nil
		}
		return Number.Parse(in)
	}}
}

// Enum is one of several words.
func Enum(values ...string) Type {
	return Type{script: rsc.Str, parse: func(in string) (string, error) {
		if !slices.Contains(values, in) {
			return "", ErrNoMatch
		}
		return in, nil
	}}
}

// List is a comma-separated enumeration; !item is the absence of one.
func List(values ...string) Type {
	return Type{script: rsc.Str, parse: func(in string) (string, error) {
		for item := range strings.SplitSeq(in, ",") {
			if in != "" && !slices.Contains(values, strings.TrimPrefix(item, "!")) {
				return "", ErrNoMatch
			}
		}
		return in, nil
	}}
}

// Pair is a two-way value of a simple queue, "up/down"; one value means both.
func Pair(of Type) Type {
	return Type{script: rsc.Str, parse: func(in string) (string, error) {
		up, down := CutPair(in)
		up, err := of.Parse(up)
		if err != nil {
			return "", err
		}
		if down, err = of.Parse(down); err != nil {
			return "", err
		}
		return up + "/" + down, nil
	}, export: func(v string) string {
		up, down := CutPair(v)
		return of.Export(up) + "/" + of.Export(down)
	}}
}

// CutPair returns the two sides of a two-way value; one value is both.
func CutPair(in string) (a, b string) {
	a, b, two := strings.Cut(in, "/")
	if !two {
		b = a
	}
	return a, b
}

// Export returns a value in the API representation as exports have it.
func (t Type) Export(v string) string {
	if t.export == nil {
		return v
	}
	return t.export(v)
}

// Script returns a value in the API representation as scripts see it.
func (t Type) Script(v string) rsc.Value {
	switch t.script {
	case rsc.Bool:
		return rsc.Scalar(rsc.Bool, v)
	case rsc.Num:
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return rsc.Scalar(rsc.Num, v)
		}
	case rsc.Time:
		if d, ok := ParseInterval(v); ok {
			return rsc.Scalar(rsc.Time, scriptTime(d))
		}
	}
	return rsc.Scalar(rsc.Str, v)
}
