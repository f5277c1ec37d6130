package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseRouter parses minimal with the router section replaced.
func parseRouter(section string, env map[string]string) (Router, []string) {
	i, j := strings.Index(minimal, "router:"), strings.Index(minimal, "queues:")
	wan, problems, _ := load(minimal[:i]+"router:\n"+section+minimal[j:], Options{LookupEnv: environment(env)})
	if problems != nil {
		return Router{}, problems
	}
	return wan.Router, nil
}

func TestRouter(t *testing.T) {
	const login = "  host: r\n  user: u\n  password: p\n"
	base := Router{Transport: REST, Host: "r", User: "u", Password: NewSecret("p"), Port: 443, TLS: true}
	with := func(change func(*Router)) Router {
		r := base
		change(&r)
		return r
	}
	hash := strings.Repeat("0a", 32)
	for _, tt := range []struct {
		name    string
		section string
		env     map[string]string
		want    Router
		bad     []string
	}{
		{name: "rest", section: login, want: base},
		{name: "rest on a TLS port of its own", section: login + "  port: 8443\n", want: with(func(r *Router) { r.Port = 8443 })},
		{name: "rest, port 80", section: login + "  port: 80\n", want: with(func(r *Router) { r.Port, r.TLS = 80, false })},
		{name: "rest, tls: false", section: login + "  tls: false\n", want: with(func(r *Router) { r.Port, r.TLS = 80, false })},
		{name: "rest, tls: false elsewhere", section: login + "  tls: false\n  port: 8080\n", want: with(func(r *Router) { r.Port, r.TLS = 8080, false })},
		{name: "rest, TLS on port 80", section: login + "  tls: true\n  port: 80\n", want: with(func(r *Router) { r.Port = 80 })},
		{name: "api", section: login + "  transport: api\n", want: with(func(r *Router) { r.Transport, r.Port = API, 8729 })},
		{name: "api, port 80 is no sign", section: login + "  transport: api\n  port: 80\n", want: with(func(r *Router) { r.Transport, r.Port = API, 80 })},
		{name: "api, port 8728", section: login + "  transport: api\n  port: 8728\n", want: with(func(r *Router) { r.Transport, r.Port, r.TLS = API, 8728, false })},
		{name: "api, tls: false", section: login + "  transport: api\n  tls: false\n", want: with(func(r *Router) { r.Transport, r.Port, r.TLS = API, 8728, false })},
		{name: "ssh with a key", section: "  transport: ssh\n  host: r\n  user: u\n  ssh_key: /k\n",
			want: Router{Transport: SSH, Host: "r", User: "u", SSHKey: "/k", Port: 22}},
		{name: "only a key means ssh", section: "  host: r\n  user: u\n  ssh_key: /k\n",
			want: Router{Transport: SSH, Host: "r", User: "u", SSHKey: "/k", Port: 22}},
		{name: "a key and a password mean rest", section: login + "  ssh_key: /k\n", want: with(func(r *Router) { r.SSHKey = "/k" })},
		{name: "passphrase of a key", section: "  transport: ssh\n  host: r\n  user: u\n  ssh_key: /k\n  ssh_passphrase: open\n  ssh_legacy: true\n  failover: [ssh]\n",
			env: map[string]string{"WANCTL_SSH_PASSPHRASE": "other"},
			want: Router{Transport: SSH, Host: "r", User: "u", SSHKey: "/k", SSHPassphrase: NewSecret("open"), SSHLegacy: true, Port: 22, Failover: []Router{
				{Transport: SSH, Host: "r", User: "u", SSHKey: "/k", SSHPassphrase: NewSecret("open"), SSHLegacy: true, Port: 22},
			}}},
		{name: "passphrase from the environment", section: "  host: r\n  user: u\n  ssh_key: /k\n",
			env:  map[string]string{"WANCTL_SSH_PASSPHRASE": "open"},
			want: Router{Transport: SSH, Host: "r", User: "u", SSHKey: "/k", SSHPassphrase: NewSecret("open"), Port: 22}},
		{name: "password from the environment", section: "  host: r\n  user: u\n  password: null\n",
			env: map[string]string{"ROUTER_PASSWORD": "p"}, want: base},
		{name: "fingerprints", section: login + "  tls_fingerprint: " + strings.Repeat("0A:", 31) + "0A\n  ssh_fingerprint: SHA256:" + strings.Repeat("A", 43) + "\n",
			want: with(func(r *Router) { r.TLSFingerprint, r.SSHFingerprint = hash, "SHA256:"+strings.Repeat("A", 43) })},
		{name: "failover", section: login + "  verify_ssl: true\n  port: 8443\n  failover:\n    - api\n    - {transport: ssh, user: v, ssh_key: /k, password: ~}\n    - {transport: rest, host: s, tls: false}\n",
			want: with(func(r *Router) {
				r.Port, r.VerifyTLS = 8443, true
				r.Failover = []Router{
					{Transport: API, Host: "r", User: "u", Password: NewSecret("p"), Port: 8729, TLS: true, VerifyTLS: true},
					{Transport: SSH, Host: "r", User: "v", Password: NewSecret("p"), SSHKey: "/k", Port: 22},
					{Transport: REST, Host: "s", User: "u", Password: NewSecret("p"), Port: 80},
				}
			})},
		{name: "failover without the pinned TLS of the first", section: login + "  tls_fingerprint: " + hash + "\n  failover: [{transport: rest, tls: false}, api]\n",
			want: with(func(r *Router) {
				r.TLSFingerprint = hash
				r.Failover = []Router{
					with(func(r *Router) { r.Port, r.TLS = 80, false }),
					with(func(r *Router) { r.Transport, r.Port, r.TLSFingerprint = API, 8729, hash }),
				}
			})},
		{name: "failover from the environment", section: login, env: map[string]string{"WANCTL_ROUTER_FAILOVER": "api"},
			want: with(func(r *Router) {
				r.Failover = []Router{with(func(r *Router) { r.Transport, r.Port = API, 8729 })}
			})},

		{name: "no password", section: "  host: r\n  user: u\n", bad: []string{
			"f: router.password: is missing: transport rest needs one; write ${ROUTER_PASSWORD} and set that in the environment or in /etc/wanctl/secrets, or name a password_file"}},
		{name: "nothing for ssh", section: "  transport: ssh\n  host: r\n  user: u\n", bad: []string{
			"f: router.password: is missing: transport ssh needs ssh_key or a password; ${ROUTER_PASSWORD} takes it from the environment"}},
		{name: "a certificate without TLS", section: login + "  port: 80\n  tls_fingerprint: " + hash + "\n", bad: []string{
			"f:7: router.tls_fingerprint: a connection without TLS has no certificate to check; remove tls: false, or the plain port 80"}},
		{name: "short fingerprint", section: login + "  tls_fingerprint: 0a0a\n", bad: []string{
			`f:6: router.tls_fingerprint: "0a0a" is not a SHA-256: 64 hex digits, with or without colons`}},
		{name: "MD5 fingerprint", section: login + "  ssh_fingerprint: MD5:00\n", bad: []string{
			`f:6: router.ssh_fingerprint: "MD5:00" is not a fingerprint such as SHA256:..., which 'ssh-keygen -l' prints`}},
		{name: "bad failover", section: login + "  failover:\n    - telnet\n    - {host: s}\n    - {transport: api, prot: 1, port: x}\n    - [a]\n", bad: []string{
			`f:7: router.failover[0].transport: "telnet" must be one of rest, api, ssh`,
			"f:8: router.failover[1].transport: is missing: write rest, api or ssh",
			"f:9: router.failover[2].prot: unknown key; did you mean port?",
			`f:9: router.failover[2].port: "x" is not a whole number`,
			"f:10: router.failover[3]: must be one entry of a list of transports, or of mappings with the keys of router",
		}},
		{name: "what failover inherits is reported once", section: "  host: -r\n  user: u\n  password: p\n  failover: [api, ssh]\n", bad: []string{
			`f:3: router.host: "-r" is neither an IP address nor a host name`}},
		{name: "a certificate of its own without TLS", section: login + "  failover: [{transport: rest, tls: false, tls_fingerprint: " + hash + "}]\n", bad: []string{
			"f:6: router.failover[0].tls_fingerprint: a connection without TLS has no certificate to check; remove tls: false, or the plain port 80"}},
		{name: "no failover of failover", section: login + "  failover:\n    - {transport: api, failover: [ssh]}\n", bad: []string{
			"f:7: router.failover[0].failover: unknown key; 'wanctl config explain' lists all"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := parseRouter(tt.section, tt.env)
			if diff := cmp.Diff(tt.bad, problems); diff != "" {
				t.Fatalf("problems: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	wan, problems, _ := load(edit(t, "  user", "  failover: [api, ssh]\n  user"), Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	var got []Transport
	for _, r := range wan.Router.Endpoints() {
		got = append(got, r.Transport)
	}
	if diff := cmp.Diff([]Transport{REST, API, SSH}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
