package redact

import "testing"

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, text, secret, want string }{
		{"in the place of a host", "router admin:hunter2@192.0.2.1:443", "hunter2", "router admin:********@192.0.2.1:443"},
		{"part of another word", "xhunter2y", "hunter2", "x********y"},
		{"none", "router x", "", "router x"},
		{"short", "this is it", "is", "this is it"},
		{"the name of the program", "wanctl@ssh://192.0.2.1; try 'wanctl router info'", "wanctl", "wanctl@ssh://192.0.2.1; try 'wanctl router info'"},
		{"another word of the advice", "router x; check the host (router.host)", "router", "router x; check the host (router.host)"},
		{"part of such a word", "try 'wanctl router info'", "oute", "try 'wanctl router info'"},
		{"the user of a new router", "admin@ssh://192.0.2.1", "admin", "admin@ssh://192.0.2.1"},
		{"begins with such a word", "try 'wanctl router info' at wanctl1", "wanctl1", "try 'wanctl router info' at ********"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.text, tt.secret); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
