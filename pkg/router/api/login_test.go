package api

import (
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

const secret = "hunter2-=-secret"

func TestOldLogin(t *testing.T) {
	challenge := strings.Repeat("\x01\xfe", 8)
	cfg := plainConfig(t, func(p *peer) {
		p.expect("/login =name=admin =password=" + secret)
		p.send([]string{"!done", fmt.Sprintf("=ret=%x", challenge)})
		p.expect(fmt.Sprintf("/login =name=admin =response=00%x", md5.Sum([]byte("\x00"+secret+challenge))))
		p.send([]string{"!done"})
		p.send(done(p.expect("/ip/route/print")))
		p.expect("/quit")
	})
	cfg.Password = func() string { return secret }
	c := newClient(t, cfg)
	if _, err := c.Routes(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefusedLogin(t *testing.T) {
	trap := func(message string) func(p *peer) {
		return func(p *peer) { p.send([]string{"!trap", "=message=" + message}, []string{"!done"}) }
	}
	for _, tt := range []struct {
		name   string
		answer func(p *peer)
		class  error
		want   string
	}{
		{"wrong password", trap("invalid user name or password (6)"), router.ErrAuth, `"invalid user name or password (6)"; check router.user and router.password, that the user is not disabled, that the user's group has the policy api`},
		{"wrong password before 6.43", trap("cannot log in"), router.ErrAuth, "router.password"},
		{"in words nobody has seen", trap("go away"), router.ErrAuth, `login refused for "admin": it says "go away"`},
		{"timed out", trap("action timed out - try again (13)"), router.ErrUnreachable, "action timed out"},
		{"response refused", func(p *peer) {
			p.send([]string{"!done", "=ret=00ff"})
			p.receive()
			trap("cannot log in")(p)
		}, router.ErrAuth, "cannot log in"},
		{"too many tries", func(p *peer) { p.send([]string{"!fatal", "too many commands before login"}) }, router.ErrUnreachable, "too many commands before login"},
		{"not logged in", func(p *peer) { p.send([]string{"!fatal", "not logged in"}) }, router.ErrAuth, "not logged in"},
		{"challenge that is none", func(p *peer) { p.send([]string{"!done", "=ret=" + strings.Repeat("zz", 300)}) }, router.ErrUnreachable, "something else"},
		{"closed", func(*peer) {}, router.ErrUnreachable, "a TLS port does this: remove tls: false"},
		{"closed in the middle", func(p *peer) { p.raw("\x05!do") }, router.ErrUnreachable, "connection lost while logging in"},
		{"not a reply", func(p *peer) { p.send([]string{"/login"}) }, router.ErrUnreachable, "is this the port of api"},
		{"control byte", func(p *peer) { p.raw("\xff\xfd\x18\xff\xfb\x01") }, router.ErrUnreachable, "control byte 0xFF"},
		{"huge word", func(p *peer) { p.raw("\xf0\xff\xff\xff\xff") }, router.ErrUnreachable, "4294967295 bytes"},
		{"TLS alert", func(p *peer) { p.raw("\x15\x03\x01\x00\x02\x02\x46") }, router.ErrUnreachable, "speaks TLS, not the API; remove tls: false"},
		{"HTTP", func(p *peer) { p.raw("HTTP/1.1 400 Bad Request\r\n\r\n") }, router.ErrUnreachable, "speaks HTTP, not the API; use the port of api (router.port)"},
		{"SSH", func(p *peer) { p.raw("SSH-2.0-ROSSSH\r\n"); p.waitClosed() }, router.ErrUnreachable, "speaks SSH"},
		{"silence", func(p *peer) { p.waitClosed() }, router.ErrUnreachable, "did not answer the login; is it starting or overloaded, or is this not the port of api"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := plainConfig(t, func(p *peer) {
				p.receive()
				tt.answer(p)
			})
			cfg.Password = func() string { return secret }
			if tt.name == "silence" {
				cfg.Timeout = time.Second
			}
			_, err := newClient(t, cfg).Info(t.Context())
			if !errors.Is(err, tt.class) {
				t.Fatalf("class of %.300v is not %v", err, tt.class)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("router %s:%d: ", cfg.Host, cfg.Port)) {
				t.Errorf("error lacks %q: %v", tt.want, err)
			}
			if strings.Contains(err.Error(), secret) || len(err.Error()) > 500 {
				t.Errorf("error of %d bytes: %v", len(err.Error()), err)
			}
		})
	}
}
