package salvage

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestObject(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       map[string]string
		twice      []string
		err        string
	}{
		{name: "empty", text: ` { } `, want: map[string]string{}},
		{name: "values stay as they are", text: `{"a": 1.50 ,"b" : [1, 2], "c":{"d": "e"}}`,
			want: map[string]string{"a": "1.50", "b": "[1, 2]", "c": `{"d": "e"}`}},
		{name: "what Python writes", text: `{"a": NaN, "b": [Infinity, -Infinity], "c": {"d": NaN}}`,
			want: map[string]string{"a": "NaN", "b": "[Infinity, -Infinity]", "c": `{"d": NaN}`}},
		{name: "the last one counts", text: `{"a":1,"a":2,"\u0061":3}`, want: map[string]string{"a": "3"}, twice: []string{"a", "a"}},
		{name: "names are decoded", text: `{"\"\u00e9\n":0}`, want: map[string]string{"\"é\n": "0"}},
		{name: "nothing", text: "", err: "unexpected end at byte 0"},
		{name: "torn", text: `{"a":1`, err: "unexpected end at byte 6"},
		{name: "no object", text: `[1]`, err: "unexpected '[' at byte 0"},
		{name: "text behind it", text: `{} {}`, err: "unexpected '{' at byte 3"},
		{name: "trailing comma", text: `{"a":1,}`, err: "unexpected '}' at byte 7"},
		{name: "leading zero", text: `{"a":01}`, err: "unexpected '1' at byte 6"},
		{name: "other names of infinity", text: `{"a":+Infinity}`, err: "unexpected '+' at byte 5"},
		{name: "not UTF-8", text: "{\"a\":\"\xe1\"}", err: "text that is not UTF-8 at byte 6"},
		{name: "control character", text: "{\"a\":\"\n\"}", err: `unexpected '\n' at byte 6`},
		{name: "zero bytes", text: "\x00\x00", err: `unexpected '\x00' at byte 0`},
		{name: "too deep", text: `{"a":` + strings.Repeat("[", 20_000), err: "nested too deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			members, twice, err := Object([]byte(tt.text))
			var got map[string]string
			for k, v := range members {
				if got == nil {
					got = map[string]string{}
				}
				got[k] = string(v)
			}
			if err == nil && got == nil {
				got = map[string]string{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.twice, twice); diff != "" {
				t.Errorf("twice (-want +got)\n%s", diff)
			}
			var syntax *SyntaxError
			if tt.err == "" && err != nil || tt.err != "" && (!errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// The scanner takes what encoding/json takes and is UTF-8, and only that, but
// for the numbers that are none.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e+3,true,null,"\u12aF\n"]}`, `{"a":NaN}`, `{"b":-Infinity}`, "{\"\xff\":1}", `{"a":00}`, `{"a":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, _, err := Object(text)
		if bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Infinity")) {
			return
		}
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(text, &want)
		if ok := wantErr == nil && want != nil && utf8.Valid(text); (err == nil) != ok {
			t.Fatalf("error %v, encoding/json: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, members); diff != "" {
			t.Fatalf("(-encoding/json +got)\n%s", diff)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if got := AppendCompact(nil, text); !bytes.Equal(got, compact.Bytes()) {
			t.Fatalf("AppendCompact = %s, want %s", got, compact.Bytes())
		}
	})
}

// show writes what was read in one line: members that are broken end in "?".
func show(n *Node) string {
	switch {
	case n.Text != nil:
		return string(n.Text)
	case n.IsList:
		return "[" + string(bytes.Join(toBytes(n.Items), []byte(","))) + "]?"
	}
	var names []string
	for name := range n.Members {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(name + ":" + show(n.Members[name]))
	}
	return "{" + b.String() + "}?"
}

func toBytes(in []json.RawMessage) (out [][]byte) {
	for _, x := range in {
		out = append(out, x)
	}
	return out
}

func TestRead(t *testing.T) {
	shape := &Shape{}
	for _, name := range []string{"green", "red", "rate"} {
		shape.Member("down").Member(name).Scalar()
		shape.Member("up").Member(name).Scalar()
	}
	shape.Member("ewma").Member("rtt").Scalar()
	shape.Member("history").List()
	shape.Member("time").Scalar()

	for _, tt := range []struct{ name, text, want string }{
		{"cut in a number", `{"time":"x","down":{"green":5,"rate":92`, `{down:{green:5}? time:"x"}?`},
		{"cut behind a number", `{"down":{"green":5`, `{down:{}?}?`},
		{"cut behind a string", `{"time":"x"`, `{time:"x"}?`},
		{"cut in a name", `{"time":"x","do`, `{time:"x"}?`},
		{"cut in a list", `{"history":[1, 2.5,3`, `{history:[1,2.5]?}?`},
		{"cut in a list of objects", `{"more":[{"a":1},{"a":2`, `{more:[{"a":1}]?}?`},
		{"empty", ``, `{}?`},
		{"zero bytes", "\x00\x00\x00", `{}?`},
		{"half of it zero bytes", "{\"down\":{\"green\":5,\"red\":\x00\x00\x00\x00", `{down:{green:5}?}?`},
		{"first brace lost", `"time":"x","ewma":{"rtt":2}}`, `{ewma:{"rtt":2} time:"x"}?`},
		{"inner brace closed by a bracket", `{"down":{"green":5],"ewma":{"rtt":2}}`, `{down:{green:5}? ewma:{"rtt":2}}?`},
		{"inner brace opened by a bracket", `{"down":["green":5,"red":1},"ewma":{"rtt":2}}`, `{down:{green:5 red:1}? ewma:{"rtt":2}}?`},
		{"inner brace lost at its beginning", `{"down":;"green":5,"red":1},"ewma":{"rtt":2}}`, `{down:{green:5 red:1}? ewma:{"rtt":2}}?`},
		{"inner brace lost at its end", `{"down":{"green":5,"red":1;,"ewma":{"rtt":2},"time":"x"}`, `{down:{green:5}? ewma:{"rtt":2} time:"x"}?`},
		{"comma lost", `{"down":{"green":5$"red":1,"rate":7},"time":"x"}`, `{down:{green:5 rate:7 red:1}? time:"x"}?`},
		{"comma became a dot", `{"down":{"green":5."red":1,"rate":7}}`, `{down:{rate:7 red:1}?}?`},
		{"colon lost of a known name", `{"time"z"x","ewma":{"rtt":2}}`, `{ewma:{"rtt":2} time:"x"}?`},
		{"quote lost before a known name", `{#ewma":{"rtt":2},"time":"x"}`, `{ewma:{"rtt":2} time:"x"}?`},
		{"quote lost behind a known name", `{"ewma2:{"rtt":2},"time":"x"}`, `{ewma:{"rtt":2} time:"x"}?`},
		{"quote lost before an unknown name", `{#other":{"rtt":2},"time":"x"}`, `{time:"x"}?`},
		{"quote lost before a text", `{"other":#x","time":"y"}`, `{time:"y"}?`},
		{"quote lost behind a text", `{"other":"x#,"time":"y","down":{"red":1}}`, `{down:{"red":1} time:"y"}?`},
		{"quote in a text", `{"other":"ab"c","time":"y"}`, `{time:"y"}?`},
		{"not UTF-8 in a text", "{\"other\":\"a\xe1\",\"time\":\"y\"}", `{time:"y"}?`},
		{"letter in a word", `{"other":nul0,"more":tr5e,"time":"y"}`, `{time:"y"}?`},
		{"list closed by a brace", `{"history":[1,2},"time":"y"}`, `{history:[1,2]? time:"y"}?`},
		{"list not closed", `{"history":[1,2,"time":"y"}`, `{history:[1,2]? time:"y"}?`},
		{"list opened by a brace", `{"history":{1,2],"time":"y"}`, `{history:[1,2]? time:"y"}?`},
		{"list opened by nothing", `{"history":Z1, 2],"time":"y"}`, `{history:[1,2]? time:"y"}?`},
		{"an item", `{"history":[1,x,"y",2],"time":"y"}`, `{history:[1,"y",2]? time:"y"}?`},
		{"text of a name is no name", `{"other":x"time", "red":1}`, `{red:1}?`},
		{"the intact one of two", `{"time":"y","time":"z,`, `{time:"y"}?`},
		{"NaN is intact", `{"ewma":{"rtt":NaN,`, `{ewma:{rtt:NaN}?}?`},
		{"too deep to follow", strings.Repeat(`{"a":`, 100) + `1`, ``},
		{"hostile lists", `{"a":x` + strings.Repeat("[", 1<<17), ``},
		{"hostile items", `{"a":[` + strings.Repeat(`[1,"`, 1<<15), ``},
		{"hostile objects", strings.Repeat(`{"a":1,`, 1<<14), ``},
		{"hostile names", `{"a":x` + strings.Repeat(`"`, 1<<16), ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Read([]byte(tt.text), shape)
			if tt.want != "" && show(got) != tt.want {
				t.Errorf("got  %s\nwant %s", show(got), tt.want)
			}
		})
	}
}
