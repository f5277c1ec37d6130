package value

import (
	"errors"
	"testing"
)

func TestIntervals(t *testing.T) {
	for in, want := range map[string]string{
		"90": "1m30s", "1h30m": "1h30m", "00:10:00": "10m", "36h": "1d12h", "1w1ms": "1w1ms", "250us": "250us", "8d": "1w1d",
	} {
		d, ok := ParseInterval(in)
		if got := FormatInterval(d); !ok || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "x", "5y", "1h-1m", "h"} {
		if d, ok := ParseInterval(in); ok {
			t.Errorf("%q read as %v", in, d)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name string
		typ  Type
		in   string
		want string
		err  error
	}{
		{"rate", Rate, "38.5M", "38500000", nil},
		{"rate in words", Rate, "fast", "", ErrInvalid},
		{"yes", Bool, "yes", "true", nil},
		{"maybe", Bool, "maybe", "", ErrInvalid},
		{"empty name", Name, "", "", ErrInvalid},
		{"one of", Enum("a", "b"), "c", "", ErrNoMatch},
		{"list", List("a", "b"), "a,!b", "a,!b", nil},
		{"list of something else", List("a", "b"), "a,c", "", ErrNoMatch},
		{"pair", Pair(Rate), "1M/2k", "1000000/2000", nil},
		{"one for both", Pair(Rate), "1M", "1000000/1000000", nil},
		{"half a pair", Pair(Rate), "1M/", "", ErrInvalid},
		{"size", Size(1 << 10), "50KiB", "50", nil},
		{"size in numbers", Size(1), "4096", "4096", nil},
		{"targets", Target, "192.168.1.5/24,fd00::1,bridge1", "192.168.1.0/24,fd00::1/128,bridge1", nil},
		{"no target", Target, "bridge1,", "", ErrInvalid},
		{"range of addresses", Address(false), "10.0.0.0-10.0.1.255", "10.0.0.0/23", nil},
		{"reversed range", Address(false), "10.0.0.9-10.0.0.1", "", ErrInvalid},
		{"address of the other family", Address(true), "10.0.0.1", "", ErrInvalid},
		{"set without a value", Presence, "yes", "", nil},
		{"any text", Type{}, "x", "x", nil},
	} {
		if got, err := tt.typ.Parse(tt.in); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
	var outside *RangeError
	if _, err := Int(1, 8).Parse("9"); !errors.As(err, &outside) || outside.Error() != "out of range (1 .. 8)" {
		t.Errorf("out of range: %v", err)
	}
	if got := Interval.Script("6w5d11h55m45s50ms").Text(); got != "6w5d11:55:45.05" {
		t.Errorf("interval in scripts: %s", got)
	}
}
