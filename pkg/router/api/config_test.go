package api

import (
	"fmt"
	"strings"
	"testing"
)

func TestConfigIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want string // in the error
	}{
		{"no host", Config{User: "u"}, "router.host"},
		{"no user", Config{Host: "h"}, "router.user"},
		{"host is an option", Config{Host: "-oProxyCommand=x", User: "u"}, "router.host"},
		{"host is a URL", Config{Host: "https://h", User: "u"}, "router.host"},
		{"port", Config{Host: "h", User: "u", Port: 65536}, "router.port"},
		{"short fingerprint", Config{Host: "h", User: "u", Fingerprint: "abcd"}, "64 hex digits"},
		{"pinned without TLS", Config{Host: "h", User: "u", Plain: true, Fingerprint: strings.Repeat("0", 64)}, "without TLS"},
		{"verified without TLS", Config{Host: "h", User: "u", Plain: true, Verify: true}, "without TLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v; want an error with %q", c, err, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"TLS", Config{Host: "::1", User: "admin"}, "admin@api-ssl://[::1]:8729"},
		{"plain", Config{Host: "router.lan", User: "a:b", Plain: true}, "a:b@api://router.lan:8728"},
		{"port", Config{Host: "router.lan", User: "admin", Port: 1}, "admin@api-ssl://router.lan:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPasswordIsNotPrinted: neither before the login nor after it, when the
// buffers of the session may hold it.
func TestPasswordIsNotPrinted(t *testing.T) {
	cfg := plainConfig(t, func(p *peer) {
		p.receive()
		p.send([]string{"!done"})
		for range 2 {
			p.send(done(p.expect("/ip/route/print")))
		}
		p.waitClosed()
	})
	cfg.Password = func() string { return secret }
	c := newClient(t, cfg)
	for range 2 {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if s := fmt.Sprintf(verb, c); strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s prints the password: %s", verb, s)
			}
		}
		if _, err := c.Routes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
