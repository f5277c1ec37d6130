package web

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
)

const bcrypt = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

func load(t *testing.T, text string) (*File, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path)
	return f, path, err
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       File // DIR stands for its directory
	}{
		{"all of it", "tls_server_config:\n  cert_file: server.crt\n  key_file: /etc/ssl/server.key\nbasic_auth_users:\n  alice: " + bcrypt + "\n  bob: '" + bcrypt + "'\n",
			File{CertFile: "DIR/server.crt", KeyFile: "/etc/ssl/server.key", Users: map[string]string{"alice": bcrypt, "bob": bcrypt}}},
		{"TLS alone", "tls_server_config: {cert_file: a/b.pem, key_file: a/b.pem}", File{CertFile: "DIR/a/b.pem", KeyFile: "DIR/a/b.pem"}},
		{"users alone", "basic_auth_users: {alice: " + bcrypt + "}", File{Users: map[string]string{"alice": bcrypt}}},
		{"an empty file", "", File{}},
		{"only a comment", "# nothing\n", File{}},
		{"empty sections", "tls_server_config:\nbasic_auth_users:\n", File{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, path, err := load(t, c.text)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Path = path
			for _, f := range []*string{&c.want.CertFile, &c.want.KeyFile} {
				*f = strings.Replace(*f, "DIR", filepath.Dir(path), 1)
			}
			if c.want.Users == nil {
				c.want.Users = map[string]string{}
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "is not valid YAML"},
		{"a list", "- a", "FILE:1: must consist of keys and values"},
		{"two documents", "basic_auth_users:\n---\nbasic_auth_users:\n", "FILE:2: a second document begins here"},
		{"an unknown section", "http_server_config: {http2: true}", "http_server_config: is not known to wanctl; there are tls_server_config and basic_auth_users"},
		{"an unknown key", "tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "tls_server_config.client_ca_file: is not known to wanctl"},
		{"half a certificate", "basic_auth_users:\ntls_server_config:\n  cert_file: a\n", "tls_server_config: needs cert_file and key_file, both"},
		{"no path", "tls_server_config: {cert_file: [a], key_file: ''}", "tls_server_config.cert_file: must be the path of a file"},
		{"a section of another kind", "tls_server_config: yes", "tls_server_config: must consist of keys and values"},
		{"a password in clear", "basic_auth_users:\n  alice: hunter2\n", "FILE:2: basic_auth_users.alice: must be a bcrypt hash; print one with: htpasswd -nBC 10 alice"},
		{"a hash of too little work", "basic_auth_users: {alice: '" + strings.Replace(bcrypt, "10", "03", 1) + "'}", "must be a bcrypt hash"},
		{"a user with a colon", "basic_auth_users: {'a:b': '" + bcrypt + "'}", `the user name "a:b" must not be empty or contain a colon`},
		{"a user without a name", "basic_auth_users: {'': '" + bcrypt + "'}", `the user name "" must not be empty`},
		{"a user twice", "basic_auth_users:\n  alice: " + bcrypt + "\n  alice: " + bcrypt + "\n", "FILE:3: basic_auth_users.alice: is set twice, the first time in line 2"},
		{"a key that is none", "? [a]\n: b\n", "a key must be a plain word"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, path, err := load(t, c.text)
			var invalid *config.Error
			if !errors.As(err, &invalid) {
				t.Fatalf("%v", err)
			}
			got := strings.ReplaceAll(err.Error(), path, "FILE")
			if !strings.Contains(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("the password is told: %s", got)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none: cannot be read: no such file or directory") {
		t.Errorf("%v", err)
	}
}

// FuzzLoad: whatever is accepted is complete.
func FuzzLoad(f *testing.F) {
	f.Add("tls_server_config: {cert_file: a, key_file: b}\nbasic_auth_users: {alice: " + bcrypt + "}")
	f.Add("basic_auth_users: *x")
	f.Add("a: &a\n  <<: *a")
	f.Fuzz(func(t *testing.T, text string) {
		p := newParser("/etc/web.yml")
		if root, ok := p.Document(strings.NewReader(text)); ok {
			p.parse(root)
		}
		if p.Err() != nil {
			return
		}
		if (p.file.CertFile == "") != (p.file.KeyFile == "") {
			t.Errorf("half a certificate: %+v", p.file)
		}
		for name, h := range p.file.Users {
			if name == "" || !hash.MatchString(h) {
				t.Errorf("user %q has %q", name, h)
			}
		}
	})
}
