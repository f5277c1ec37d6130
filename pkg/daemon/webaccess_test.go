package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// keyPair writes NAME.crt and NAME.key, self-signed, into dir and returns them.
func keyPair(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	writeFile(t, filepath.Join(dir, name+".crt"), string(certPEM))
	writeFile(t, filepath.Join(dir, name+".key"), string(keyPEM))
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A listener admits the clients whose certificates the web configuration trusts now:
// neither another one nor one that was trusted before.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	keyPair(t, dir, "server")
	alice, bob := keyPair(t, dir, "alice"), keyPair(t, dir, "bob")
	path := filepath.Join(dir, "web.yml")
	trust := func(name string) {
		writeFile(t, path, "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: "+name+".crt\n")
	}
	trust("alice")
	access := NewWebAccess(path)
	if err := access.Load(nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(access.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	server.TLS = access.TLS()
	server.StartTLS()
	t.Cleanup(server.Close)
	client := func(certs ...tls.Certificate) func() bool {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true, Certificates: certs, ClientSessionCache: tls.NewLRUClientSessionCache(1), //nolint:gosec // the server's certificate is not what is tested
		}}
		return func() bool {
			resp, err := (&http.Client{Transport: transport}).Get(server.URL)
			if err != nil {
				return false
			}
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		}
	}
	nobody, a, b := client(), client(alice), client(bob)
	for _, stage := range []struct {
		trusted   string
		wantA     bool
		wantB     bool
		wantError bool
	}{{"alice", true, false, false}, {"bob", false, true, false}, {"none", false, true, true}} {
		trust(stage.trusted)
		if err := access.Load(nil); (err != nil) != stage.wantError {
			t.Errorf("%s: %v", stage.trusted, err)
		}
		for range 2 { // the second time a session could be resumed
			if nobody() || a() != stage.wantA || b() != stage.wantB {
				t.Errorf("with %s: nobody %v, alice %v, bob %v", stage.trusted, nobody(), a(), b())
			}
		}
	}
}
