package rest

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		rows   []rosdata.Row
		single bool
	}{
		{"nothing", " \r\n", nil, false},
		{"empty array", "[ ]", []rosdata.Row{}, false},
		{"array", `[{".id":"*1","name":"a"}, {".id":"*2"}]`, []rosdata.Row{{".id": "*1", "name": "a"}, {".id": "*2"}}, false},
		{"object", `{"ret":"*2"}`, []rosdata.Row{{"ret": "*2"}}, true},
		{"empty object", `{}`, []rosdata.Row{{}}, true},
		{"values that are not strings", `{"error":404,"ok":true,"x":null,"y":-1.5e3}`, []rosdata.Row{{"error": "404", "ok": "true", "y": "-1.5e3"}}, true},
		{"nested values", `{"a":[1,{"b":"]"}],"c":{ }}`, []rosdata.Row{{"a": `[1,{"b":"]"}]`, "c": "{ }"}}, true},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\té\ud83d\ude00\ud83d"}`, []rosdata.Row{{"a": "\"\\/\b\f\n\r\té😀\uFFFD"}}, true},
		{"raw control bytes", "{\"a\":\"x\x00\x01\n\x1fy\"}", []rosdata.Row{{"a": "x\x00\x01\n\x1fy"}}, true},
		{"latin-1", "{\"a\":\"T\xfcr\\n\xe4\"}", []rosdata.Row{{"a": "T\xfcr\n\xe4"}}, true},
		{"last of equal keys wins", `{"a":"1","a":"2"}`, []rosdata.Row{{"a": "2"}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, single, err := decode([]byte(tt.in), rosconn.NewBudget(rosconn.MaxAnswer))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.rows, rows); diff != "" || single != tt.single {
				t.Errorf("single=%v, -want +got\n%s", single, diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, in := range []string{
		`[`, `{`, `[{]`, `{"a"}`, `{"a":}`, `{"a":"b"`, `{"a":"b`, `{"a":"b\`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"b",}`,
		`[{"a":"b"},]`, `[1]`, `["a"]`, `[[]]`, `{"a":nan}`, `{"a":tru}`, `{"a":[1,]}`, `{} {}`, `"text"`, `404`, `{a:"b"}`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		if rows, _, err := decode([]byte(in), rosconn.NewBudget(rosconn.MaxAnswer)); err == nil {
			t.Errorf("decode(%.40s, rosconn.NewBudget(rosconn.MaxAnswer)) = %v, want an error", in, rows)
		} else if len(err.Error()) > 300 {
			t.Errorf("decode(%.40s, rosconn.NewBudget(rosconn.MaxAnswer)): error of %d bytes", in, len(err.Error()))
		}
	}
	if _, _, err := decode([]byte("\n<!DOCTYPE html>"), rosconn.NewBudget(rosconn.MaxAnswer)); !errors.Is(err, errHTML) {
		t.Errorf("HTML: %v", err)
	}
}

// FuzzDecode: never panics; agrees with encoding/json on what that can read.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`[{".id":"*1000001","max-limit":"500000000","name":"WAN-Download","rate":"0"}]`,
		`{"detail":"no such item","error":404,"message":"Not Found"}`, `{"a":"\ud83d\ude00","b":[1,{"c":null}]}`,
		"{\"a\":\"\x01\xff\"}", `[]`, `<html>`, ``, `{"":""}`, `{"a":1,"a":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rows, single, err := decode(in, rosconn.NewBudget(rosconn.MaxAnswer))
		if err != nil && rows != nil {
			t.Error("rows beside an error")
		}
		if err == nil {
			checkRoundTrip(t, rows)
		}
		if !utf8.Valid(in) {
			return
		}
		var want []map[string]any
		var one map[string]any
		switch {
		case json.Unmarshal(in, &one) == nil && one != nil:
			want = []map[string]any{one}
		case json.Unmarshal(in, &want) == nil && want != nil:
		default:
			return
		}
		for _, w := range want {
			if w == nil { // null in an array: no row
				return
			}
		}
		if err != nil {
			if strings.Contains(err.Error(), "a value was expected") && strings.Count(string(in), "[")+strings.Count(string(in), "{") > maxDepth {
				return
			}
			t.Fatalf("encoding/json reads %q, decode says %v", in, err)
		}
		if len(rows) != len(want) || single != (one != nil) {
			t.Fatalf("%d rows, single=%v, want %d", len(rows), single, len(want))
		}
		for i, w := range want {
			for key, v := range w {
				if s, ok := v.(string); ok && rows[i][key] != s {
					t.Errorf("%q: row %d has %q=%q, want %q", in, i, key, rows[i][key], s)
				}
			}
		}
	})
}

// checkRoundTrip: rows written in JSON with the least possible escaping read
// back as they were, whatever bytes are in them.
func checkRoundTrip(t *testing.T, rows []rosdata.Row) {
	t.Helper()
	escape := strings.NewReplacer(`"`, `\"`, `\`, `\\`)
	for _, r := range rows {
		var b strings.Builder
		sep := "{"
		for k, v := range r {
			b.WriteString(sep + `"` + escape.Replace(k) + `":"` + escape.Replace(v) + `"`)
			sep = ","
		}
		if len(r) == 0 {
			b.WriteString("{")
		}
		got, _, err := decode([]byte(b.String()+"}"), rosconn.NewBudget(rosconn.MaxAnswer))
		if err != nil {
			t.Fatalf("%q: %v", b.String(), err)
		}
		if diff := cmp.Diff([]rosdata.Row{r}, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// An answer within its size is given up when its rows take too much memory.
func TestDecodeIsBounded(t *testing.T) {
	const size, most = 2 << 20, 20 << 20
	for _, tt := range []struct{ name, start, again string }{
		{"empty rows", "[{}", ",{}"},
		{"rows of one value", `[{"a":1}`, `,{"a":1}`},
		{"short values", `[{"a":1`, `,"a":1`},
		{"one text", `[{"a":"`, "x"},
		{"escapes", `[{"a":"`, `\n`},
		{"nested", `[{"a":`, "["},
		{"numbers", `[{"a":[0`, ",0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := []byte(tt.start + strings.Repeat(tt.again, (size-len(tt.start))/len(tt.again)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			rows, _, err := decode(data, rosconn.NewBudget(size))
			runtime.ReadMemStats(&after)
			if err == nil || rows != nil {
				t.Error("an answer without an end is accepted")
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}
