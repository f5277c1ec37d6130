package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A node.yaml, or none, or somebody else's.
func TestLoadNode(t *testing.T) {
	for _, tt := range []struct {
		name, text, host string
		want             string // the name; "" none
		err              string
	}{
		{"none", "", "h", "", ""},
		{"of another program", "scrape_configs: []\n", "h", "", ""},
		{"of a WAN", "wan_name: node\nqueues: {download: d, upload: u}\n", "h", "", ""},
		{"host name", "ha: {order: [h, i]}\n", "h", "h", ""},
		{"named", "node: {name: n1}\nha: {enabled: true}\n", "h", "n1", ""},
		{"switched off", "node: {name: n1}\nha: {enabled: false}\n", "h", "n1 off", ""},
		{"fleet alone", "node: {name: n1}\nfleet: {url: [tls://hub]}\n", "h", "n1 off", ""},
		{"fleet and ha", "node: {name: n1}\nha: {}\nfleet: {url: [tls://hub]}\n", "h", "n1", ""},
		{"fleet without a server", "fleet: {labels: {site: s}}\n", "h", "", "fleet.url: names no server"},
		{"fleet with a user in the address", "fleet: {url: [tls://a:b@hub]}\n", "h", "", "has a user in it"},
		{"fleet with two ways to log in", "fleet: {url: [tls://hub], credentials: /c, user: u, password: p}\n", "h", "", "fleet.user: is one of two ways"},
		{"fleet with half a login", "fleet: {url: [tls://hub], user: u}\n", "h", "", "goes with fleet.password"},
		{"fleet with half a certificate", "fleet: {url: [tls://hub], tls_cert: /c}\n", "h", "", "goes with fleet.tls_key"},
		{"fleet with authorities and no TLS", "fleet: {url: [nats://hub], tls_ca: /c}\n", "h", "", "has no address with TLS"},
		{"fleet with a label that is none", "fleet: {url: [tls://hub], labels: {sight: s}}\n", "h", "", "fleet.labels.sight: unknown key"},
		{"not in the order", "ha: {order: [a, b]}\n", "h", "", "ha.order: does not name this node, h"},
		{"twice in the order", "ha: {order: [h, h]}\n", "h", "", "names h twice"},
		{"no name", "ha: {silence: 3}\n", "a host", "", "set node.name"},
		{"unknown key", "ha: {fence: off}\n", "h", "", "ha.fence: unknown key"},
		{"IPv6", "node: {name: n, address: \"2001:db8::1\"}\n", "h", "", "node.address: 2001:db8::1 is an IPv6 address"},
		{"silence", "ha: {silence: 0.1}\n", "h", "", "ha.silence"},
		{"claims", "ha: {claims: consul}\n", "h", "", "ha.claims"},
		{"no endpoints", "ha: {claims: etcd}\n", "h", "", "ha.etcd.endpoints: is missing"},
		{"endpoint without scheme", "ha: {claims: etcd, etcd: {endpoints: [10.0.0.1:2379]}}\n", "h", "", "write https://HOST:2379"},
		{"endpoint without port", "ha: {claims: etcd, etcd: {endpoints: [https://e]}}\n", "h", "", "has no port"},
		{"endpoint with password", "ha: {claims: etcd, etcd: {endpoints: [\"https://a:b@e:1\"]}}\n", "h", "", "write ha.etcd.user"},
		{"endpoint with path", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1/v3\"]}}\n", "h", "", "something after the port"},
		{"no authority", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1\"], ca: nobody.pem}}\n", "h", "", "ha.etcd.ca: no such file"},
		{"authority without TLS", "ha: {claims: etcd, etcd: {endpoints: [\"http://e:1\"], ca: node.yaml}}\n", "h", "", "no certificate to check"},
		{"authority of nothing", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1\"], ca: node.yaml}}\n", "h", "", "no certificate in PEM"},
		{"certificate without key", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1\"], cert: c.pem}}\n", "h", "", "write both"},
		{"user without password", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1\"], user: u}}\n", "h", "", "ha.etcd.password: is missing"},
		{"password without user", "ha: {claims: etcd, etcd: {endpoints: [\"https://e:1\"], password: p}}\n", "h", "", "write ha.etcd.user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.text != "" {
				if err := os.WriteFile(filepath.Join(dir, "node.yaml"), []byte(tt.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n, _, err := LoadNode(dir, tt.host, Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v, want %q", err, tt.err)
				}
				return
			}
			got := ""
			if n != nil {
				got = n.Name
				if !n.Enabled {
					got += " off"
				}
				if n.Silence != 2*time.Second || n.Claims != OnRouter {
					t.Errorf("%+v", n)
				}
			}
			if err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if isOurs := strings.Contains(tt.text, "ha:") || strings.Contains(tt.text, "fleet:"); slices.Contains(Names(dir), "node") == (isOurs || tt.text == "") {
				t.Errorf("names %v", Names(dir))
			}
		})
	}
}

// Where the claims are in an etcd, and what is said where they are not.
func TestNodeEtcd(t *testing.T) {
	for _, tt := range []struct{ claims, want string }{
		{"etcd", ""}, {"router", "ha.etcd.endpoints: has no effect"},
	} {
		dir := t.TempDir()
		text := "node: {name: n}\nha: {claims: " + tt.claims + ", etcd: {endpoints: [\"https://e1:2379/\", \"https://e2:2379\"], user: u, password: \"${P}\"}}\n"
		if err := os.WriteFile(filepath.Join(dir, "node.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(name string) (string, bool) { return "secret", name == "P" }
		n, warnings, err := LoadNode(dir, "h", Options{LookupEnv: env})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(warnings); tt.want == "" && len(warnings) > 0 || !strings.Contains(got, tt.want) || strings.Contains(got, "secret") {
			t.Errorf("%s", got)
		}
		if e := n.Etcd; tt.claims == "etcd" && (!slices.Equal(e.Endpoints, []string{"https://e1:2379", "https://e2:2379"}) || e.User != "u" || e.Password.Reveal() != "secret" || e.Prefix != "wanctl") {
			t.Errorf("%+v", e)
		}
	}
}

// The example loads, as it is and with all that is commented out.
func TestNodeExample(t *testing.T) {
	text := read(t, configs+"/node.yaml.example")
	for _, tt := range []struct {
		text string
		opts Options
	}{
		{text, Options{}},
		{strings.Replace(uncommented(text), "claims: router", "claims: etcd", 1), Options{WithoutSecrets: true}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "node.yaml"), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		n, warnings, err := LoadNode(dir, "h", tt.opts)
		if err != nil || len(warnings) > 0 || n.Name != "pop1-a" || !n.Enabled || n.Fleet.Site != "north-12" {
			t.Fatalf("%+v, %v, %v", n, warnings, err)
		}
		if all := tt.opts.WithoutSecrets; (n.Address == "192.0.2.10") != all || (len(n.Etcd.Endpoints) == 3) != all {
			t.Errorf("%+v", n)
		}
	}
}
