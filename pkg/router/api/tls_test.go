package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/routertest"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

func certificate(t *testing.T, notAfter time.Time, hosts ...string) *tls.Certificate {
	t.Helper()
	c, err := simrouter.SelfSigned("MikroTik", notAfter.AddDate(-2, 0, 0), notAfter, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// TestCertificates: no login, with the password in it, goes to a stranger.
func TestCertificates(t *testing.T) {
	good := certificate(t, time.Now().AddDate(1, 0, 0), "127.0.0.1")
	expired := certificate(t, time.Now().AddDate(-1, 0, 0))
	leaf, err := x509.ParseCertificate(good.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		edit func(c *Config, fingerprint string)
		want string // in the error; "" is success
	}{
		{"waived", expired, func(*Config, string) {}, ""},
		{"pinned", expired, func(c *Config, sum string) { c.Fingerprint, c.Verify = strings.ToUpper(sum), true }, ""},
		{"another one pinned", good, func(c *Config, _ string) { c.Fingerprint = strings.Repeat("ab", 32) }, "not the pinned abab"},
		{"verified", good, func(c *Config, _ string) { c.Verify, c.RootCAs = true, roots }, ""},
		{"verified, of nobody known", good, func(c *Config, _ string) { c.Verify = true }, "is not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := routertest.StartService(t, simrouter.APISSL, simrouter.Config{Certificate: tt.cert})
			cfg := config(r, simrouter.APISSL)
			tt.edit(&cfg, r.Fingerprint())
			_, err := newClient(t, cfg).Info(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, router.ErrCertificate) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range []string{tt.want, "router.tls_fingerprint: " + r.Fingerprint()} {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
			if c := r.Counts(); c.Logins+c.LoginFailures+c.Requests != 0 {
				t.Errorf("a stranger was talked to: %+v", c)
			}
		})
	}
}

// TestPinHoldsAfterReconnecting: a resumed TLS session must not get around the
// check.
func TestPinHoldsAfterReconnecting(t *testing.T) {
	r := routertest.StartService(t, simrouter.APISSL, simrouter.Config{})
	cfg := config(r, simrouter.APISSL)
	cfg.Fingerprint = r.Fingerprint()
	c := newClient(t, cfg)
	for range 3 {
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.DropConnections()
	}
	addr := r.Addr()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.StartService(t.Context(), simrouter.APISSL, addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if _, err := c.Info(t.Context()); !errors.Is(err, router.ErrCertificate) {
		t.Errorf("another router in its place: %v", err)
	}
}
