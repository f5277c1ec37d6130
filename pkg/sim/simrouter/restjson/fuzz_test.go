package restjson

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: a body is refused or read; what is read is written so that it is read as
// the same, and bytes that are not UTF-8 stay as they are.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"max-limit":"480000000"}`, `{".proplist":["name","rate"],".query":["name=a","name=b","#|"]}`, `{".id":"*1000001","disabled":true,"n":1.50}`,
		"{\"comment\":\"T\xfcr \\u00fc\"}", `{"a":{}}`, `null`, "", "{\"a\":\"\xef\x9f\x80\"}",
	} {
		f.Add([]byte(s), s, s)
	}
	f.Fuzz(func(t *testing.T, body []byte, key, value string) {
		if o, err := Parse(body); err == nil {
			again, err := Parse(Row(o.Args, true))
			if diff := cmp.Diff(o.Args, again.Args); err != nil && len(o.Lists) == 0 || err == nil && diff != "" {
				t.Errorf("%q: %v, -want +got\n%s", body, err, diff)
			}
		}
		// The runes that stand for bytes meanwhile cannot be told from those.
		for _, r := range key + value {
			if r >= highByteBase && r <= highByteBase+0xff {
				return
			}
		}
		if key == ".proplist" || key == ".query" || !utf8.ValidString(key) {
			return
		}
		want := map[string]string{key: value}
		o, err := Parse(Row(want, true))
		if diff := cmp.Diff(want, o.Args); err != nil || diff != "" {
			t.Errorf("%v, -want +got\n%s", err, diff)
		}
	})
}
