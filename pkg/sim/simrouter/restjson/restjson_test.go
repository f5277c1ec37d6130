package restjson

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	rows := []map[string]string{{"name": "T\xfcr \"x\"\a\n", ".id": "*1"}, {}}
	if diff := cmp.Diff("[{\".id\":\"*1\",\"name\":\"T\xfcr \\\"x\\\"\a\\n\"},{}]", string(Rows(rows, false))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := string(Row(map[string]string{"a": "\a"}, true)); got != `{"a":"\u0007"}` {
		t.Errorf("with escapes: %s", got)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       Object
		err        string
	}{
		{name: "empty", body: " \n", want: Object{Args: map[string]string{}, Lists: map[string][]string{}}},
		{name: "numbers and bytes", body: "{\"a\":1,\"b\":true,\"c\":\"\xfc\"}", want: Object{Args: map[string]string{"a": "1", "b": "true", "c": "\xfc"}, Lists: map[string][]string{}}},
		{name: "lists", body: `{".query":["name=a","#|"],".proplist":"a,b"}`,
			want: Object{Args: map[string]string{}, Lists: map[string][]string{".query": {"name=a", "#|"}, ".proplist": {"a", "b"}}}},
		{name: "half", body: `{"a":`, err: "Failed to parse json"},
		{name: "null", body: `{"a":null}`, err: "invalid value for argument a"},
		{name: "list of numbers", body: `{".query":[1]}`, err: "invalid value for argument .query"},
		{name: "no list", body: `{".proplist":{}}`, err: "invalid value for argument .proplist"},
	} {
		got, err := Parse([]byte(tt.body))
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: error %v, want %s", tt.name, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got\n%s", tt.name, err, diff)
		}
	}
}
