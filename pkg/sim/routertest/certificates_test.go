package routertest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// TestCertificates: which servers the client of a service with TLS trusts. It sends no
// password to another.
func TestCertificates(t *testing.T) {
	for _, tls := range []struct {
		service simrouter.Service
		client  func(rosconn.Access) (*rosclient.Client, error)
	}{{simrouter.WWWSSL, rest.New}, {simrouter.APISSL, api.New}} {
		connect := func(t *testing.T, r *simrouter.Router, edit func(a *rosconn.Access)) router.Client {
			access := options{user: "admin", timeout: 10 * time.Second}.access(r, tls.service)
			edit(&access)
			c, err := tls.client(access)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		t.Run(string(tls.service), func(t *testing.T) {
			t.Run("trust", func(t *testing.T) { trust(t, tls.service, connect) })
			t.Run("the pin holds after reconnecting", func(t *testing.T) { pinHolds(t, tls.service, connect) })
		})
	}
}

type connector func(t *testing.T, r *simrouter.Router, edit func(a *rosconn.Access)) router.Client

func trust(t *testing.T, service simrouter.Service, connect connector) {
	now, year := time.Now(), 365*24*time.Hour
	certificate := func(notBefore, notAfter time.Time, hosts ...string) *tls.Certificate {
		c, err := simrouter.SelfSigned("MikroTik", notBefore, notAfter, hosts...)
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	good := certificate(now.Add(-year), now.Add(year), "127.0.0.1")
	expired := certificate(now.Add(-2*year), now.Add(-year), "127.0.0.1")
	future := certificate(now.Add(year), now.Add(2*year), "127.0.0.1")
	nameless := certificate(now.Add(-year), now.Add(year))

	pool := func(c *tls.Certificate) *x509.CertPool {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(leaf)
		return pool
	}
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		edit func(a *rosconn.Access, fingerprint string)
		want string // in the error; "" is success
	}{
		{"waived", expired, func(*rosconn.Access, string) {}, ""},
		{"pinned", good, func(a *rosconn.Access, sum string) { a.Fingerprint = sum }, ""},
		{"pinned with colons", good, func(a *rosconn.Access, sum string) { a.Fingerprint = colons(sum) }, ""},
		{"pinned and expired", expired, func(a *rosconn.Access, sum string) { a.Fingerprint = sum }, ""},
		{"pinned in capitals, expired, to be verified", expired, func(a *rosconn.Access, sum string) { a.Fingerprint, a.Verify = strings.ToUpper(sum), true }, ""},
		{"pinned, clock at 1970", future, func(a *rosconn.Access, sum string) { a.Fingerprint = sum }, ""},
		{"pinned and nameless", nameless, func(a *rosconn.Access, sum string) { a.Fingerprint, a.Verify = sum, true }, ""},
		{"another one pinned", good, func(a *rosconn.Access, _ string) { a.Fingerprint = strings.Repeat("ab", 32) }, "not the pinned abab"},
		{"verified", good, func(a *rosconn.Access, _ string) { a.Verify, a.RootCAs = true, pool(good) }, ""},
		{"verified, unknown issuer", good, func(a *rosconn.Access, _ string) { a.Verify = true }, "is not trusted"},
		{"verified, expired", expired, func(a *rosconn.Access, _ string) { a.Verify, a.RootCAs = true, pool(expired) }, "expired"},
		{"verified, nameless", nameless, func(a *rosconn.Access, _ string) { a.Verify, a.RootCAs = true, pool(nameless) }, "is not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := StartService(t, service, simrouter.Config{Certificate: tt.cert})
			c := connect(t, r, func(a *rosconn.Access) { tt.edit(a, r.Fingerprint()) })
			_, err := c.Info(t.Context())
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
			if n := r.Counts(); n.Logins+n.LoginFailures+n.Requests != 0 {
				t.Errorf("an untrusted server got a login or a request: %+v", n)
			}
		})
	}
}

// pinHolds tests that a resumed TLS session does not bypass the check.
func pinHolds(t *testing.T, service simrouter.Service, connect connector) {
	r := StartService(t, service, simrouter.Config{})
	c := connect(t, r, func(a *rosconn.Access) { a.Fingerprint = r.Fingerprint() })
	for range 3 {
		if _, err := c.Info(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.DropConnections()
	}
	addr := r.AddrOf(service)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.StartService(t.Context(), service, addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if _, err := c.Info(t.Context()); !errors.Is(err, router.ErrCertificate) {
		t.Errorf("another router in its place: %v", err)
	}
}

// colons returns a fingerprint in the form of RouterOS and openssl.
func colons(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(s[i : i+2]))
	}
	return b.String()
}
