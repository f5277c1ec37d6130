package cli_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

func TestServeProtected(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dsl.yaml"), wanFile(dir, "dsl"))
	web := filepath.Join(dir, "web.yml")
	config := func(hash string) string {
		return "tls_server_config: {cert_file: server.crt, key_file: server.key}\nbasic_auth_users: {alice: '" + hash + "'}\n"
	}
	write(t, web, config(hashSecret))
	keyPair(t, dir, 1)
	addr, stderr, _ := serving(t, "--config-dir", dir, "--web-config", web)
	base := "https://" + addr
	ask := func(r request) (int, int64) {
		status, _, resp := r.do(t)
		return status, resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	type answer struct {
		Status int
		Serial int64
	}
	expect := func(what string, r request, want answer) {
		t.Helper()
		var got answer
		got.Status, got.Serial = ask(r)
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	health := request{url: base + "/-/healthy", user: "alice", password: "secret"}
	expect("the right password", health, answer{200, 1})
	for _, path := range []string{"/", "/health", "/metrics", "/history", "/page/status", "/-/ready", "/nothing"} {
		expect("no password", request{url: base + path}, answer{401, 1})
	}
	expect("a wrong one", request{url: base + "/", user: "alice", password: "new"}, answer{401, 1})
	expect("through a proxy", request{url: base + "/-/healthy", user: "alice", password: "secret", header: map[string]string{"Host": "wan.example"}}, answer{200, 1})
	expect("a reload without a password", request{method: "POST", url: base + "/-/reload"}, answer{401, 1})

	// New certificate and password; then a bad file, which changes nothing.
	keyPair(t, dir, 2)
	write(t, web, config(hashNew))
	expect("a reload", request{method: "POST", url: base + "/-/reload", user: "alice", password: "secret"}, answer{200, 1})
	expect("the old password", health, answer{401, 2})
	health.password = "new"
	expect("the new password", health, answer{200, 2})
	for _, bad := range []string{"tls_server_config: {cert_file: none, key_file: none}\n", "nonsense: 1\n", ""} {
		write(t, web, bad)
		expect("a bad reload", request{method: "POST", url: base + "/-/reload", user: "alice", password: "new"}, answer{500, 2})
		expect("still protected", request{url: base + "/"}, answer{401, 2})
		expect("still open to her", health, answer{200, 2})
	}
	stderr.wait(t, `certificate and users stay as they were.*nonsense: unknown key`)
}

func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dsl.yaml"), wanFile(dir, "dsl"))
	keyPair(t, dir, 1)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	cert := "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
	users := "basic_auth_users: {alice: '" + hashSecret + "'}\n"
	encrypted, closed := file("tls.yml", cert), file("users.yml", users)
	bad := file("bad.yml", "tls_server_config: {cert_file: dsl.yaml, key_file: dsl.yaml}\n")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	certPipe := file("certpipe.yml", "tls_server_config: {cert_file: pipe, key_file: server.key}\n")
	keyPipe := file("keypipe.yml", "tls_server_config: {cert_file: server.crt, key_file: pipe}\n")
	empty, broken := t.TempDir(), t.TempDir()
	write(t, filepath.Join(broken, "dsl.yaml"), "queues: {download: a}\n")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"everybody", []string{"--listen", "0.0.0.0:0"}, 2, []string{"can be reached by others and has no TLS and users", "--web-config FILE", "--listen 127.0.0.1:0", "--insecure-public"}},
		{"everybody, by no address", []string{"--listen", ":0"}, 2, []string{"can be reached by others"}},
		{"everybody, by IPv6", []string{"--listen", "[::]:0"}, 2, []string{"can be reached by others"}},
		{"a name", []string{"--listen", "localhost.example:0"}, 2, []string{"can be reached by others"}},
		{"without users", []string{"--listen", "0.0.0.0:0", "--web-config", encrypted}, 2, []string{"has no users (basic_auth_users)", "add that to " + encrypted}},
		{"without TLS", []string{"--listen", "0.0.0.0:0", "--web-config", closed}, 2, []string{"has no TLS (tls_server_config)"}},
		{"no port", []string{"--listen", "127.0.0.1"}, 2, []string{"--listen \"127.0.0.1\": give HOST:PORT, such as 127.0.0.1:9103"}},
		{"a strange port", []string{"--listen", "127.0.0.1:http"}, 2, []string{"must be a number"}},
		{"no file", []string{"--web-config", filepath.Join(dir, "none.yml")}, 3, []string{"none.yml: cannot be read"}},
		{"no certificate", []string{"--web-config", bad}, 3, []string{"bad.yml: tls_server_config: "}},
		{"a pipe", []string{"--web-config", pipe}, 3, []string{"pipe: cannot be read: not a regular file"}},
		{"a pipe as certificate", []string{"--web-config", certPipe}, 3, []string{"certpipe.yml: tls_server_config: ", "pipe: not a regular file"}},
		{"a pipe as key", []string{"--web-config", keyPipe}, 3, []string{"keypipe.yml: tls_server_config: ", "pipe: not a regular file"}},
		{"an argument", []string{"dsl"}, 2, []string{"unknown command"}},
		{"another output", []string{"-o", "json"}, 2, []string{"serve prints nothing and has no -o json"}},
		{"an empty directory", []string{"--config-dir", empty}, 3, []string{"there is no configuration", "--config-dir DIR"}},
		{"no directory", []string{"--config-dir", filepath.Join(empty, "none")}, 3, []string{"this directory cannot be read: no such file or directory"}},
		{"nothing but bad ones", []string{"--config-dir", broken}, 3, []string{"dsl.yaml"}},
		{"a WAN that is not there", []string{"--wan", "cable"}, 3, []string{"cable.yaml: no such file"}},
		{"both", []string{"--wan", "dsl", "--config", filepath.Join(dir, "dsl.yaml")}, 2, []string{"not both"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stderr := &log{}
			a := &app.App{
				Streams:   output.Streams{In: strings.NewReader(""), Out: io.Discard, Err: stderr},
				LookupEnv: func(string) (string, bool) { return "", false },
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // it ends by itself, or the test fails
			defer cancel()
			args := append([]string{"serve", "--config-dir", dir}, c.args...)
			if got := cli.Run(ctx, a, args); got != c.status {
				t.Errorf("exit status %d, want %d: %s", got, c.status, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("no %q in %s", want, stderr)
				}
			}
		})
	}
}

// On request, everybody may read; but not reload from elsewhere.
func TestServeInsecure(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dsl.yaml"), wanFile(dir, "dsl"))
	addr, _, _ := serving(t, "--config-dir", dir, "--listen", "0.0.0.0:0", "--insecure-public")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	outside := ""
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			outside = n.IP.String()
		}
	}
	got := map[string]int{}
	ask := func(what string, r request) { got[what], _, _ = r.do(t) }
	want := map[string]int{"reload here": 200, "foreign name here": 421}
	ask("reload here", request{method: "POST", url: "http://127.0.0.1:" + port + "/-/reload"})
	ask("foreign name here", request{url: "http://127.0.0.1:" + port + "/-/healthy", header: map[string]string{"Host": "x.example"}})
	if outside != "" { // a machine without a network has no such address
		want["read from elsewhere"], want["reload from elsewhere"] = 200, 403
		ask("read from elsewhere", request{url: "http://" + outside + ":" + port + "/-/healthy", header: map[string]string{"Host": "x.example"}})
		ask("reload from elsewhere", request{method: "POST", url: "http://" + outside + ":" + port + "/-/reload"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
