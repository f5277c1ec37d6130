package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// TestExamples runs what the help texts and the manual give as examples, in this process,
// in a directory with configurations and with a simulated router at the addresses of the
// examples. Of what needs another host or another program only the command line is checked.
func TestExamples(t *testing.T) {
	n := 0
	for _, e := range commandExamples(cli.Command("")) {
		n++
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			newExampleRig(t).run(t, e)
		})
	}
	if n < 80 {
		t.Errorf("%d examples", n)
	}
}

// The commands of README and guide parse: they are for another host than this one.
func TestCommandsOfTheGuide(t *testing.T) {
	n := 0
	for _, file := range []string{"../../README.md", "../../cmd/gendocs/guide.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\$ (?:sudo )?(wanctl (?:.*\\\n)*.*)$`).FindAllStringSubmatch(string(text), -1) {
			n++
			for _, s := range parseShell(t, m[1]) {
				if s.args[0] == "wanctl" {
					parses(t, s.args[1:])
				}
			}
		}
	}
	if n < 25 {
		t.Errorf("%d commands", n)
	}
}

// commandExamples returns the examples of cmd and of all commands below it, one command
// line each.
func commandExamples(cmd *cobra.Command) []string {
	var all []string
	text := strings.ReplaceAll(cmd.Example, "\\\n", "")
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	for _, sub := range cmd.Commands() {
		all = append(all, commandExamples(sub)...)
	}
	return all
}

// exampleRig is what examples find: a working directory, configurations and a router.
type exampleRig struct {
	dir  string
	env  map[string]string
	edit []func(cmd string, args []string) []string
}

const exampleRouter = `/queue type add name=cake-down kind=cake
/queue type add name=cake-up kind=cake
/interface add name=ether1 type=ether
/interface add name=bridge type=bridge
/queue tree add name=WAN-Download-1 parent=bridge packet-mark=no-mark queue=cake-down max-limit=500M
/queue tree add name=WAN-Upload-1 parent=ether1 packet-mark=no-mark queue=cake-up max-limit=40M
/queue tree add name=LTE-Download parent=bridge packet-mark=lte queue=cake-down max-limit=50M
/queue tree add name=LTE-Upload parent=ether1 packet-mark=lte queue=cake-up max-limit=10M
/queue simple add name=internet target=ether1 max-limit=40M/400M queue=cake-down/cake-up
/ip firewall mangle add chain=prerouting action=mark-routing new-routing-mark=main comment="ADAPTIVE: Steer latency-sensitive traffic" disabled=yes
/ip firewall mangle add chain=prerouting action=mark-routing new-routing-mark=main comment=steer disabled=yes
/ip firewall address-list add list=FORCE_OUT_ATT address=192.168.88.9
/system script add name=steer-on source=":log info steer" policy=read,write
/system script add name=backup source=":log info backup" policy=read,write
/user add name=admin group=full password=wanctl
/user add name=wanctl group=full password=wanctl
`

func newExampleRig(t *testing.T) *exampleRig {
	t.Helper()
	dir, err := os.MkdirTemp("", "wanctl") // a short path, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	sim, err := simrouter.New(simrouter.Config{Script: exampleRouter, ScriptName: "router.rsc"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	ports := map[simrouter.Service]string{}
	for _, service := range []simrouter.Service{simrouter.WWWSSL, simrouter.APISSL} {
		if err := sim.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		_, ports[service], _ = strings.Cut(sim.AddrOf(service), ":")
	}
	for _, sub := range []string{"etc", "lib", "run", "work"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := func(name, queues string) string {
		return strings.NewReplacer("DIR", dir, "NAME", name, "QUEUES", queues, "PORT", ports[simrouter.WWWSSL]).Replace(`wan_name: NAME
router: {host: 127.0.0.1, port: PORT, user: wanctl, password: "${ROUTER_PASSWORD}"}
queues: {QUEUES}
lock_file: DIR/run/NAME.lock
state_file: DIR/lib/NAME_state.json
logging: {main_log: DIR/lib/NAME.log}
health_check: {enabled: false}
notify: {webhook: {url: "https://127.0.0.1:PORT/"}}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  fallback_checks: {enabled: false}
  download: {ceiling_mbps: 500, floor_mbps: 10}
  upload: {ceiling_mbps: 40, floor_mbps: 2}
`)
	}
	tree := "download: WAN-Download-1, upload: WAN-Upload-1"
	spectrum := config("spectrum", tree)
	steering := strings.NewReplacer("DIR", dir, "PORT", ports[simrouter.WWWSSL]).Replace(`wan_name: steering
router: {host: 127.0.0.1, port: PORT, user: wanctl, password: "${ROUTER_PASSWORD}"}
topology: {primary_wan: spectrum, primary_wan_config: DIR/etc/spectrum.yaml, alternate_wan: att}
mangle_rule: {comment: "ADAPTIVE: Steer latency-sensitive traffic"}
measurement: {ping_host: 127.0.0.1}
lock_file: DIR/run/steering.lock
state_file: DIR/lib/steering_state.json
logging: {main_log: DIR/lib/steering.log}
health_check: {enabled: false}
notify: {webhook: {url: "https://127.0.0.1:PORT/"}}
`)
	recording, err := os.ReadFile("../../testdata/trace/route-change.csv")
	if err != nil {
		t.Fatal(err)
	}
	state := `{"download":{"current_rate":400000000},"ewma":{"baseline_rtt":24.5,"load_rtt":25},"timestamp":"2026-11-01T12:00:00Z"}`
	for name, text := range map[string]string{
		"etc/spectrum.yaml": spectrum, "etc/lte.yaml": config("lte", "download: LTE-Download, upload: LTE-Upload"),
		"etc/fibre.yaml": config("fibre", "simple: internet, target: wan"), "etc/steering.yaml": steering,
		"etc/web.yml":        "tls_server_config: {cert_file: server.crt, key_file: server.key}\nbasic_auth_users: {alice: '" + hashSecret + "'}\n",
		"work/spectrum.yaml": spectrum, "work/steering.yaml": steering, "work/router.rsc": exampleRouter,
		"work/old.yaml": spectrum, "work/new.yaml": spectrum, "work/other.yaml": spectrum, "work/trace.jsonl": string(recording),
		"lib/spectrum_state.json": state, "lib/spectrum_state.json.corrupt": state,
	} {
		write(t, filepath.Join(dir, name), text)
	}
	keyPair(t, filepath.Join(dir, "etc"), 1)
	paths := strings.NewReplacer("/etc/wanctl/*.yaml", dir+"/etc/spectrum.yaml", "/etc/wanctl", dir+"/etc", "/var/lib/wanctl", dir+"/lib", "/run/wanctl", dir+"/run")
	file := regexp.MustCompile(`^([a-z-]+\.(yaml|jsonl|rsc|svg|html|csv)|ready|\.)$`)
	port := regexp.MustCompile(`^((?:127|0)\.0\.0\.[01]:)\d+$`)
	r := &exampleRig{dir: dir, env: map[string]string{
		"ROUTER_PASSWORD": "wanctl", "HOME": dir, "WANCTL_CONFIG_DIR": dir + "/etc", "WANCTL_CONFIG": dir + "/etc/spectrum.yaml",
	}}
	r.edit = append(r.edit, func(cmd string, args []string) []string {
		for i, a := range args {
			args[i] = paths.Replace(a)
			switch before := args[max(0, i-1)]; {
			case file.MatchString(a):
				args[i] = filepath.Join(dir, "work", a)
			case before == "--host":
				args[i] = "127.0.0.1:" + ports[simrouter.WWWSSL]
				if slices.Contains(args, "api") {
					args[i] = "127.0.0.1:" + ports[simrouter.APISSL]
				}
			case before == "--wait" && cmd == "status":
				args[i] = "50ms"
			case before == "--duration":
				args[i] = "50ms"
			case before == "--count":
				args[i] = "2"
			case before == "--seeds":
				args[i] = "1"
			case port.MatchString(a) && cmd != "health":
				args[i] = port.ReplaceAllString(a, "${1}0")
			}
		}
		switch {
		case cmd == "serve" && slices.Contains(args, "--fleet"):
			write(t, filepath.Join(dir, "etc", "node.yaml"), "fleet: {url: ['nats://127.0.0.1:1']}\n")
			return append(args, "--listen", "127.0.0.1:0")
		case cmd == "sim fleet":
			write(t, filepath.Join(dir, "etc", "node.yaml"), "fleet: {url: ['nats://127.0.0.1:1']}\n")
		case cmd == "serve" && !slices.Contains(args, "--listen"):
			args = append(args, "--listen", "127.0.0.1:0")
		case cmd == "sim router" && !slices.Contains(args, "--listen"):
			args = append(args, "--listen", "127.0.0.1:0")
		case cmd == "ha drain":
			write(t, filepath.Join(dir, "etc", "node.yaml"), "node: {name: pop1-a}\nha: {order: [pop1-a, pop1-b]}\n")
		case cmd == "ha move":
			args[2] = "127.0.0.1"
		case cmd == "doctor":
			args = append(args, "--measure", "1s")
		case cmd == "config init": // what it sets up is not there
			wan := "spectrum"
			if i := slices.Index(args, "--wan"); i >= 0 {
				wan = args[i+1]
			}
			for _, name := range []string{wan, "steering"} {
				_ = os.Remove(filepath.Join(dir, "etc", name+".yaml"))
			}
		}
		return args
	})
	return r
}

// elsewhere matches hosts that an example means to be others than this one and the router.
var elsewhere = regexp.MustCompile(`example\.(com|net)|one\.one\.one\.one|^192\.0\.2\.`)

func (r *exampleRig) run(t *testing.T, line string) {
	input := ""
	for _, s := range parseShell(t, line) {
		if s.args[0] != "wanctl" { // another program
			input = ""
			continue
		}
		cmd := parses(t, s.args[1:])
		switch {
		case slices.ContainsFunc(s.args, elsewhere.MatchString), cmd == "sim control":
			continue // another host
		}
		if _, err := hostnet.ICMPAccess(); err != nil && slices.Contains([]string{"probe", "shape", "calibrate"}, cmd) {
			t.Skip(err)
		}
		out := r.wanctl(t, cmd, slices.Clone(s.args[1:]), s.env, input)
		if input = out; s.to != "" {
			write(t, filepath.Join(r.dir, "work", s.to), out)
		}
	}
}

// untilStopped are commands that do not end by themselves, or only after minutes.
var untilStopped = []string{"shape", "steer", "run", "serve", "probe", "sim router", "sim link", "sim fleet", "calibrate"}

// asks matches what a command says that wants to ask somebody at a terminal.
var asks = regexp.MustCompile(`no terminal|without a terminal`)

// wanctl runs one command and returns its output. A command that runs until it is stopped
// is stopped soon.
func (r *exampleRig) wanctl(t *testing.T, cmd string, args []string, env map[string]string, input string) string {
	t.Helper()
	for _, edit := range r.edit {
		args = edit(cmd, args)
	}
	limit := 20 * time.Second
	if slices.Contains(untilStopped, cmd) {
		limit = 200 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out, errs bytes.Buffer
	a := &app.App{Streams: output.Streams{In: strings.NewReader(input), Out: &out, Err: &errs}, LookupEnv: func(name string) (string, bool) {
		if v, ok := env[name]; ok && v != "..." {
			return v, true
		}
		v, ok := r.env[name]
		return v, ok
	}}
	status := cli.Run(canceledAtDeadline(ctx), a, args)
	allowed := []int{app.ExitOK, app.ExitCheck}
	switch {
	case cmd == "check" || cmd == "health": // their statuses are answers
		allowed = []int{0, 1, 2}
	case ctx.Err() != nil:
		allowed = append(allowed, app.ExitFailure) // interrupted
	case asks.MatchString(errs.String()):
		allowed = append(allowed, app.ExitUsage)
	}
	if !slices.Contains(allowed, status) {
		t.Errorf("wanctl %s: status %d\n%s%s", strings.Join(args, " "), status, out.String(), errs.String())
	}
	return out.String()
}

// canceledAtDeadline returns a context that is cancelled as by a signal when ctx ends.
func canceledAtDeadline(ctx context.Context) context.Context {
	child, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, cancel)
	return child
}

// parses checks the flags and arguments of a command line, and returns the path of its
// command below wanctl.
func parses(t *testing.T, args []string) string {
	t.Helper()
	cmd, rest, err := cli.Command("").Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil && cmd.Args != nil {
		err = cmd.Args(cmd, cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("wanctl %s: %v", strings.Join(args, " "), err)
		return ""
	}
	return strings.TrimPrefix(cmd.CommandPath(), "wanctl ")
}

// stage is one command of a pipeline or list.
type stage struct {
	env  map[string]string
	args []string
	to   string // the file of its output
}

// parseShell splits a line as a shell does: quotes, comments, assignments, pipes, lists
// and one redirection.
func parseShell(t *testing.T, line string) []stage {
	t.Helper()
	var stages []stage
	now := stage{env: map[string]string{}}
	in := strings.NewReader(strings.ReplaceAll(line, "\\\n", ""))
	redirected := false
	for {
		word, quoted, err := shellWord(in)
		switch {
		case err == io.EOF || !quoted && strings.HasPrefix(word, "#"):
			if len(now.args) > 0 {
				stages = append(stages, now)
			}
			if len(stages) == 0 {
				t.Fatalf("%s: no command", line)
			}
			return stages
		case err != nil:
			t.Fatalf("%s: %v", line, err)
		case !quoted && (word == "|" || word == "&&" || word == "&"):
			stages = append(stages, now)
			now = stage{env: map[string]string{}}
		case !quoted && word == ">":
			redirected = true
		case redirected:
			now.to, redirected = word, false
		case len(now.args) == 0 && strings.Contains(word, "="):
			name, value, _ := strings.Cut(word, "=")
			now.env[name] = value
		default:
			now.args = append(now.args, word)
		}
	}
}

// shellWord reads the next word of in, without its quotes.
func shellWord(in *strings.Reader) (word string, quoted bool, err error) {
	var b strings.Builder
	var quote rune
	for {
		c, _, err := in.ReadRune()
		switch {
		case err != nil && quote != 0:
			return "", false, fmt.Errorf("no closing %c", quote)
		case err != nil && b.Len() == 0 && !quoted:
			return "", false, io.EOF
		case err != nil:
			return b.String(), quoted, nil
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(c)
		case c == '\'' || c == '"':
			quote, quoted = c, true
		case c == ' ' && (b.Len() > 0 || quoted):
			return b.String(), quoted, nil
		case c != ' ':
			b.WriteRune(c)
		}
	}
}
