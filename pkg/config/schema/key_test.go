package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var table = []Key{
	{Name: "wan_name", Type: Identifier},
	{Name: "router.host", Type: Host},
	{Name: "down.ceiling_mbps", Type: Mbps, Min: 1, Max: 100000},
	{Name: "up.ceiling_mbps", Type: Mbps, Min: 1, Max: 100000},
	{Name: "down.bounds.min", Type: Millis, Min: 0.1, Max: 1000},
}

func TestFind(t *testing.T) {
	for name, want := range map[string][]string{
		"router.host":  {"router.host"},
		"router":       {"router.host"},
		"ceiling_mbps": {"down.ceiling_mbps", "up.ceiling_mbps"},
		"down":         {"down.ceiling_mbps", "down.bounds.min"},
		"bounds.min":   {"down.bounds.min"},
		"bounds":       {"down.bounds.min"},
		"host":         {"router.host"},
		"hos":          nil,
		"":             nil,
	} {
		var got []string
		for _, k := range Find(table, name) {
			got = append(got, k.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Find(%q): -want +got:\n%s", name, diff)
		}
	}
}

func TestHint(t *testing.T) {
	for name, want := range map[string]string{
		"wan_nam":           "; did you mean wan_name?",
		"WAN_NAME":          "; did you mean wan_name?",
		"router.hsot":       "; did you mean host?",
		"down.ceilingmbps":  "; did you mean ceiling_mbps?",
		"dwon":              "; did you mean down?",
		"host":              "; did you mean router.host?",
		"up.bounds":         "; did you mean down.bounds?",
		"router.min":        "; did you mean down.bounds.min?",
		"ceiling_mbps":      "; did you mean down.ceiling_mbps or up.ceiling_mbps?",
		"router.frobnicate": "; 'wanctl config explain' lists all",
	} {
		if got := Hint(table, name); got != want {
			t.Errorf("Hint(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	for name, want := range map[string]string{
		"router.hots":   "router.host",
		"routre":        "router",
		"cieling_mbps":  "ceiling_mbps",
		"xyz":           "",
		"down.bonds.mn": "down.bounds.min",
	} {
		if got := Suggest(table, name); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"", "abc", 3},
		{"abc", "abd", 1}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"abc", "abcd", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestRange(t *testing.T) {
	for _, tt := range []struct {
		key  Key
		want string
	}{
		{table[0], ""},
		{table[2], "1..100000 Mbit/s"},
		{table[4], "0.1..1000 ms"},
		{Key{Type: Enum, Values: []string{"a", "b"}}, "a, b"},
		{Key{Type: HostList, Min: 1, Max: 16}, "1..16 entries"},
		{Key{Type: Seconds, Min: 0, Max: 1}, "0..1 s"},
		{Key{Type: Minutes, Min: 0.1, Max: 5}, "0.1..5 min"},
		{Key{Type: Duration, Min: 10, Max: 5000}, "10..5000 ms"},
		{Key{Type: Int, Min: 0, Max: 65535}, "0..65535"},
	} {
		if got := tt.key.Range(); got != tt.want {
			t.Errorf("Range of %v = %q, want %q", tt.key.Type, got, tt.want)
		}
	}
	if got := table[4].Env(); got != "WANCTL_DOWN_BOUNDS_MIN" {
		t.Errorf("Env = %q", got)
	}
}

// Every type has a description and a parser.
func TestTypesAreComplete(t *testing.T) {
	r := &Reader{Lookup: lookup}
	for kind := Bool; kind <= RouterList; kind++ {
		if kind.String() == "unknown" {
			t.Errorf("type %d has no description", kind)
		}
		k := Key{Type: kind, Max: 1}
		if _, err := r.parse(k, NewCell(k, "\x00", Origin{})); err != nil && strings.Contains(err.Error(), "cannot be parsed") {
			t.Errorf("type %d has no parser", kind)
		}
	}
	if (RouterList + 1).String() != "unknown" {
		t.Error("RouterList is not the last type")
	}
}
