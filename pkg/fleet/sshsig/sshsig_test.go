package sshsig_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/fleet/sshsig"
)

const namespace = "wanctl"

func signerOf(t testing.TB, key any, err error) ssh.Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ed25519Signer(t testing.TB) ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return signerOf(t, key, err)
}

func allowed(principals, options string, key ssh.PublicKey) string {
	return strings.TrimSpace(principals+" "+options) + " " + string(ssh.MarshalAuthorizedKey(key))
}

func signers(t testing.TB, text string) *sshsig.Signers {
	t.Helper()
	s, err := sshsig.ParseSigners("allowed_signers", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRoundTrip: each type of key, and what must not pass.
func TestRoundTrip(t *testing.T) {
	curve, curveErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsaKey, rsaErr := rsa.GenerateKey(rand.Reader, 2048)
	message := []byte("queues: {}\n")
	for name, key := range map[string]ssh.Signer{
		"ed25519": ed25519Signer(t), "ecdsa": signerOf(t, curve, curveErr), "rsa": signerOf(t, rsaKey, rsaErr),
	} {
		armored, err := sshsig.Sign(key, namespace, message)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := signers(t, allowed("admin@example.org", "", key.PublicKey()))
		if who, err := s.Verify(armored, namespace, message, time.Now()); err != nil || who != "admin@example.org" {
			t.Errorf("%s: Verify = %q, %v", name, who, err)
		}
		other := append([]byte("x"), message...)
		if _, err := s.Verify(armored, namespace, other, time.Now()); err == nil || !strings.Contains(err.Error(), sshsig.Fingerprint(key.PublicKey())) {
			t.Errorf("%s: another text: %v, want an error that names the key", name, err)
		}
		if _, err := s.Verify(armored, "git", message, time.Now()); err == nil || !strings.Contains(err.Error(), `for "wanctl", not for "git"`) {
			t.Errorf("%s: another namespace: %v", name, err)
		}
		strangers := signers(t, allowed("admin@example.org", "", ed25519Signer(t).PublicKey()))
		if _, err := strangers.Verify(armored, namespace, message, time.Now()); err == nil || !strings.Contains(err.Error(), sshsig.Fingerprint(key.PublicKey())+" is not in allowed_signers") {
			t.Errorf("%s: another key: %v", name, err)
		}
	}
	if _, err := signers(t, allowed("a", "", ed25519Signer(t).PublicKey())).Verify("", namespace, message, time.Now()); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("no signature: %v", err)
	}
}

// TestEveryByte: a signature of which any byte is another one is none.
func TestEveryByte(t *testing.T) {
	key := ed25519Signer(t)
	armored, err := sshsig.Sign(key, namespace, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	s := signers(t, allowed("a", "", key.PublicKey()))
	for i := range armored {
		changed := []byte(armored)
		changed[i] ^= 1
		if strings.Join(strings.Fields(string(changed)), "") == strings.Join(strings.Fields(armored), "") {
			continue // a line break more or less
		}
		if _, err := s.Verify(string(changed), namespace, []byte("text"), time.Now()); err == nil {
			t.Errorf("passes with byte %d changed from %q to %q", i, armored[i], changed[i])
		}
	}
}

func TestAllowedSigners(t *testing.T) {
	key := ed25519Signer(t).PublicKey()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for options, want := range map[string]string{
		"":                                            "",
		`namespaces="wanctl"`:                         "",
		`namespaces="git,wan*"`:                       "",
		`namespaces="git,file"`:                       `may not sign for "wanctl"`,
		`valid-after="20261128Z"`:                     "",
		`valid-after="20261129Z"`:                     "not valid yet",
		`valid-before="202611281200Z"`:                "not valid any more",
		`valid-before="20261128120001Z"`:              "",
		`valid-before=20270101Z`:                      "",
		`namespaces="wanctl",valid-after="20270101Z"`: "not valid yet",
	} {
		who, err := signers(t, "# comment\n\n"+allowed("admin@x,root@x", options, key)).Allowed(key, namespace, now)
		if want == "" && (err != nil || who != "admin@x,root@x") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v, want %q", options, who, err, want)
		}
	}
	for text, want := range map[string]string{
		"":              "names no key",
		"# nobody\n":    "names no key",
		"admin":         "allowed_signers:1: is not 'PRINCIPALS",
		"a ssh-ed25519": "allowed_signers:1: has no public key",
		"\n" + allowed("a", "cert-authority", key):     "allowed_signers:2: cert-authority",
		allowed("a", "verify-required", key):           `unknown option "verify-required"`,
		allowed("a", `valid-after="tomorrow"`, key):    `"tomorrow" is no time`,
		allowed("a", `namespaces="["`, key):            "the pattern",
		allowed(`"a`, "", key):                         "quote has no end",
		strings.Repeat("# x\n", sshsig.MaxSigners/4+1): "more than",
	} {
		if _, err := sshsig.ParseSigners("allowed_signers", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestSSHKeygen: ssh-keygen verifies what Sign makes, and Verify what ssh-keygen makes.
func TestSSHKeygen(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	run := func(stdin string, args ...string) error {
		cmd := exec.Command(keygen, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		t.Logf("%q: %s", args, out)
		return err
	}
	if err := run("", "-q", "-t", "ed25519", "-N", "", "-f", in("key")); err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(in("key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	const message = "the set\n"
	armored, err := sshsig.Sign(key, namespace, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	line := allowed("admin@example.org", `namespaces="wanctl"`, key.PublicKey())
	for name, text := range map[string]string{"allowed": line, "signature": armored, "message": message} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := []string{"-Y", "verify", "-f", in("allowed"), "-I", "admin@example.org", "-n", namespace, "-s", in("signature")}
	if err := run(message, verify...); err != nil {
		t.Error("ssh-keygen refuses a signature by Sign")
	}
	if err := run(message+"x", verify...); err == nil {
		t.Error("ssh-keygen verifies another text")
	}
	if err := run("", "-Y", "sign", "-f", in("key"), "-n", namespace, in("message")); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(in("message.sig"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signers(t, line).Verify(string(made), namespace, []byte(message), time.Now()); err != nil {
		t.Errorf("a signature by ssh-keygen: %v", err)
	}
}

// FuzzVerify: nothing that is not a signature by a key passes, and nothing panics.
func FuzzVerify(f *testing.F) {
	key := ed25519Signer(f)
	armored, err := sshsig.Sign(key, namespace, []byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(armored, []byte("text"))
	f.Add(armored[:len(armored)/2], []byte("text"))
	f.Add("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n", []byte(""))
	s := signers(f, allowed("a", "", key.PublicKey()))
	f.Fuzz(func(t *testing.T, armored string, message []byte) {
		if _, err := s.Verify(armored, namespace, message, time.Now()); err == nil && string(message) != "text" {
			t.Errorf("%q is signed by %q", message, armored)
		}
	})
}

// FuzzSigners: whatever the file, a key that no line has may not sign.
func FuzzSigners(f *testing.F) {
	key := ed25519Signer(f).PublicKey()
	f.Add([]byte(allowed("a", `namespaces="wanctl",valid-after="20260101Z"`, ed25519Signer(f).PublicKey())))
	f.Add([]byte("\"a b\" cert-authority ssh-ed25519 AAAA\n#\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sshsig.ParseSigners("f", text)
		if err != nil {
			return
		}
		if _, err := s.Allowed(key, namespace, time.Now()); err == nil {
			t.Errorf("a new key is allowed by %q", text)
		}
	})
}
