package statuscmd

import "testing"

func TestDefaultAddress(t *testing.T) {
	for mode, want := range map[string]string{
		"": "127.0.0.1:9101", "shape": "127.0.0.1:9101", " shape --wan dsl": "127.0.0.1:9101",
		"steer --dry-run": "127.0.0.1:9102", "serve": "127.0.0.1:9103", "dance": "",
	} {
		if got, err := defaultAddress(mode); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v, want %q", mode, got, err, want)
		}
	}
}
