package rest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/router/rest"
)

func TestConfigIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  rest.Config
		want string // in the error
	}{
		{"no host", rest.Config{User: "u"}, "router.host"},
		{"no user", rest.Config{Host: "h"}, "router.user"},
		{"host is an option", rest.Config{Host: "-oProxyCommand=x", User: "u"}, "router.host"},
		{"host is a URL", rest.Config{Host: "https://h", User: "u"}, "router.host"},
		{"colon in user", rest.Config{Host: "h", User: "u:v"}, "colon"},
		{"port", rest.Config{Host: "h", User: "u", Port: 65536}, "router.port"},
		{"short fingerprint", rest.Config{Host: "h", User: "u", Fingerprint: "abcd"}, "64 hex digits"},
		{"pinned plain http", rest.Config{Host: "h", User: "u", Plain: true, Fingerprint: strings.Repeat("0", 64)}, "without TLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := rest.New(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v; want an error with %q", c, err, tt.want)
			}
		})
	}
}

func TestPasswordIsNotPrinted(t *testing.T) {
	const secret = "hunter2"
	c, err := rest.New(rest.Config{Host: "::1", User: "admin", Password: func() string { return secret }})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s prints the password: %s", verb, s)
		}
	}
	if got, want := c.String(), "admin@https://[::1]:443/rest"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
