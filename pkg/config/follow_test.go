package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const wanText = `wan_name: %s
router: {transport: rest, host: 192.0.2.1, user: wanctl, password_file: %s}
queues: {download: D-%[1]s, upload: U-%[1]s}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [1.1.1.1]
  download: {floor_green_mbps: 100, floor_yellow_mbps: 80, floor_soft_red_mbps: 70, floor_red_mbps: 50, ceiling_mbps: 200}
  upload: {floor_mbps: 8, ceiling_mbps: 18}
`

func wanNamed(name string) string { return fmt.Sprintf(wanText, name, "pw") }

// TestFollowed: files of the set that a directory follows are those of the directory, unless
// it has one of that name; what they name relatively is in the directory.
func TestFollowed(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	set := filepath.Join(kept, "sets", "7")
	if err := os.MkdirAll(set, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sets/7", CurrentSet(kept)); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "node.yaml"), "node: {name: a}\nfleet: {url: [nats://localhost], config: follow, directory: "+kept+", password: '${UNSET}'}\n")
	write(filepath.Join(dir, "pw"), "secret\n")
	write(filepath.Join(dir, "cable.yaml"), wanNamed("cable"))
	write(HomeFile(set), dir+"\n")
	write(filepath.Join(set, "cable.yml"), wanNamed("other"))
	write(filepath.Join(set, "dsl.yaml"), wanNamed("dsl"))
	write(filepath.Join(set, "node.yaml"), "node: {name: b}\n")
	write(filepath.Join(set, "steering.yaml"), "wan_name: steering\nrouter: {transport: rest, host: 192.0.2.1, user: u, password: p}\n"+
		"topology: {primary_wan: dsl, primary_wan_config: dsl.yaml, alternate_wan: cable, alternate_wan_config: "+dir+"/cable.yaml}\nmangle_rule: {comment: x}\n")

	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(CurrentSet(kept), name))
		}
		return paths
	}
	want := append([]string{filepath.Join(dir, "cable.yaml")}, in("dsl.yaml", "steering.yaml")...)
	if got := Paths(dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Paths = %q, want %q", got, want)
	}
	if got := Files(dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Files = %q, want %q", got, want)
	}
	if path, err := Path(dir, "dsl"); err != nil || path != want[1] {
		t.Errorf("Path(dsl) = %q, %v", path, err)
	}
	if path, err := Path(dir, "new"); err != nil || path != filepath.Join(dir, "new.yaml") {
		t.Errorf("Path(new) = %q, %v", path, err)
	}
	w, _, err := Load(want[1], Options{})
	if err != nil || w.Router.Password.Reveal() != "secret" {
		t.Errorf("the password beside node.yaml: %v", err)
	}
	s, _, err := LoadSteering(want[2], Options{})
	if err != nil || s.PrimaryConfig != want[1] || s.AlternateConfig != want[0] {
		t.Errorf("steering of the set: %+v, %v", s, err)
	}

	for _, node := range []string{"fleet: {config: off, directory: " + kept + "}\n", "fleet: {directory: " + kept + "}\n", "ha: {}\n", "fleet: {config: follow, directory: sets}\n", "[", ""} {
		write(filepath.Join(dir, "node.yaml"), node)
		if got := Followed(dir); got != "" {
			t.Errorf("%q follows %s", node, got)
		}
	}
	write(filepath.Join(dir, "node.yaml"), "fleet: {config: follow}\n")
	if got := Followed(dir); got != DefaultFleetDirectory+"/current" {
		t.Errorf("by default in %q", got)
	}
}

func TestLiteralSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"router: {password: '${ROUTER_PASSWORD}'}":                    "",
		"router: {password_file: secrets/router}":                     "",
		"router: {password:}":                                         "",
		"router:\n  user: u\n  password: hunter2":                     "f.yaml:3: router.password: is a secret",
		"router: {password: 'pre${X}'}":                               "router.password: is a secret",
		"router: {password: '$${X}'}":                                 "router.password: is a secret",
		"router: {password: 12345}":                                   "router.password: is a secret",
		"router: {ssh_passphrase: x}":                                 "router.ssh_passphrase: is a secret",
		"router:\n  failover:\n  - {host: h, password: hunter2}":      "f.yaml:3: router.failover.password: is a secret",
		"x: &p hunter2\nrouter: {password: *p}":                       "router.password: is a secret",
		"x: &r {password: hunter2}\nrouter: {<<: *r}":                 "is a secret",
		"notify: {webhook: {url: 'https://ntfy.sh/topic'}}":           "notify.webhook.url: may hold a secret",
		"notify: {webhook: {url: 'https://ntfy.sh/${TOPIC}'}}":        "",
		"notify: {webhook: {headers: ['Authorization: Bearer abc']}}": "notify.webhook.headers: may hold a secret",
		"notify: {webhook: {headers: ['Authorization: ${T}']}}":       "",
		"notify: {mqtt: {password: hunter2}}":                         "notify.mqtt.password: is a secret",
		"alerting: {webhook_url: 'https://discord'}":                  "alerting.webhook_url: is a secret",
		"wan_name: a\n\n  # password: hunter2\n":                      "f.yaml:3: a comment seems to hold a secret",
		"wan_name: a # old password=hunter2\n":                        "a comment seems to hold a secret",
		"#password: ${ROUTER_PASSWORD}\n":                             "",
		"# write the password into a file\n":                          "",
		"password: {}":                                                "",
		"a: &a [*a, *a]\npassword: *a":                                "",
	} {
		var texts []string
		for _, p := range LiteralSecrets([]byte(text), "f.yaml") {
			texts = append(texts, p.String())
		}
		got := strings.Join(texts, "\n")
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, name := range []string{"wanctl.yaml", "steering.yaml", "cable.yaml", "dsl.yaml", "fibre.yaml", "lte.yaml", "starlink.yaml"} {
		if p := LiteralSecrets([]byte(read(t, configs+"/"+name)), name); len(p) > 0 {
			t.Errorf("the reference %s: %v", name, p)
		}
	}
}
