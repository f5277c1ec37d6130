package schema

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

func TestParse(t *testing.T) {
	r := &Reader{Lookup: lookup}
	for _, tt := range []struct {
		key  Key
		in   string
		want any // nil is an error
	}{
		{Key{Kind: Bool}, "Yes", true},
		{Key{Kind: Bool}, "off", false},
		{Key{Kind: Bool}, "1", nil},
		{Key{Kind: Int, Min: 1, Max: 10}, " 10 ", 10},
		{Key{Kind: Mark, Max: math.MaxUint32}, "20", uint32(20)},
		{Key{Kind: Mark, Max: math.MaxUint32}, "0xFFFFFFFF", uint32(math.MaxUint32)},
		{Key{Kind: Mark, Max: math.MaxUint32}, "0x100000000", nil},
		{Key{Kind: Mark, Max: math.MaxUint32}, "-1", nil},
		{Key{Kind: Mark, Max: math.MaxUint32}, "0x", nil},
		{Key{Kind: Mark, Max: math.MaxUint32}, "024", nil},
		{Key{Kind: Mark, Max: math.MaxUint32}, "twenty", nil},
		{Key{Kind: Int, Min: 1, Max: 10}, "0", nil},
		{Key{Kind: Int}, "99999999999999999999", nil},
		{Key{Kind: Number}, "-1.5e-1", -0.15},
		{Key{Kind: Number}, ".5", 0.5},
		{Key{Kind: Number}, "5.", 5.0},
		{Key{Kind: Number}, "1_000", nil},
		{Key{Kind: Number}, "1e999", nil},
		{Key{Kind: Number}, "Infinity", nil},
		{Key{Kind: Number}, "", nil},
		{Key{Kind: Mbps, Min: 0.1, Max: 10}, "0.1234567", 123457 * bitrate.Rate(1)},
		{Key{Kind: Mbps, Min: 0.1, Max: 10}, "10.1", nil},
		{Key{Kind: Millis}, "24", 24 * time.Millisecond},
		{Key{Kind: Millis}, "0.5", 500 * time.Microsecond},
		{Key{Kind: Millis}, "1.5s", 1500 * time.Millisecond},
		{Key{Kind: Millis, Min: 1, Max: 10}, "1s", nil},
		{Key{Kind: Millis}, "24 ms", nil},
		{Key{Kind: Seconds}, "15", 15 * time.Second},
		{Key{Kind: Seconds}, "250ms", 250 * time.Millisecond},
		{Key{Kind: Seconds, Min: 1, Max: 600}, "10m", 600 * time.Second},
		{Key{Kind: Seconds, Min: 1, Max: 600}, "1h", nil},
		{Key{Kind: Minutes, Min: 0.1, Max: 1440}, "0.5", 30 * time.Second},
		{Key{Kind: Minutes, Min: 0.1, Max: 1440}, "90s", 90 * time.Second},
		{Key{Kind: Minutes, Min: 0.1, Max: 1440}, "5s", nil},
		{Key{Kind: Duration, Min: 10, Max: 5000}, "50ms", 50 * time.Millisecond},
		{Key{Kind: Duration, Min: 10, Max: 5000}, "50", nil},
		{Key{Kind: Duration, Min: 10, Max: 5000}, "0", nil},
		{Key{Kind: Enum, Values: []string{"a", "b"}}, "b", "b"},
		{Key{Kind: Enum, Values: []string{"a", "b"}}, "B", nil},
		{Key{Kind: Version, Default: "1.0"}, "1.0", "1.0"},
		{Key{Kind: Version, Default: "1.0"}, "1.1", nil},
		{Key{Kind: Password}, " with spaces ", " with spaces "},
		{Key{Kind: Password}, "line\nbreak", nil},
		{Key{Kind: Path}, "/var/lib", "/var/lib"},
		{Key{Kind: Path}, "-rf", nil},
		{Key{Kind: Path}, "a\x00b", nil},
		{Key{Kind: Path}, "~/x", nil}, // no HOME in this environment
		{Key{Kind: HostList, Min: 1, Max: 2}, "a, b", []string{"a", "b"}},
		{Key{Kind: HostList, Min: 1, Max: 2}, "a,b,c", nil},
		{Key{Kind: HostList, Min: 1, Max: 2}, ",", nil},
		{Key{Kind: TargetList, Min: 0, Max: 2}, "a:1 [::1]:2", []string{"a:1", "[::1]:2"}},
		{Key{Kind: TargetList, Min: 0, Max: 2}, "", []string{}},
	} {
		t.Run(string(tt.key.Kind)+" "+tt.in, func(t *testing.T) {
			got, err := r.parse(tt.key, NewRawValue(tt.key, tt.in, Origin{}))
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("got %v, error %v", got, err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestQuoteIsShort(t *testing.T) {
	got := quote(strings.Repeat("a", 79) + "é" + strings.Repeat("b", 1000))
	if want := `"` + strings.Repeat("a", 79) + `..."`; got != want {
		t.Errorf("got %s", got)
	}
}
