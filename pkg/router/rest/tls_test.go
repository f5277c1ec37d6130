package rest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/routertest"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

func TestCertificates(t *testing.T) {
	now := time.Now()
	make := func(notBefore, notAfter time.Time, hosts ...string) *tls.Certificate {
		c, err := simrouter.SelfSigned("MikroTik", notBefore, notAfter, hosts...)
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	year := 365 * 24 * time.Hour
	good := make(now.Add(-year), now.Add(year), "127.0.0.1")
	expired := make(now.Add(-2*year), now.Add(-year), "127.0.0.1")
	future := make(now.Add(year), now.Add(2*year), "127.0.0.1")
	nameless := make(now.Add(-year), now.Add(year))

	trusted := func(c *tls.Certificate) *x509.CertPool {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(leaf)
		return pool
	}
	colons := func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i += 2 {
			if i > 0 {
				b.WriteByte(':')
			}
			b.WriteString(strings.ToUpper(s[i : i+2]))
		}
		return b.String()
	}
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		edit func(c *rest.Config, fingerprint string)
		want string // in the error; "" is success
	}{
		{"waived", expired, func(*rest.Config, string) {}, ""},
		{"pinned", good, func(c *rest.Config, sum string) { c.Fingerprint = sum }, ""},
		{"pinned with colons", good, func(c *rest.Config, sum string) { c.Fingerprint = colons(sum) }, ""},
		{"pinned and expired", expired, func(c *rest.Config, sum string) { c.Fingerprint = sum }, ""},
		{"pinned, clock at 1970", future, func(c *rest.Config, sum string) { c.Fingerprint = sum }, ""},
		{"pinned and nameless", nameless, func(c *rest.Config, sum string) { c.Fingerprint, c.Verify = sum, true }, ""},
		{"another one pinned", good, func(c *rest.Config, _ string) { c.Fingerprint = strings.Repeat("ab", 32) }, "not the pinned abab"},
		{"verified", good, func(c *rest.Config, _ string) { c.Verify, c.RootCAs = true, trusted(good) }, ""},
		{"verified, self-signed", good, func(c *rest.Config, _ string) { c.Verify = true }, "is not trusted"},
		{"verified, expired", expired, func(c *rest.Config, _ string) { c.Verify, c.RootCAs = true, trusted(expired) }, "expired"},
		{"verified, nameless", nameless, func(c *rest.Config, _ string) { c.Verify, c.RootCAs = true, trusted(nameless) }, "is not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := routertest.Start(t, simrouter.Config{Certificate: tt.cert})
			cfg := config(r)
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
			if n := r.Requests(); n != 0 {
				t.Errorf("%d requests, with the password in them, went to a stranger", n)
			}
		})
	}
}

// TestPinHoldsAfterReconnecting: a resumed TLS session must not get around the
// check.
func TestPinHoldsAfterReconnecting(t *testing.T) {
	r := routertest.Start(t, simrouter.Config{})
	cfg := config(r)
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
	if err := other.Start(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if _, err := c.Info(t.Context()); !errors.Is(err, router.ErrCertificate) {
		t.Errorf("another router in its place: %v", err)
	}
}
