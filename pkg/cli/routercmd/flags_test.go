package routercmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
)

func TestRouterFlags(t *testing.T) {
	const hash = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	const sshHash = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	tests := []struct {
		name string
		args []string
		want config.Router // Host and User where they are not 10.0.0.1 and admin
		err  string
	}{
		{"host alone", []string{"--host", "10.0.0.1"}, config.Router{Transport: config.REST, Port: 443, TLS: true}, ""},
		{"name", []string{"--host", "router.lan"}, config.Router{Host: "router.lan", Transport: config.REST, Port: 443, TLS: true}, ""},
		{"IPv6", []string{"--host", "fd00::1"}, config.Router{Host: "fd00::1", Transport: config.REST, Port: 443, TLS: true}, ""},
		{"IPv6 in brackets", []string{"--host", "[fd00::1]"}, config.Router{Host: "fd00::1", Transport: config.REST, Port: 443, TLS: true}, ""},
		{"IPv6 and port", []string{"--host", "[fd00::1]:22"}, config.Router{Host: "fd00::1", Transport: config.SSH, Port: 22}, ""},
		{"port of its own", []string{"--host", "10.0.0.1:8443"}, config.Router{Transport: config.REST, Port: 8443, TLS: true}, ""},
		{"plain", []string{"--host", "10.0.0.1", "--plain"}, config.Router{Transport: config.REST, Port: 80}, ""},
		{"plain port said so", []string{"--host", "10.0.0.1:80", "--plain"}, config.Router{Transport: config.REST, Port: 80}, ""},
		{"plain port on this host", []string{"--host", "127.0.0.1:8728"}, config.Router{Host: "127.0.0.1", Transport: config.API, Port: 8728}, ""},
		{"api", []string{"--host", "10.0.0.1", "--transport", "api"}, config.Router{Transport: config.API, Port: 8729, TLS: true}, ""},
		{"api without TLS", []string{"--host", "10.0.0.1", "--transport", "api", "--plain"}, config.Router{Transport: config.API, Port: 8728}, ""},
		{"api by its port", []string{"--host", "10.0.0.1", "--port", "8729"}, config.Router{Transport: config.API, Port: 8729, TLS: true}, ""},
		{"api on the port of rest", []string{"--host", "10.0.0.1:80", "--transport", "api"}, config.Router{Transport: config.API, Port: 80, TLS: true}, ""},
		{"pinned", []string{"--host", "10.0.0.1", "--fingerprint", strings.ToUpper(hash)}, config.Router{Transport: config.REST, Port: 443, TLS: true, TLSFingerprint: hash}, ""},
		{"ssh", []string{"--host", "10.0.0.1", "--transport", "ssh"}, config.Router{Transport: config.SSH, Port: 22}, ""},
		{"ssh by its key", []string{"--host", "10.0.0.1", "--ssh-key", "/k"}, config.Router{Transport: config.SSH, Port: 22, SSHKey: "/k"}, ""},
		{"ssh with an encrypted key", []string{"--host", "10.0.0.1", "--ssh-key", "/k", "--passphrase-env", "KEY"},
			config.Router{Transport: config.SSH, Port: 22, SSHKey: "/k", SSHPassphrase: config.NewSecret("open")}, ""},
		{"ssh in full", []string{"--host", "10.0.0.1:2222", "--known-hosts", "/h", "--ssh-fingerprint", sshHash, "--user", "u", "--ssh-legacy"},
			config.Router{Transport: config.SSH, Port: 2222, KnownHosts: "/h", SSHFingerprint: sshHash, User: "u", SSHLegacy: true}, ""},

		{"plain port by accident", []string{"--host", "10.0.0.1:8728"}, config.Router{}, "add --plain, else use port 8729"},
		{"unknown transport", []string{"--host", "10.0.0.1", "--transport", "telnet"}, config.Router{}, "use rest, api or ssh"},
		{"port twice", []string{"--host", "10.0.0.1:8728", "--port", "443"}, config.Router{}, "--port at most once"},
		{"port out of range", []string{"--host", "10.0.0.1", "--port", "70000"}, config.Router{}, "out of range"},
		{"port zero", []string{"--host", "10.0.0.1:0"}, config.Router{}, "out of range"},
		{"host that is a flag", []string{"--host", "-v"}, config.Router{}, "neither an IP address nor a host name"},
		{"address with a path", []string{"--host", "10.0.0.1/rest"}, config.Router{}, "neither an IP address nor a host name"},
		{"pin without TLS", []string{"--host", "127.0.0.1", "--plain", "--fingerprint", hash}, config.Router{}, "no certificate to check"},
		{"short pin", []string{"--host", "10.0.0.1", "--fingerprint", "12:34"}, config.Router{}, "64 hex digits"},
		{"bad host key", []string{"--host", "10.0.0.1", "--ssh-fingerprint", "x"}, config.Router{}, "ssh-keygen -l"},
		{"plain ssh", []string{"--host", "10.0.0.1", "--transport", "ssh", "--plain"}, config.Router{}, "--plain means nothing to transport ssh"},
		{"key for rest", []string{"--host", "10.0.0.1", "--transport", "rest", "--ssh-key", "/k"}, config.Router{}, "--ssh-key means nothing to transport rest"},
		{"user with a space", []string{"--host", "10.0.0.1", "--user", "a b"}, config.Router{}, "has a space"},
		{"passphrase that is not there", []string{"--host", "10.0.0.1", "--ssh-key", "/k", "--passphrase-env", "NOPE"}, config.Router{}, "--passphrase-env NOPE: no such environment variable"},
		{"variable that is not there", []string{"--host", "10.0.0.1", "--password-env", "NOPE"}, config.Router{}, "no such environment variable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			environment := map[string]string{"ROUTER_PASSWORD": "secret", "KEY": "open"}
			a := &app.App{LookupEnv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }}
			var o connFlags
			cmd := newInfoCmd(a, &o)
			o.add(cmd)
			if err := cmd.ParseFlags(tt.args); err != nil {
				t.Fatal(err)
			}
			got, err := o.router(a, cmd)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || app.ExitStatus(err) != app.ExitUsage {
					t.Errorf("got %+v, %v, want a usage error with %q", got, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.want.Host == "" {
				tt.want.Host = "10.0.0.1"
			}
			if tt.want.User == "" {
				tt.want.User = "admin"
			}
			tt.want.Password = config.NewSecret("secret")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
