package ssh

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"
)

// FuzzFingerprint: what is accepted is a SHA-256, in each of its forms the same.
func FuzzFingerprint(f *testing.F) {
	for _, s := range []string{
		"SHA256:" + strings.Repeat("A", 43), "sha256:" + strings.Repeat("+/", 21) + "A=", strings.Repeat("ab", 32),
		strings.TrimSuffix(strings.Repeat("0F:", 32), ":"), "SHA256:", "MD5:00:11",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sum, err := parseFingerprint(s)
		if err != nil || s == "" {
			if sum != nil || err != nil && !strings.Contains(err.Error(), "router.ssh_fingerprint") {
				t.Fatalf("%x, %v", sum, err)
			}
			return
		}
		again, err := parseFingerprint("SHA256:" + base64.RawStdEncoding.EncodeToString(sum))
		if err != nil || len(sum) != 32 || string(again) != string(sum) {
			t.Errorf("%q: %x, then %x, %v", s, sum, again, err)
		}
	})
}

// FuzzKnownHosts: a key is accepted only if the file holds it, and there is always
// something to offer or an error that says what to do.
func FuzzKnownHosts(f *testing.F) {
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public()
	key, err := xssh.NewPublicKey(public)
	if err != nil {
		f.Fatal(err)
	}
	const addr = "192.0.2.1:2222"
	encoded := base64.StdEncoding.EncodeToString(key.Marshal())
	other := "AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	for _, s := range []string{
		"[192.0.2.1]:2222 ssh-ed25519 " + encoded + "\n", "[192.0.2.*]:2222,!router ssh-ed25519 " + encoded + " comment\n# x\n",
		"@revoked * ssh-ed25519 " + encoded + "\n", "@cert-authority * ssh-ed25519 " + encoded + "\n", "* ssh-ed25519 " + other,
		"|1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM= ssh-ed25519 " + encoded, "* ssh-rsa AAAA\n", "\x00",
	} {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), "known_hosts")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := (&trust{files: []string{path}}).begin(addr)
		if err != nil {
			var e *hostKeyError
			if !errors.As(err, &e) || e.hint == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		if len(c.algorithms()) == 0 {
			t.Fatal("nothing to offer")
		}
		err = c.verify(addr, noAddr, key)
		held := strings.Contains(strings.Join(strings.Fields(text), " "), encoded)
		if err == nil && !held {
			t.Error("accepted")
		}
		var e *hostKeyError
		if err != nil && (!errors.As(err, &e) || e.hint == "" || e.text == "") {
			t.Errorf("%#v", err)
		}
	})
}
