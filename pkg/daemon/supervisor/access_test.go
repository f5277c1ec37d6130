package supervisor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"
)

func hashed(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestAccess(t *testing.T) {
	a := NewAccess()
	ask := func(user, password string) int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if user != "" || password != "" {
			r.SetBasicAuth(user, password)
		}
		w := httptest.NewRecorder()
		a.Require(hello).ServeHTTP(w, r)
		if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
			t.Error("a browser is not asked for a password")
		}
		return w.Code
	}
	if a.Closed() || ask("", "") != 200 {
		t.Error("not open at the start")
	}
	a.Set(Protection{Users: map[string]string{"alice": hashed(t, "secret"), "bob": hashed(t, "other")}})
	for _, c := range []struct {
		name, user, password string
		want                 int
	}{
		{"the right one", "alice", "secret", 200},
		{"the other one", "bob", "other", 200},
		{"none", "", "", 401},
		{"a wrong one", "alice", "wrong", 401},
		{"that of somebody else", "alice", "other", 401},
		{"nobody's", "carol", "secret", 401},
		{"of no name", "", "secret", 401},
	} {
		for _, again := range []string{"", ", remembered"} {
			t.Run(c.name+again, func(t *testing.T) {
				if got := ask(c.user, c.password); got != c.want {
					t.Errorf("%d, want %d", got, c.want)
				}
			})
		}
	}
	// A new password is in force at once, and the old one no more.
	a.Set(Protection{Users: map[string]string{"alice": hashed(t, "new")}})
	for password, want := range map[string]int{"new": 200, "secret": 401} {
		if got := ask("alice", password); got != want {
			t.Errorf("after the change %s: %d, want %d", password, got, want)
		}
	}
	if ask("bob", "other") != 401 {
		t.Error("a user who was removed is let in")
	}
	// Guessing does not push the right one out, nor grow without end.
	for i := range 2 * maxKnown {
		a.remember([32]byte{byte(i), byte(i >> 8), 1}, false)
	}
	if len(a.known) > maxKnown {
		t.Errorf("%d passwords remembered", len(a.known))
	}
	key := a.key("alice", a.now.Load().Users["alice"], "new")
	if !a.known[key] {
		t.Error("the right password was forgotten for wrong ones")
	}
}

// Limits and headers hold for everybody, with or without a password.
func TestLimitAndHeaders(t *testing.T) {
	a := NewAccess()
	a.Set(Protection{
		Users: map[string]string{"alice": hashed(t, "secret")}, Headers: map[string]string{"X-Frame-Options": "deny"},
		Limit: rate.NewLimiter(rate.Every(time.Hour), 2),
	})
	var got []int
	for range 4 {
		w := httptest.NewRecorder()
		a.Require(hello).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code == 401 && w.Header().Get("X-Frame-Options") != "deny" {
			t.Errorf("headers %v", w.Header())
		}
		got = append(got, w.Code)
	}
	if want := []int{401, 401, 429, 429}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Who must show a certificate that is verified needs no password.
func TestClosed(t *testing.T) {
	for _, c := range []struct {
		auth tls.ClientAuthType
		want bool
	}{
		{tls.NoClientCert, false}, {tls.RequireAnyClientCert, false}, {tls.VerifyClientCertIfGiven, false}, {tls.RequireAndVerifyClientCert, true},
	} {
		if got := (Protection{TLS: &tls.Config{ClientAuth: c.auth}}).Closed(); got != c.want { //nolint:gosec // not used
			t.Errorf("%v: %v", c.auth, got)
		}
	}
}

// What was found out of one name that is nobody's does not quicken the answer
// to another: names that share a hash would be told from those of users.
func TestUnknownNamesAreNotCached(t *testing.T) {
	a := NewAccess()
	users := map[string]string{"alice": hashed(t, "secret"), "bob": hashed(t, "other")}
	for i, name := range []string{"carol", "dave", "alice", "bob"} {
		if a.allows(t.Context(), users, name, "guess") {
			t.Fatalf("%s is let in", name)
		}
		if len(a.known) != i+1 {
			t.Errorf("%s was answered from memory", name)
		}
	}
}

// encrypted returns a configuration with a self-signed certificate for 127.0.0.1.
func encrypted(t *testing.T, serial int64) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
	}
}

func TestTLSFollowsTheCertificate(t *testing.T) {
	a := NewAccess()
	if a.Encrypted() || a.TLS() != nil {
		t.Error("TLS without a certificate")
	}
	a.Set(Protection{TLS: encrypted(t, 1)})
	s := NewHTTPServer("serve", "127.0.0.1:0", "--listen", hello, nil)
	s.UseTLS(func() (*tls.Config, error) { return a.TLS(), nil })
	running(t, s)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is what is looked at
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	a.Set(Protection{TLS: encrypted(t, 2)})
	if got := serial(); got != 2 {
		t.Errorf("certificate %d after the reload", got)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // self-signed
	resp, err := client.Get("https://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if body, err := get(t, s.Addr().String()); err != nil || body == "hello" {
		t.Errorf("without TLS: %q, %v", body, err)
	}
}

// One connection of HTTP/2 carries many requests: they are bounded, too.
func TestStreamsAreBounded(t *testing.T) {
	a := NewAccess()
	a.Set(Protection{TLS: encrypted(t, 1)})
	var mu sync.Mutex
	at, most := map[string]int{}, 0
	s := NewHTTPServer("serve", "127.0.0.1:0", "--listen", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s", r.Proto)
		}
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			at[r.RemoteAddr] += n
			most = max(most, at[r.RemoteAddr])
		}
		count(1)
		defer count(-1)
		time.Sleep(50 * time.Millisecond) // others come meanwhile
	}), nil)
	s.UseTLS(func() (*tls.Config, error) { return a.TLS(), nil })
	stop := running(t, s)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // self-signed
	client := &http.Client{Transport: transport}
	var wg sync.WaitGroup
	for range 4 * maxStreams {
		wg.Go(func() {
			resp, err := client.Get("https://" + s.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	wg.Wait()
	transport.CloseIdleConnections()
	stop()
	mu.Lock() // a handler may outlive its connection by a moment
	defer mu.Unlock()
	if most > maxStreams || most < 2 {
		t.Errorf("%d at once on one connection", most)
	}
}
