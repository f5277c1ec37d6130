package rest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  []byte
		want string
	}{
		{"no properties", object(nil), `{}`},
		{"properties", object(map[string]string{"queue": `a"b\`, "max-limit": "1"}), `{"max-limit":"1","queue":"a\"b\\"}`},
		{"signs of HTML", object(map[string]string{"comment": "a & <b>"}), `{"comment":"a & <b>"}`},
		{"Latin-1", object(map[string]string{"comment": "B\xfcro"}), "{\"comment\":\"B\xfcro\"}"},
		{"control bytes", object(map[string]string{"c": "\r\n\t\x00\x7f"}), "{\"c\":\"\\r\\n\\t\\u0000\x7f\"}"},
		{"query", query([]string{"name=a", "name=b", "#|"}, []string{".id", "name"}), `{".proplist":[".id","name"],".query":["name=a","name=b","#|"]}`},
		{"query for everything", query([]string{"list=x"}, nil), `{".query":["list=x"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(tt.got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// FuzzEncode: what is written is what this package and, for UTF-8,
// encoding/json read.
func FuzzEncode(f *testing.F) {
	f.Add("comment", "B\xfcro \" \\ \n & \u2028")
	f.Fuzz(func(t *testing.T, key, value string) {
		want := map[string]string{key: value, "k": value}
		body := object(want)
		rows, single, err := decode(body, rosconn.NewBudget(rosconn.MaxAnswer))
		if err != nil || !single || !maps.Equal(rows[0], want) {
			t.Fatalf("%q reads as %q, %v", body, rows, err)
		}
		words := query([]string{key, value}, []string{value})
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return
		}
		var got map[string][]string
		if err := json.Unmarshal(words, &got); err != nil || !slices.Equal(got[".query"], []string{key, value}) || !slices.Equal(got[".proplist"], []string{value}) {
			t.Fatalf("%q reads as %q, %v", words, got, err)
		}
	})
}
