package schema

import (
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
		{Key{Type: Bool}, "Yes", true},
		{Key{Type: Bool}, "off", false},
		{Key{Type: Bool}, "1", nil},
		{Key{Type: Int, Min: 1, Max: 10}, " 10 ", 10},
		{Key{Type: Int, Min: 1, Max: 10}, "0", nil},
		{Key{Type: Int}, "99999999999999999999", nil},
		{Key{Type: Number}, "-1.5e-1", -0.15},
		{Key{Type: Number}, ".5", 0.5},
		{Key{Type: Number}, "5.", 5.0},
		{Key{Type: Number}, "1_000", nil},
		{Key{Type: Number}, "1e999", nil},
		{Key{Type: Number}, "Infinity", nil},
		{Key{Type: Number}, "", nil},
		{Key{Type: Mbps, Min: 0.1, Max: 10}, "0.1234567", 123457 * bitrate.Rate(1)},
		{Key{Type: Mbps, Min: 0.1, Max: 10}, "10.1", nil},
		{Key{Type: Millis}, "24", 24 * time.Millisecond},
		{Key{Type: Millis}, "0.5", 500 * time.Microsecond},
		{Key{Type: Millis}, "1.5s", 1500 * time.Millisecond},
		{Key{Type: Millis, Min: 1, Max: 10}, "1s", nil},
		{Key{Type: Millis}, "24 ms", nil},
		{Key{Type: Seconds}, "15", 15 * time.Second},
		{Key{Type: Seconds}, "250ms", 250 * time.Millisecond},
		{Key{Type: Seconds, Min: 1, Max: 600}, "10m", 600 * time.Second},
		{Key{Type: Seconds, Min: 1, Max: 600}, "1h", nil},
		{Key{Type: Minutes, Min: 0.1, Max: 1440}, "0.5", 30 * time.Second},
		{Key{Type: Minutes, Min: 0.1, Max: 1440}, "90s", 90 * time.Second},
		{Key{Type: Minutes, Min: 0.1, Max: 1440}, "5s", nil},
		{Key{Type: Duration, Min: 10, Max: 5000}, "50ms", 50 * time.Millisecond},
		{Key{Type: Duration, Min: 10, Max: 5000}, "50", nil},
		{Key{Type: Duration, Min: 10, Max: 5000}, "0", nil},
		{Key{Type: Enum, Values: []string{"a", "b"}}, "b", "b"},
		{Key{Type: Enum, Values: []string{"a", "b"}}, "B", nil},
		{Key{Type: Version}, "1.0", "1.0"},
		{Key{Type: Version}, "1.1", nil},
		{Key{Type: Password}, " with spaces ", " with spaces "},
		{Key{Type: Password}, "line\nbreak", nil},
		{Key{Type: Path}, "/var/lib", "/var/lib"},
		{Key{Type: Path}, "-rf", nil},
		{Key{Type: Path}, "a\x00b", nil},
		{Key{Type: Path}, "~/x", nil}, // no HOME in this environment
		{Key{Type: HostList, Min: 1, Max: 2}, "a, b", []string{"a", "b"}},
		{Key{Type: HostList, Min: 1, Max: 2}, "a,b,c", nil},
		{Key{Type: HostList, Min: 1, Max: 2}, ",", nil},
		{Key{Type: TargetList, Min: 0, Max: 2}, "a:1 [::1]:2", []string{"a:1", "[::1]:2"}},
		{Key{Type: TargetList, Min: 0, Max: 2}, "", []string{}},
	} {
		t.Run(tt.key.Type.String()+" "+tt.in, func(t *testing.T) {
			got, err := r.parse(tt.key, NewCell(tt.key, tt.in, Origin{}))
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
