package configcmd

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
)

// schemaLine names the JSON schema for editors, where the package or make install has
// put it.
func schemaLine(kind string) string {
	path := config.Shipped(kind + ".schema.json")
	if !filepath.IsAbs(path) {
		path = "/usr/share/wanctl/" + kind + ".schema.json"
	}
	return "# yaml-language-server: $schema=" + path + "\n"
}

// text returns the configuration of the WAN.
func (i *initializer) text() string {
	var b strings.Builder
	b.WriteString(schemaLine("wanctl") + "#\n# Written by 'wanctl config init'. 'wanctl config explain KEY' explains a key, and\n# 'wanctl doctor' examines what it describes.\n")
	fmt.Fprintf(&b, "wan_name: %s\n\n", quoted(i.name))
	b.WriteString(i.routerText())
	b.WriteString("\nqueues:\n")
	for _, q := range [][2]string{{"download", i.queues.Download}, {"upload", i.queues.Upload}, {"simple", i.queues.Simple}, {"target", string(i.queues.Target)}} {
		if q[1] != "" {
			fmt.Fprintf(&b, "  %s: %s\n", q[0], quoted(q[1]))
		}
	}
	fmt.Fprintf(&b, "\ncontinuous_monitoring:\n  # A line of the kind %s. The floor lies below what it gives on its worst evening.\n", i.kind.name)
	for _, d := range []struct {
		name string
		bounds
	}{{"download", i.down}, {"upload", i.up}} {
		if d.ceiling > 0 {
			fmt.Fprintf(&b, "  %s:\n    ceiling_mbps: %s\n    floor_mbps: %s\n", d.name, mbps(d.ceiling), mbps(d.floor))
		}
	}
	k := i.kind
	fmt.Fprintf(&b, "  # %s.\n  thresholds:\n    target_bloat_ms: %d\n    warn_bloat_ms: %d\n    hard_red_bloat_ms: %d\n", upperFirst(k.why), k.target, k.warn, k.red)
	if k.baseline != [2]int{} {
		fmt.Fprintf(&b, "    baseline_rtt_bounds:\n      min: %d\n      max: %d\n", k.baseline[0], k.baseline[1])
	}
	if i.source != "" {
		fmt.Fprintf(&b, "  # The way of the probes of this WAN alone.\n  ping_source: %s\n", quoted(i.source))
	}
	if i.iface != "" {
		fmt.Fprintf(&b, "  # The way of the probes of this WAN alone.\n  ping_interface: %s\n", quoted(i.iface))
	}
	b.WriteString(i.files(i.name))
	return b.String()
}

// routerText returns the section of the router, which steering has as well.
func (i *initializer) routerText() string {
	var b strings.Builder
	r := i.router
	fmt.Fprintf(&b, "router:\n  transport: %s\n  host: %s\n", r.Transport, quoted(r.Host))
	if r.Port != 0 {
		fmt.Fprintf(&b, "  port: %d\n", r.Port)
	}
	if r.Transport != config.SSH && !r.TLS {
		b.WriteString("  tls: false\n")
	}
	fmt.Fprintf(&b, "  user: %s\n", quoted(r.User))
	switch {
	case r.SSHKey != "":
		fmt.Fprintf(&b, "  ssh_key: %s\n", quoted(r.SSHKey))
	case i.passwordFile != "":
		fmt.Fprintf(&b, "  password_file: %s\n", quoted(filepath.Base(i.passwordFile)))
	default:
		fmt.Fprintf(&b, "  password: ${%s}\n", i.variable)
	}
	if r.TLSFingerprint != "" {
		fmt.Fprintf(&b, "  tls_fingerprint: %s\n", quoted(r.TLSFingerprint))
	}
	if r.SSHFingerprint != "" {
		fmt.Fprintf(&b, "  ssh_fingerprint: %s\n", quoted(r.SSHFingerprint))
	}
	return b.String()
}

// files returns the paths of the files of a daemon, for a trial in a directory of one's
// own: the defaults belong to the service.
func (i *initializer) files(name string) string {
	if filepath.Dir(i.path) == serviceDir {
		return ""
	}
	dir := filepath.Dir(i.path)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return fmt.Sprintf("\n# Beside this file; without these, where the service has them.\nlock_file: %s\nstate_file: %s\nlogging:\n  main_log: %s\n",
		quoted(filepath.Join(dir, "run", name+".lock")), quoted(filepath.Join(dir, "state", name+"_state.json")), quoted(filepath.Join(dir, "log", name+".log")))
}

// serviceDir is the directory that the units read.
const serviceDir = "/etc/wanctl"

// steeringText returns the configuration of steering.
func (i *initializer) steeringText() string {
	var b strings.Builder
	b.WriteString(schemaLine("steering") + "#\n# Written by 'wanctl config init': new connections leave one WAN by the other while it\n# is congested.\nwan_name: steering\n\n")
	b.WriteString(i.routerText())
	fmt.Fprintf(&b, "\ntopology:\n  primary_wan: %s\n  primary_wan_config: %s\n  alternate_wan: %s\n  alternate_wan_config: %s\n",
		quoted(i.steerFrom.Name), quoted(filepath.Base(i.steerFrom.Path)), quoted(i.name), quoted(filepath.Base(i.path)))
	fmt.Fprintf(&b, "\nmangle_rule:\n  comment: %s\n", quoted(i.rule()))
	b.WriteString(i.files("steering"))
	return b.String()
}

// rule is the comment of the rule that steers, as 'router export' has it.
func (i *initializer) rule() string { return "wanctl: steer to " + i.name }

// quoted returns a YAML scalar: plain where that is safe.
func quoted(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./", r)
	})
	if plain && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z' || s[0] == '/') && !isWord(s) {
		return s
	}
	return strconv.Quote(strings.ReplaceAll(s, "${", "$${"))
}

// isWord reports whether YAML takes a plain scalar for something else than a string.
func isWord(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return true
	}
	return false
}

func mbps(r bitrate.Rate) string { return strconv.FormatFloat(r.Mbps(), 'f', -1, 64) }

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// places decides where the password goes: into the file of secrets that commands and
// services read, or beside a configuration that is elsewhere.
func (i *initializer) places() error {
	if i.router.SSHKey != "" {
		return nil
	}
	if filepath.Dir(i.path) != serviceDir && i.Global.Secrets == config.SecretsFile {
		i.passwordFile = filepath.Join(filepath.Dir(i.path), i.name+".password")
		return nil
	}
	// Another router's password has another name.
	i.variable = config.PasswordVariable
	have, _, err := config.ReadSecrets(i.Global.Secrets, true)
	if err != nil {
		return err
	}
	if other, set := have[i.variable]; set && other != i.router.Password.Reveal() {
		i.variable += "_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(i.name))
	}
	return nil
}
