package ssh_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// otherKey is the key of nobody.
func otherKey(t *testing.T, kind string) xssh.PublicKey {
	_, public := keyFile(t, kind, "", 0o600)
	return public
}

func TestKnownHosts(t *testing.T) {
	r := start(t, simrouter.Config{}) // has an ed25519 key
	host, port := r.HostPortOf(simrouter.SSH)
	addr := "[" + host + "]:" + strconv.Itoa(port)
	right, seen := r.SSHHostKey(), r.SSHFingerprint()
	line := func(host string, key xssh.PublicKey) string { return knownhosts.Line([]string{host}, key) + "\n" }
	for _, tt := range []struct {
		name    string
		content string
		want    []string // in the error; none is success
	}{
		{"plain", line(addr, right), nil},
		{"hashed", line(knownhosts.HashHostname(addr), right), nil},
		{"among others", "# comment\n\n" + line("192.0.2.9", otherKey(t, "rsa")) + line(addr, otherKey(t, "rsa")) + line(addr, right), nil},
		{"old key and new key", line(addr, otherKey(t, "ed25519")) + line(addr, right), nil},
		{"empty", "", []string{"not known yet", seen, "router.ssh_fingerprint: " + seen, "ssh-keyscan -p " + strconv.Itoa(port) + " " + host + " >> "}},
		{"known on another port", line(host, right), []string{"not known yet"}},
		{"changed", "\n" + line(addr, otherKey(t, "ed25519")), []string{"HOST KEY HAS CHANGED", "line 2 has " + xssh.FingerprintSHA256(otherKey(t, "ed25519")), seen, "ssh-keygen -R '" + addr + "'"}},
		{"changed, hashed", line(knownhosts.HashHostname(addr), otherKey(t, "ed25519")), []string{"HOST KEY HAS CHANGED", "line 1"}},
		{"changed to another type", line(addr, otherKey(t, "rsa")), []string{"HOST KEY HAS CHANGED", "(ssh-ed25519)", "(ssh-rsa)"}},
		{"revoked", "@revoked * " + string(xssh.MarshalAuthorizedKey(right)), []string{"line 1 revokes"}},
		{"nonsense", line(addr, right) + "what is this\n", []string{":2: ", "correct that file", "router.known_hosts"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(r)
			cfg.Fingerprint, cfg.KnownHosts = "", file(t, "known_hosts", tt.content, 0o644)
			before := r.Requests()
			_, err := newClient(t, cfg).Info(t.Context())
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if tt.name != "nonsense" {
				tt.want = append(tt.want, cfg.KnownHosts)
			}
			wantDistrust(t, r, before, err, tt.want...)
		})
	}
}

// A pipe would keep the client waiting, and a device has no end.
func TestKnownHostsOfNoFile(t *testing.T) {
	r := start(t, simrouter.Config{})
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		cfg := config(r)
		cfg.Fingerprint, cfg.KnownHosts = "", path
		before := r.Requests()
		_, err := newClient(t, cfg).Info(t.Context())
		wantDistrust(t, r, before, err, path+": not a regular file", "router.known_hosts")
	}
}

func wantDistrust(t *testing.T, r *simrouter.Router, before int, err error, want ...string) {
	t.Helper()
	if !errors.Is(err, router.ErrCertificate) {
		t.Fatalf("error is %v", err)
	}
	for _, w := range want {
		if w != "" && !strings.Contains(err.Error(), w) {
			t.Errorf("error lacks %q: %v", w, err)
		}
	}
	if n := r.Counts().LoginFailures + r.Counts().Requests; n != before {
		t.Error("a login went to a stranger")
	}
}

// TestKnownHostsMayComeLater: what a person adds to the file counts at once.
func TestKnownHostsMayComeLater(t *testing.T) {
	r := start(t, simrouter.Config{})
	host, port := r.HostPortOf(simrouter.SSH)
	cfg := config(r)
	cfg.Fingerprint, cfg.KnownHosts = "", filepath.Join(t.TempDir(), "known_hosts")
	c := newClient(t, cfg)
	_, err := c.Info(t.Context())
	wantDistrust(t, r, 0, err, "not known yet", ">> "+cfg.KnownHosts)
	line := knownhosts.Line([]string{"[" + host + "]:" + strconv.Itoa(port)}, r.SSHHostKey())
	if err := os.WriteFile(cfg.KnownHosts, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.ChangeSSHHostKey("rsa"); err != nil {
		t.Fatal(err)
	}
	r.DropConnections()
	if _, err := c.Info(t.Context()); !errors.Is(err, router.ErrCertificate) || !strings.Contains(err.Error(), "HAS CHANGED") {
		t.Errorf("another router in its place: %v", err)
	}
}

// TestUsualFiles: without a name, the files of OpenSSH are meant.
func TestUsualFiles(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	r := start(t, simrouter.Config{})
	host, port := r.HostPortOf(simrouter.SSH)
	cfg := config(r)
	cfg.Fingerprint = ""
	path := filepath.Join(home, ".ssh", "known_hosts")
	_, err := newClient(t, cfg).Info(t.Context())
	wantDistrust(t, r, 0, err, ">> "+path)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	line := knownhosts.Line([]string{"[" + host + "]:" + strconv.Itoa(port)}, r.SSHHostKey())
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newClient(t, cfg).Info(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPinnedKey(t *testing.T) {
	for _, kind := range []string{"rsa", "ed25519"} {
		t.Run(kind, func(t *testing.T) {
			r := start(t, simrouter.Config{Quirks: simrouter.Quirks{SSH: simrouter.SSHQuirks{HostKey: kind}}})
			sum := sha256.Sum256(r.SSHHostKey().Marshal())
			digits := hex.EncodeToString(sum[:])
			for name, pin := range map[string]string{
				"as ssh-keygen writes it": r.SSHFingerprint(), "padded": r.SSHFingerprint() + "=", "without a prefix": strings.TrimPrefix(r.SSHFingerprint(), "SHA256:"),
				"hex": digits, "HEX with colons": "SHA256:" + strings.ToUpper(digits[:2]+":"+digits[2:]),
			} {
				cfg := config(r)
				cfg.Fingerprint = pin
				cfg.KnownHosts = file(t, "known_hosts", "nonsense that is not looked at", 0o600)
				c := newClient(t, cfg)
				for range 2 {
					if _, err := c.Info(t.Context()); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					r.DropConnections()
				}
			}
		})
	}
	r := start(t, simrouter.Config{})
	cfg := config(r)
	cfg.Fingerprint = xssh.FingerprintSHA256(otherKey(t, "ed25519"))
	_, err := newClient(t, cfg).Info(t.Context())
	wantDistrust(t, r, 0, err, "not the pinned "+cfg.Fingerprint, "router.ssh_fingerprint: "+r.SSHFingerprint())
}

// TestSeveralHostKeys: a server that has keys of several types shows one of
// them; the right one is found whichever it is, and found at once next time.
func TestSeveralHostKeys(t *testing.T) {
	s := serve(t, nil, "ed25519", "ecdsa", "rsa")
	for i, kind := range s.kinds {
		t.Run(kind, func(t *testing.T) {
			for name, edit := range map[string]func(*ssh.Config){
				"pinned": func(c *ssh.Config) { c.Fingerprint = xssh.FingerprintSHA256(s.keys[i]) },
				"known": func(c *ssh.Config) {
					c.KnownHosts = file(t, "known_hosts", knownhosts.Line([]string{knownhosts.Normalize(s.addr)}, s.keys[i])+"\n", 0o600)
				},
			} {
				cfg := s.config()
				cfg.Fingerprint = ""
				edit(&cfg)
				c := newClient(t, cfg)
				for again := range 2 {
					before := s.connections.Load()
					if _, err := c.QueueTypes(t.Context()); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if n := int(s.connections.Load() - before); n > i+1 || again > 0 && n > 1 || name == "known" && n > 1 {
						t.Errorf("%s: took %d connections", name, n)
					}
					s.drop()
				}
			}
		})
	}
	cfg := s.config()
	cfg.Fingerprint = "SHA256:" + strings.Repeat("A", 43)
	before := s.connections.Load()
	_, err := newClient(t, cfg).QueueTypes(t.Context())
	if !errors.Is(err, router.ErrCertificate) || s.connections.Load()-before > 4 {
		t.Errorf("none is right: %v after %d connections", err, s.connections.Load()-before)
	}
}
