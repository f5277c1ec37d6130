package ssh_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const passphrase = "correct-§-horse"

// privateKeys makes one of each type, once.
var privateKeys = sync.OnceValues(func() (map[string]any, error) {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	ec, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	old, err3 := rsa.GenerateKey(rand.Reader, 2048)
	return map[string]any{"ed25519": ed, "ecdsa": ec, "rsa": old}, errors.Join(err1, err2, err3)
})

// keyFile writes a private key; the public one goes to the router.
func keyFile(t testing.TB, kind, passphrase string, mode os.FileMode) (path string, public xssh.PublicKey) {
	t.Helper()
	keys, err := privateKeys()
	if err != nil {
		t.Fatal(err)
	}
	key := keys[kind]
	signer, err := xssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = xssh.MarshalPrivateKey(key, "")
	} else {
		block, err = xssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "id_"+kind, string(pem.EncodeToMemory(block)), mode), signer.PublicKey()
}

func file(t testing.TB, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func secret(s string) func() string { return func() string { return s } }

func TestKeys(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		for _, phrase := range []string{"", passphrase} {
			if testing.Short() && phrase != "" && kind != "ed25519" { // the race detector takes a minute over them
				continue
			}
			t.Run(fmt.Sprintf("%s, passphrase %v", kind, phrase != ""), func(t *testing.T) {
				path, public := keyFile(t, kind, phrase, 0o400)
				r := start(t, simrouter.Config{})
				r.AddSSHKey("admin", public)
				cfg := config(r)
				cfg.KeyFile, cfg.Passphrase = path, secret(phrase)
				if _, err := newClient(t, cfg).Info(t.Context()); err != nil {
					t.Error(err)
				}
				cfg.KeyFile = ""
				_, err := newClient(t, cfg).Info(t.Context())
				if !errors.Is(err, router.ErrAuth) || !strings.Contains(err.Error(), "a user with an imported key is refused a password") {
					t.Errorf("password beside an imported key: %v", err)
				}
			})
		}
	}
}

func TestKeyFilesAreChecked(t *testing.T) {
	good, public := keyFile(t, "ed25519", "", 0o600)
	locked, _ := keyFile(t, "ed25519", passphrase, 0o600)
	pub := file(t, "id.pub", string(xssh.MarshalAuthorizedKey(public)), 0o600)
	for _, tt := range []struct {
		name string
		edit func(c *ssh.Config)
		want []string // in the error; none is success
	}{
		{"good", func(c *ssh.Config) { c.KeyFile = good }, nil},
		{"absent", func(c *ssh.Config) { c.KeyFile = good + "x" }, []string{"router.ssh_key", good + "x", "no such file", "ssh-keygen -t ed25519 -f " + good + "x"}},
		{"group may read", func(c *ssh.Config) { c.KeyFile, _ = keyFile(t, "ed25519", "", 0o640) }, []string{"0640", "chmod 600 "}},
		{"world may read", func(c *ssh.Config) { c.KeyFile, _ = keyFile(t, "ed25519", "", 0o604) }, []string{"0604", "chmod 600 "}},
		{"executable", func(c *ssh.Config) { c.KeyFile, _ = keyFile(t, "ed25519", "", 0o700) }, []string{"0700", "chmod 600 "}},
		{"directory", func(c *ssh.Config) { c.KeyFile = filepath.Dir(good) }, []string{"router.ssh_key", "not a file"}},
		{"public key", func(c *ssh.Config) { c.KeyFile = pub }, []string{"public key", "without .pub"}},
		{"something else", func(c *ssh.Config) { c.KeyFile = file(t, "x", "hello", 0o600) }, []string{"no private key"}},
		{"endless", func(c *ssh.Config) { c.KeyFile = file(t, "x", strings.Repeat("x", 1<<17), 0o600) }, []string{"too large"}},
		{"locked", func(c *ssh.Config) { c.KeyFile = locked }, []string{"has a passphrase", "WANCTL_SSH_PASSPHRASE"}},
		{"wrong passphrase", func(c *ssh.Config) { c.KeyFile, c.Passphrase = locked, secret("nope") }, []string{"WANCTL_SSH_PASSPHRASE", "is wrong"}},
		{"no host", func(c *ssh.Config) { c.Host = "" }, []string{"router.host"}},
		{"host is an option", func(c *ssh.Config) { c.Host = "-oProxyCommand=x" }, []string{"router.host"}},
		{"no user", func(c *ssh.Config) { c.User = "" }, []string{"router.user"}},
		{"port", func(c *ssh.Config) { c.Port = 65536 }, []string{"router.port"}},
		{"MD5 fingerprint", func(c *ssh.Config) { c.Fingerprint = "MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff" }, []string{"router.ssh_fingerprint", "SHA256:"}},
		{"short fingerprint", func(c *ssh.Config) { c.Fingerprint = "SHA256:abcd" }, []string{"router.ssh_fingerprint"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := ssh.Config{Host: "192.0.2.1", User: "admin"}
			tt.edit(&cfg)
			_, err := ssh.New(cfg)
			if err == nil != (tt.want == nil) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
		})
	}
}

func TestLogin(t *testing.T) {
	wrong := func(c *ssh.Config) { c.Password = secret("hunter2") }
	stranger, _ := keyFile(t, "ecdsa", "", 0o600)
	mine, public := keyFile(t, "ed25519", "", 0o600)
	for _, tt := range []struct {
		name     string
		quirks   simrouter.SSHQuirks
		edit     func(*ssh.Config)
		want     []string // in the error; none is success
		failures int      // as the router counts them
	}{
		{"empty password", simrouter.SSHQuirks{}, nil, nil, 0},
		{"keyboard alone", simrouter.SSHQuirks{NoPassword: true}, nil, nil, 0},
		{"password alone", simrouter.SSHQuirks{NoInteractive: true}, nil, nil, 0},
		{"wrong password", simrouter.SSHQuirks{}, wrong, []string{`"admin"`, "router.password", "policy ssh"}, 1},
		{"wrong password at the keyboard", simrouter.SSHQuirks{NoPassword: true}, wrong, []string{"router.password"}, 1},
		{"strange key", simrouter.SSHQuirks{}, func(c *ssh.Config) { c.KeyFile = stranger }, []string{"router.ssh_key", "/user ssh-keys print"}, 0},
		{"strange key, wrong password", simrouter.SSHQuirks{}, func(c *ssh.Config) { c.KeyFile = stranger; wrong(c) }, []string{"router.ssh_key and router.password"}, 1},
		{"strange key, right password", simrouter.SSHQuirks{}, func(c *ssh.Config) { c.User, c.KeyFile, c.Password = "wanctl", stranger, secret("wanctl") }, nil, 0},
		{"key", simrouter.SSHQuirks{}, func(c *ssh.Config) { c.User, c.KeyFile = "keyed", mine }, nil, 0},
		{"key, and a password that is wrong", simrouter.SSHQuirks{}, func(c *ssh.Config) { c.User, c.KeyFile = "keyed", mine; wrong(c) }, nil, 0},
		{"expired password", simrouter.SSHQuirks{Expired: "admin"}, func(c *ssh.Config) { c.Timeout = 5 * soon }, []string{"for a new password", "by hand"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, simrouter.Config{Quirks: simrouter.Quirks{SSH: tt.quirks}})
			if err := r.State().AddUser("keyed", "x", "read", "ssh"); err != nil {
				t.Fatal(err)
			}
			r.AddSSHKey("keyed", public)
			cfg := config(r)
			if tt.edit != nil {
				tt.edit(&cfg)
			}
			_, err := newClient(t, cfg).Info(t.Context())
			if tt.want == nil && err != nil {
				t.Error(err)
			}
			if tt.want != nil && !errors.Is(err, router.ErrAuth) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("error lacks %q, or has the password: %v", w, err)
				}
			}
			if n := r.Counts().LoginFailures; n != tt.failures {
				t.Errorf("%d failed logins in the router's log, want %d", n, tt.failures)
			}
		})
	}
}

// TestLegacy: RouterOS 6 needs what is off unless it is asked for.
func TestLegacy(t *testing.T) {
	r := start(t, simrouter.Config{Version: "6.49.10", Quirks: simrouter.Quirks{SSH: simrouter.SSHQuirks{Legacy: true}}})
	path, public := keyFile(t, "rsa", "", 0o600)
	r.AddSSHKey("admin", public)
	cfg := config(r)
	cfg.KeyFile = path
	_, err := newClient(t, cfg).Info(t.Context())
	if !errors.Is(err, router.ErrUnreachable) || !strings.Contains(err.Error(), "router.ssh_legacy: true") {
		t.Errorf("without legacy: %v", err)
	}
	cfg.Legacy = true
	if _, err := newClient(t, cfg).Info(t.Context()); err != nil {
		t.Errorf("with legacy: %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	path, _ := keyFile(t, "ed25519", passphrase, 0o600)
	c, err := ssh.New(ssh.Config{Host: "::1", User: "admin", Password: secret("hunter2"), KeyFile: path, Passphrase: secret(passphrase)})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		s := fmt.Sprintf(verb, c)
		for _, word := range []string{"hunter2", passphrase} {
			if strings.Contains(s, word) || strings.Contains(s, fmt.Sprintf("%x", word)) {
				t.Errorf("%s prints %q: %s", verb, word, s)
			}
		}
	}
	if got, want := c.String(), "admin@ssh://[::1]:22"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
