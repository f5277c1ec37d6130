package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var table = []Key{
	{Name: "wan_name", Kind: Identifier},
	{Name: "router.host", Kind: Host},
	{Name: "down.ceiling_mbps", Kind: Mbps, Min: 1, Max: 100000},
	{Name: "up.ceiling_mbps", Kind: Mbps, Min: 1, Max: 100000},
	{Name: "down.bounds.min", Kind: Millis, Min: 0.1, Max: 1000},
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
		{Key{Kind: Enum, Values: []string{"a", "b"}}, "a, b"},
		{Key{Kind: HostList, Min: 1, Max: 16}, "1..16 entries"},
		{Key{Kind: Seconds, Min: 0, Max: 1}, "0..1 s"},
		{Key{Kind: Minutes, Min: 0.1, Max: 5}, "0.1..5 min"},
		{Key{Kind: Duration, Min: 10, Max: 5000}, "10..5000 ms"},
		{Key{Kind: Int, Min: 0, Max: 65535}, "0..65535"},
	} {
		if got := tt.key.Range(); got != tt.want {
			t.Errorf("Range of %v = %q, want %q", tt.key.Kind, got, tt.want)
		}
	}
	if got := table[4].Env(); got != "WANCTL_DOWN_BOUNDS_MIN" {
		t.Errorf("Env = %q", got)
	}
}

// Every kind has a name of its own, a description and exactly one way to be parsed.
func TestKindsAreComplete(t *testing.T) {
	seen := map[Kind]bool{}
	for _, s := range kinds() {
		if seen[s.kind] || s.text == "" {
			t.Errorf("kind %q is there twice or has no description", string(s.kind))
		}
		seen[s.kind] = true
		if (s.parse == nil) == (s.check == nil) {
			t.Errorf("kind %q has no parser, or two", string(s.kind))
		}
	}
	if got := Kind("mpbs").String(); got != "" {
		t.Errorf("an unknown kind is described as %q", got)
	}
}

type endpoint struct {
	On   bool `key:"on" default:"true" doc:"Serve {}."`
	Port int  `key:"port" range:"0..65535" default:"80" doc:"Port for {}."`
}

type base struct {
	Path string
	Name string   `key:"name" kind:"identifier" required:"true" doc:"Name."`
	Web  endpoint `key:"web" doc:"pages" defaults:"port=8080"`
}

func TestFields(t *testing.T) {
	type file struct {
		base   `defaults:"web.port=9090"`
		Mode   string   `key:"law.mode" kind:"enum" values:"a,b" default:"a" doc:"Mode."`
		_      struct{} `key:"law.gain" kind:"number" range:"0.1..2" deprecated:"it is measured"`
		_      struct{} `key:"mode" kind:"enum" values:"a,b" alias:"law.mode"`
		_      struct{} `key:"old" kind:"any" deprecated:"it is gone"`
		Routes []base   `key:"routes" kind:"routers" range:"0..2" doc:"Routes."`
	}
	var got []Key
	for _, f := range Fields[file]() {
		if hasField := f.index != nil; hasField != (f.Deprecated == "" && f.Alias == "") {
			t.Errorf("%s has a field: %v", f.Name, hasField)
		}
		got = append(got, f.Key)
	}
	want := []Key{
		{Name: "name", Kind: Identifier, Required: true, Doc: "Name."},
		{Name: "web.on", Kind: Bool, Default: "true", Doc: "Serve pages."},
		{Name: "web.port", Kind: Int, Max: 65535, Default: "9090", Doc: "Port for pages."},
		{Name: "law.mode", Kind: Enum, Values: []string{"a", "b"}, Default: "a", Doc: "Mode."},
		{Name: "law.gain", Kind: Number, Min: 0.1, Max: 2, Derived: "without effect", Doc: "Has no effect any more: it is measured.", Deprecated: "it is measured"},
		{Name: "mode", Kind: Enum, Values: []string{"a", "b"}, Alias: "law.mode", Derived: "law.mode", Doc: "Another name of law.mode."},
		{Name: "old", Kind: Any, Derived: "without effect", Doc: "Has no effect any more: it is gone.", Deprecated: "it is gone"},
		{Name: "routes", Kind: RouterList, Max: 2, Doc: "Routes."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if keys := Keys(Fields[file]()); len(keys) != len(want)-1 {
		t.Errorf("%d documented keys, want all but the unchecked one", len(keys))
	}
}

func TestFieldsRefusesMalformedTags(t *testing.T) {
	for name, fields := range map[string]func() []Field{
		"kind": Fields[struct {
			A string `key:"a" kind:"mpbs"`
		}],
		"no kind": Fields[struct {
			A string `key:"a"`
		}],
		"range": Fields[struct {
			A int `key:"a" range:"1-2"`
		}],
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			fields()
		})
	}
}
