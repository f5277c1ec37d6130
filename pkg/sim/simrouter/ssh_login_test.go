package simrouter

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

func newKey(t *testing.T, old bool) (ssh.Signer, crypto.PrivateKey) {
	t.Helper()
	var private crypto.PrivateKey
	var err error
	if old {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s, private
}

func interactive(password string) ssh.AuthMethod {
	return ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
		answers := make([]string, len(questions))
		for i := range answers {
			answers[i] = password
		}
		return answers, nil
	})
}

func TestSSHLogins(t *testing.T) {
	key, _ := newKey(t, false)
	stranger, _ := newKey(t, false)
	good := ssh.Password("pass word")
	for _, tt := range []struct {
		name, user string
		quirks     SSHQuirks
		keyed      bool
		auth       []ssh.AuthMethod
		ok         bool
	}{
		{"password", "cli", SSHQuirks{}, false, []ssh.AuthMethod{good}, true},
		{"interactive", "cli", SSHQuirks{}, false, []ssh.AuthMethod{interactive("pass word")}, true},
		{"suffix", "cli+cet512w4096h", SSHQuirks{}, false, []ssh.AuthMethod{good}, true},
		{"wrong password", "cli", SSHQuirks{}, false, []ssh.AuthMethod{ssh.Password("x")}, false},
		{"wrong interactive", "cli", SSHQuirks{}, false, []ssh.AuthMethod{interactive("x")}, false},
		{"unknown user", "nope", SSHQuirks{}, false, []ssh.AuthMethod{good}, false},
		{"no policy", "reader", SSHQuirks{}, false, []ssh.AuthMethod{ssh.Password("r")}, false},
		{"empty password", "admin", SSHQuirks{}, false, []ssh.AuthMethod{ssh.Password("")}, true},
		{"key", "cli", SSHQuirks{}, true, []ssh.AuthMethod{ssh.PublicKeys(key)}, true},
		{"key of nobody", "cli", SSHQuirks{}, true, []ssh.AuthMethod{ssh.PublicKeys(stranger)}, false},
		{"key among others", "cli", SSHQuirks{}, true, []ssh.AuthMethod{ssh.PublicKeys(stranger, key)}, true},
		{"password beside a key", "cli", SSHQuirks{}, true, []ssh.AuthMethod{good}, false},
		{"password beside a key where allowed", "cli", SSHQuirks{PasswordBesideKey: true}, true, []ssh.AuthMethod{good}, true},
		{"no such method", "cli", SSHQuirks{NoPassword: true}, false, []ssh.AuthMethod{good}, false},
		{"the other method", "cli", SSHQuirks{NoPassword: true}, false, []ssh.AuthMethod{good, interactive("pass word")}, true},
		{"the other way round", "cli", SSHQuirks{NoInteractive: true}, false, []ssh.AuthMethod{interactive("pass word")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startSSH(t, Config{Quirks: Quirks{SSH: tt.quirks}})
			if tt.keyed {
				r.AddSSHKey("cli", key.PublicKey())
			}
			c, err := ssh.Dial("tcp", r.AddrOf(SSH), clientConfig(r, tt.user, tt.auth...))
			if (err == nil) != tt.ok {
				t.Fatalf("%v, want success: %v", err, tt.ok)
			}
			if tt.ok {
				if out, err := run(c, ":put x"); out != "x\r\n" || err != nil {
					t.Errorf("%q, %v", out, err)
				}
				_ = c.Close()
			}
			if n := r.Logins(); (n == 1) != tt.ok {
				t.Errorf("%d logins", n)
			}
		})
	}
}

func TestSSHLog(t *testing.T) {
	r := startSSH(t, Config{})
	if _, err := ssh.Dial("tcp", r.AddrOf(SSH), clientConfig(r, "cli", ssh.Password("x"))); err == nil {
		t.Fatal("logged in")
	}
	c := dialSSH(t, r, "cli+ct80w")
	if _, err := run(c, ":put x"); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = r.Close()
	res, err := r.State().Run(nil, routeros.Command{Path: "/log", Name: "print"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range res.Rows {
		lines = append(lines, row["topics"]+" "+row["message"])
	}
	want := []string{
		"system,error,critical login failure for user cli from 127.0.0.1 via ssh",
		"system,info,account user cli logged in from 127.0.0.1 via ssh",
		"system,info,account user cli logged out from 127.0.0.1 via ssh",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := r.Counts().Services[SSH].LoginFailures; n != 1 {
		t.Errorf("%d failures", n)
	}
}

func TestHostKeys(t *testing.T) {
	for _, tt := range []struct {
		name, version string
		quirks        SSHQuirks
		want          string
	}{
		{"old", "6.49.10", SSHQuirks{}, ssh.KeyAlgoRSA},
		{"new", "7.22", SSHQuirks{}, ssh.KeyAlgoED25519},
		{"chosen", "7.22", SSHQuirks{HostKey: "rsa"}, ssh.KeyAlgoRSA},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startSSH(t, Config{Version: tt.version, Quirks: Quirks{SSH: tt.quirks}})
			dialSSH(t, r, "cli")
			if k := r.SSHHostKey(); k.Type() != tt.want || ssh.FingerprintSHA256(k) != r.SSHFingerprint() {
				t.Errorf("key is %s, %s", k.Type(), r.SSHFingerprint())
			}
			before := clientConfig(r, "cli")
			if err := r.ChangeSSHHostKey("ed25519"); err != nil {
				t.Fatal(err)
			}
			if _, err := ssh.Dial("tcp", r.AddrOf(SSH), before); err == nil {
				t.Error("the old key still serves")
			}
			dialSSH(t, r, "cli")
		})
	}
	r, err := New(Config{Quirks: Quirks{SSH: SSHQuirks{HostKey: "dsa"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), SSH, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "use rsa or ed25519") {
		t.Errorf("got %v", err)
	}
	_ = r.Close()
}

func TestLegacyAlgorithms(t *testing.T) {
	r := startSSH(t, Config{Version: "6.49.10", Quirks: Quirks{SSH: SSHQuirks{Legacy: true}}})
	cfg := clientConfig(r, "cli")
	cfg.KeyExchanges = ssh.SupportedAlgorithms().KeyExchanges
	if _, err := ssh.Dial("tcp", r.AddrOf(SSH), cfg); err == nil {
		t.Error("a modern client got in")
	}
	cfg.HostKeyAlgorithms = []string{ssh.KeyAlgoRSA}
	cfg.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1}
	cfg.MACs = []string{ssh.HMACSHA1}
	c, err := ssh.Dial("tcp", r.AddrOf(SSH), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if out, err := run(c, ":put [/system resource get version]"); err != nil || out != "6.49.10 (stable)\r\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestExpiredPasswordHangs(t *testing.T) {
	r := startSSH(t, Config{Quirks: Quirks{SSH: SSHQuirks{Expired: "cli"}}})
	s, err := dialSSH(t, r, "cli").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(":put x"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("Change your password\r\n\r\nnew password> "))
	if _, err := io.ReadFull(out, got); err != nil || !strings.HasSuffix(string(got), "new password> ") {
		t.Errorf("%q, %v", got, err)
	}
	_ = s.Close()
}

// TestOpenSSH lets the client that everybody uses have its say.
func TestOpenSSH(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("no ssh client is installed: only x/crypto/ssh has been tried against the simulated router")
	}
	for _, tt := range []struct {
		name    string
		version string
		quirks  SSHQuirks
		options []string
	}{
		{name: "7.22", version: "7.22.1"},
		{name: "rsa", version: "7.22.1", quirks: SSHQuirks{HostKey: "rsa"}},
		{name: "exit status 1", version: "7.22.1", quirks: SSHQuirks{Exit: ExitOne}},
		{name: "legacy", version: "6.49.10", quirks: SSHQuirks{Legacy: true}, options: []string{
			"-o", "HostKeyAlgorithms=ssh-rsa", "-o", "PubkeyAcceptedAlgorithms=ssh-rsa",
			"-o", "KexAlgorithms=diffie-hellman-group14-sha1", "-o", "MACs=hmac-sha1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, private := newKey(t, tt.quirks.Legacy)
			r := startSSH(t, Config{Version: tt.version, Quirks: Quirks{SSH: tt.quirks}})
			r.AddSSHKey("cli", key.PublicKey())
			dir := t.TempDir()
			block, err := ssh.MarshalPrivateKey(private, "")
			if err != nil {
				t.Fatal(err)
			}
			host, port := r.HostPortOf(SSH)
			known := fmt.Sprintf("[%s]:%d %s", host, port, ssh.MarshalAuthorizedKey(r.SSHHostKey()))
			for name, content := range map[string][]byte{"key": pem.EncodeToMemory(block), "known_hosts": []byte(known), "config": nil} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ssh := func(line string) (string, error) {
				cmd := exec.CommandContext(t.Context(), program, append(tt.options, "-F", filepath.Join(dir, "config"),
					"-i", filepath.Join(dir, "key"), "-o", "UserKnownHostsFile="+filepath.Join(dir, "known_hosts"),
					"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-p", fmt.Sprint(port), "cli@"+host, line)...)
				cmd.Env = []string{"HOME=" + dir, "LANG=C"}
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			if out, err := ssh(`:put [/queue tree get [find name="b c"] name]`); err != nil || out != "b c\r\n" {
				t.Errorf("%q, %v", out, err)
			}
			out, err := ssh(`/queue tree set nope max-limit=1`)
			if (err != nil) != (tt.quirks.Exit == ExitOne) || !strings.HasPrefix(out, "no such item") {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}
