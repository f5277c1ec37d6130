package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/config"
)

// use is a file or a variable of the environment that commands use.
type use struct {
	name  string
	about string
	by    string // the commands below wanctl; all of them when empty
}

const (
	loops    = "run shape steer"
	watchers = "serve status check health report doctor"
	toRouter = loops + " router calibrate doctor config"
	readers  = toRouter + " notify fleet"
)

var environment = []use{
	{"WANCTL_CONFIG", "Configuration file in place of --config. Without it and without --wan, the only WAN of the configuration directory is used, else its wan.yaml.", "shape router calibrate doctor probe trace state config notify status check health report"},
	{"WANCTL_CONFIG_DIR", "Configuration directory in place of --config-dir.", readers + " probe trace state " + watchers},
	{"WANCTL_SECRETS", "File of secrets in place of --secrets.", readers},
	{"WANCTL_STEERING_CONFIG", "Configuration file of steering; by default steering.yaml in the configuration directory.", "steer"},
	{"WANCTL_MODE", "Command line of a wanctl without arguments, such as \"shape --wan dsl\": for containers.", loops + " serve"},
	{"WANCTL_LOG_LEVEL", "debug, info, warn or error, in place of --log-level.", loops + " serve"},
	{"WANCTL_LOG_FORMAT", "text or json, in place of --log-format.", loops + " serve"},
	{"WANCTL_SECTION_KEY", "Any key of a configuration: WANCTL_ and its dotted name in upper case, _ for the dots. WANCTL_ROUTER_HOST is router.host. wanctl-config(5) lists them.", readers + " probe"},
	{config.PasswordVariable, "Password of the router, where the configuration has none.", toRouter},
	{config.PassphraseVariable, "Passphrase of the private key, where the configuration has none.", toRouter},
	{"NO_COLOR", "Any value: no colour, as with --no-color.", "probe demo shape status sim"},
}

var files = []use{
	{"/etc/wanctl/NAME.yaml", "Configuration of the WAN NAME; wanctl-config(5).", readers + " probe trace state " + watchers},
	{"/etc/wanctl/steering.yaml", "Configuration of steering.", "run steer config serve status check doctor state router"},
	{config.SecretsFile, "Passwords and other variables, of mode 0600. A variable of the environment takes precedence.", readers},
	{"/etc/wanctl/node.yaml", "Who this host is among several, and where its fleet is.", "run serve ha fleet"},
	{"/etc/wanctl/allowed_signers", "Keys that may sign what is pushed to the fleet, in the format of ssh-keygen(1).", "run fleet"},
	{"/var/lib/wanctl/fleet", "Configurations that have come from the fleet.", "run"},
	{"/etc/wanctl/web.yml", "Certificate and users of a listener; any path that --web-config or web_config names.", loops + " serve"},
	{"/var/lib/wanctl/NAME_state.json", "State that is kept over a restart, .backup the version before, .corrupt a damaged one.", loops + " calibrate state serve status check doctor"},
	{"/var/lib/wanctl/NAME_history", "Directory of what the loop measured and did, at most 20 MB a month.", loops + " report serve doctor"},
	{"/run/wanctl/NAME.lock", "Held by the process that controls the WAN; holds its process ID.", loops + " calibrate state doctor"},
	{"/run/wanctl/NAME.sock", "Socket of a running loop, for serve, steer and status.", loops + " state " + watchers},
	{"/var/log/wanctl/NAME.log", "Log; SIGHUP reopens it.", loops + " doctor"},
}

// uses writes the section of what cmd uses of all.
func (r *roff) uses(section string, cmd *cobra.Command, all []use) {
	name := strings.Fields(cmd.CommandPath() + " ")[min(1, strings.Count(cmd.CommandPath(), " "))]
	first := true
	for _, u := range all {
		if cmd.HasParent() && !slices.Contains(strings.Fields(u.by), name) {
			continue
		}
		if first {
			r.section(section)
		}
		first = false
		r.term(`\fI`+escape(u.name)+`\fR`, u.about)
	}
}
