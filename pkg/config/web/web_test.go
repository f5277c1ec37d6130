package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
)

const bcrypt = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

// directory returns one with server.crt and server.key, valid and self-signed, and
// empty.pem.
func directory(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"server.crt": {Type: "CERTIFICATE", Bytes: cert}, "server.key": {Type: "PRIVATE KEY", Bytes: private}, "empty.pem": {}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// load loads a web configuration in dir; DIR in it stands for dir.
func load(tb testing.TB, dir, text string) (*File, error) {
	tb.Helper()
	path := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		tb.Fatal(err)
	}
	return Load(path)
}

const server = "tls_server_config:\n  cert_file: server.crt\n  key_file: DIR/server.key\n"

func TestLoad(t *testing.T) {
	dir := directory(t)
	type result struct {
		Protocols            []string
		Certificates         int
		ClientAuth           tls.ClientAuthType
		MinVersion           uint16
		Resumed              bool
		Users, Headers       map[string]string
		Burst                int
		RequestsPer10Seconds int
	}
	plain := result{}
	encrypted := result{Protocols: []string{"h2", "http/1.1"}, Certificates: 1, MinVersion: tls.VersionTLS12, Resumed: true}
	with := func(r result, f func(r *result)) result { f(&r); return r }
	for _, c := range []struct {
		name, text string
		want       result
	}{
		{"an empty file", "", plain},
		{"only a comment", "# nothing\n", plain},
		{"empty sections", "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\nrate_limit:\n", plain},
		{"users alone", "basic_auth_users: {alice: " + bcrypt + ", bob: '" + bcrypt + "'}", result{Users: map[string]string{"alice": bcrypt, "bob": bcrypt}}},
		{"TLS alone", server, encrypted},
		{"both", server + "basic_auth_users:\n  alice: " + bcrypt, with(encrypted, func(r *result) { r.Users = map[string]string{"alice": bcrypt} })},
		{"with client certificates", server + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.crt\n  min_version: TLS13\n",
			with(encrypted, func(r *result) {
				r.ClientAuth, r.MinVersion, r.Resumed = tls.RequireAndVerifyClientCert, tls.VersionTLS13, false
			})},
		{"without HTTP/2", server + "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n",
			with(encrypted, func(r *result) {
				r.Protocols, r.Headers = []string{"http/1.1"}, map[string]string{"X-Frame-Options": "deny"}
			})},
		{"a limit", "rate_limit: {burst: 3, interval: 100ms}", result{Burst: 3, RequestsPer10Seconds: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := load(t, dir, c.text)
			if err != nil {
				t.Fatal(err)
			}
			got := result{Headers: f.Headers}
			if len(f.Users) > 0 {
				got.Users = f.Users
			}
			if x := f.TLS; x != nil {
				got.Protocols, got.Certificates, got.ClientAuth, got.MinVersion, got.Resumed = x.NextProtos, len(x.Certificates), x.ClientAuth, x.MinVersion, !x.SessionTicketsDisabled
			}
			if f.Limit != nil {
				got.Burst, got.RequestsPer10Seconds = f.Limit.Burst(), int(10*f.Limit.Limit()+0.5)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := directory(t)
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "FILE:1: is not valid YAML"},
		{"a list", "- a", "FILE:1: must consist of keys and values"},
		{"two documents", "basic_auth_users:\n---\nbasic_auth_users:\n", "FILE:2: a second document begins here"},
		{"an unknown section", "tls_server: {}", "FILE:1: tls_server: unknown key; for what there is see https://"},
		{"an unknown key", server + "  certificate: a\n", "FILE:4: tls_server_config.certificate: unknown key"},
		{"an unknown key of HTTP", "http_server_config: {http3: true}", "FILE:1: http_server_config.http3: unknown key"},
		{"half a certificate", "basic_auth_users:\ntls_server_config:\n  cert_file: server.crt\n", "FILE: tls_server_config: missing one of key or key_file"},
		{"no certificate", "tls_server_config: {cert_file: none, key_file: server.key}", "FILE: tls_server_config: failed to read cert_file (DIR/none)"},
		{"another certificate", "tls_server_config: {cert_file: empty.pem, key_file: server.key}", "FILE: tls_server_config: failed to load X509KeyPair"},
		{"an unknown policy", server + "  client_auth_type: maybe\n", "FILE: tls_server_config: invalid ClientAuth: maybe"},
		{"authorities without a policy", server + "  client_ca_file: server.crt\n", "FILE: tls_server_config: client CA's have been configured without a Client Auth Policy"},
		{"an unknown cipher", server + "  cipher_suites: [ROT13]\n", "FILE: unknown cipher: ROT13"},
		{"a header that must not be set", "http_server_config: {headers: {Server: x}}", `FILE: HTTP header "Server" can not be configured`},
		{"a value of another kind", "rate_limit:\n  burst: hunter2\n", "FILE:2: cannot unmarshal !!str this: a value of another kind belongs here"},
		{"a section of another kind", "basic_auth_users: hunter2", "FILE:1: cannot unmarshal !!str this: a value of another kind"},
		{"a password that YAML takes for an alias", "basic_auth_users: {alice: *hunter2}", "FILE: is not valid YAML"},
		{"a password in clear", "basic_auth_users:\n  alice: hunter2\n", "FILE:2: basic_auth_users.alice: must be a bcrypt hash; print one with: htpasswd -nBC 10 alice"},
		{"a list of users", "basic_auth_users:\n  alice: [hunter2]\n", "FILE:2: basic_auth_users.alice: must be a bcrypt hash"},
		{"a hash of too little work", "basic_auth_users: {alice: '" + strings.Replace(bcrypt, "10", "03", 1) + "'}", "must be a bcrypt hash"},
		{"a user with a colon", "basic_auth_users: {'a:b': '" + bcrypt + "'}", `the user name "a:b" must not be empty or contain a colon`},
		{"a user without a name", "basic_auth_users: {'': '" + bcrypt + "'}", `the user name "" must not be empty`},
		{"a user twice", "basic_auth_users:\n  alice: " + bcrypt + "\n  alice: " + bcrypt + "\n", "FILE:3: basic_auth_users.alice: is set twice, the first time in line 2"},
		{"a key that is none", "? [a]\n: b\n", "a key must be a plain word"},
		{"a file without an end", strings.Repeat("# \n", 1<<19), "FILE: is larger than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, dir, c.text)
			var invalid *config.Error
			if !errors.As(err, &invalid) {
				t.Fatalf("%v", err)
			}
			got := strings.NewReplacer(filepath.Join(dir, "web.yml"), "FILE", dir, "DIR").Replace(err.Error())
			if !strings.Contains(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("the password is in: %s", got)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "none: cannot be read: no such file or directory") {
		t.Errorf("%v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "cannot be read: not a regular file but a directory") {
		t.Errorf("%v", err)
	}
}

// The certificate is the one that was loaded, whatever becomes of its file.
func TestCertificateIsKept(t *testing.T) {
	dir := directory(t)
	f, err := load(t, dir, server)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "server.crt")); err != nil {
		t.Fatal(err)
	}
	if f.TLS.GetCertificate != nil || len(f.TLS.Certificates) != 1 {
		t.Errorf("%+v", f.TLS)
	}
}

// FuzzLoad: a file is refused with an error that names it and repeats no password,
// or accepted and complete.
func FuzzLoad(f *testing.F) {
	f.Add(server + "basic_auth_users: {alice: " + bcrypt + "}")
	f.Add(server + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: server.crt\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n" +
		"  curve_preferences: [X25519]\n  max_version: TLS13\n  client_allowed_sans: [a]\nhttp_server_config:\n  headers: {Strict-Transport-Security: x}\nrate_limit: {burst: 1, interval: 1s}\n")
	f.Add("basic_auth_users: {alice: hunter2}")
	f.Add("basic_auth_users: *x")
	f.Add("a: &a\n  <<: *a")
	dir := directory(f)
	f.Fuzz(func(t *testing.T, text string) {
		w, err := load(t, dir, text)
		if err != nil {
			var invalid *config.Error
			if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "web.yml")+":") {
				t.Errorf("%v", err)
			}
			if strings.Contains(err.Error(), "hunter2") && strings.Count(text, "hunter2") == 1 && strings.Contains(text, "alice: hunter2") {
				t.Errorf("the password is in: %v", err)
			}
			return
		}
		if w.TLS != nil && (len(w.TLS.Certificates) != 1 || w.TLS.MinVersion == 0 || len(w.TLS.NextProtos) == 0) {
			t.Errorf("%+v", w.TLS)
		}
		for name, h := range w.Users {
			if name == "" || !hash.MatchString(h) {
				t.Errorf("user %q has %q", name, h)
			}
		}
	})
}
