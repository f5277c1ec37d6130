package configcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

const initLong = `Set up a WAN, question by question: the router and how to reach it, its fingerprint,
the queues that it has, the kind of line and its speed, and steering where there is
another WAN. The connection is tried before anything is written. Enter accepts the
proposal in brackets. Every answer is also a flag; without a terminal all of them have
to be given.

--from-router uses the queues, limits and interfaces of the router without asking. If
the router has no queues yet, --export FILE writes the commands that create them, as
'wanctl router export' prints them.

It writes NAME.yaml into the configuration directory, steering.yaml with --steer-from,
and the password into the file of secrets, with mode 0600; in another directory than
/etc/wanctl, into NAME.password beside the configuration. A file that exists is kept
as FILE.backup, and without a terminal replaced only with --replace.`

// initFlags are the answers given as flags.
type initFlags struct {
	host, transport, user, passwordEnv, sshKey string
	plain                                      bool
	fingerprint                                string

	downloadQueue, uploadQueue, simpleQueue, target string
	line, download, upload                          string
	source, iface                                   string
	wanInterface, lanInterface, gateway             string
	steerFrom                                       string

	fromRouter, offline, replace bool
	export                       string
}

func newInitCmd(a *app.App) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Set up a WAN, question by question",
		Long:  initLong,
		Example: `  wanctl config init
  wanctl config init --wan spectrum --from-router
  ROUTER_PASSWORD=... wanctl config init --wan spectrum --host 192.168.88.1 --fingerprint accept \
    --line cable --download 500M --upload 40M --export spectrum.rsc
  wanctl config init --wan lte --line lte --ping-source 192.168.88.11 --steer-from spectrum    # on the same router`,
		Args:        app.UsageArgs(cobra.NoArgs),
		Annotations: app.WritesSecrets,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Global.Output != output.Table {
				return app.Usagef("config init has no -o %s: wanctl config show -o %[1]s prints what it has written", a.Global.Output)
			}
			i := &initializer{prompter: newPrompter(a, cmd), flags: f}
			return i.run(cmd.Context())
		},
	}
	l := cmd.Flags()
	l.StringVar(&f.host, "host", "", "router `HOST` or HOST:PORT (default that of another WAN of the directory)")
	l.StringVar(&f.transport, "transport", "", "protocol `NAME`, rest, api or ssh")
	l.BoolVar(&f.plain, "plain", false, "rest or api without TLS; the password crosses the network in clear")
	l.StringVar(&f.fingerprint, "fingerprint", "", "what the router identifies itself by: SHA-256 of the certificate in `HEX`, SHA256:... of the SSH host key, accept for what it shows now, or none")
	l.StringVar(&f.user, "user", "", "user `NAME` on the router")
	l.StringVar(&f.passwordEnv, "password-env", config.PasswordVariable, "environment variable `NAME` that holds the password")
	l.StringVar(&f.sshKey, "ssh-key", "", "for ssh: private key `FILE`, instead of a password")
	l.StringVar(&f.downloadQueue, "download-queue", "", "`NAME` of the queue of the tree for the download, or none")
	l.StringVar(&f.uploadQueue, "upload-queue", "", "`NAME` of the queue of the tree for the upload, or none")
	l.StringVar(&f.simpleQueue, "simple-queue", "", "`NAME` of one simple queue for both")
	l.StringVar(&f.target, "target", "", "with --simple-queue: `SIDE` that its target is, lan or wan, if it does not follow from the router")
	l.StringVar(&f.line, "line", "", "kind of line: `KIND` fibre, cable, dsl, lte or starlink")
	l.StringVar(&f.download, "download", "", "speed of the download by the contract: `RATE` such as 500M")
	l.StringVar(&f.upload, "upload", "", "speed of the upload by the contract: `RATE` such as 40M")
	l.StringVar(&f.source, "ping-source", "", "`ADDRESS` of this host that the probes of this WAN come from, for two WANs")
	l.StringVar(&f.iface, "ping-interface", "", "interface `NAME` of this host that the probes leave by, for two WANs")
	l.StringVar(&f.wanInterface, "wan-interface", "", "`NAME` of the router's interface to the Internet")
	l.StringVar(&f.lanInterface, "lan-interface", "", "`NAME` of the router's interface to the LAN")
	l.StringVar(&f.gateway, "wan-gateway", "", "`GATEWAY` of this WAN, an address or an interface, for two WANs")
	l.StringVar(&f.steerFrom, "steer-from", "", "write steering.yaml: new connections leave the WAN `NAME` by this one while it is congested; none for no")
	l.BoolVar(&f.fromRouter, "from-router", false, "use what the router has without asking")
	l.BoolVar(&f.offline, "offline", false, "do not try the connection: the router is not there yet")
	l.BoolVar(&f.replace, "replace", false, "replace files that exist; they are kept as FILE.backup")
	l.StringVar(&f.export, "export", "", "write the commands that the router needs to `FILE`")
	app.CompleteFlag(cmd, "transport", string(config.REST), string(config.API), string(config.SSH))
	app.CompleteFlag(cmd, "line", kindNames()...)
	app.CompleteFlag(cmd, "target", string(config.TargetLAN), string(config.TargetWAN))
	for _, name := range []string{"host", "user", "password-env", "fingerprint", "download-queue", "upload-queue", "simple-queue", "download", "upload",
		"ping-source", "ping-interface", "wan-interface", "lan-interface", "wan-gateway", "steer-from"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	_ = cmd.MarkFlagFilename("ssh-key")
	_ = cmd.MarkFlagFilename("export", "rsc")
	return cmd
}

// initializer is one run.
type initializer struct {
	*prompter
	flags initFlags
	setup

	others []*config.WAN // of the directory
	found  found         // on the router
}

// setup is what is decided.
type setup struct {
	name, path string
	router     config.Router
	reached    bool // the router let the user in

	queues       config.Queues
	kind         line
	down, up     bounds
	source       string
	iface        string
	wan, lan     string // interfaces of the router
	gateway      string
	steerFrom    *config.WAN // nil: no steering
	passwordFile string      // "" where the file of secrets holds it
	variable     string      // of the password
}

func (i *initializer) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{i.askName, i.askRouter, i.readRouter, i.askQueues, i.askLine, i.askWay, i.askSteering} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := i.complete(); err != nil {
		return err
	}
	return i.finish(ctx)
}

// scalar returns a check by a kind of value.
func scalar(kind schema.Kind) func(string) (string, error) {
	return func(s string) (string, error) { return schema.ParseScalar(kind, s) }
}

func oneOf(values ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(values, s) {
			return "", fmt.Errorf("is not one of %s", strings.Join(values, ", "))
		}
		return s, nil
	}
}

func (i *initializer) askName(context.Context) error {
	g := &i.Global
	switch {
	case len(g.WANs) > 1:
		return app.Usagef("config init sets up one WAN, and --wan was given %d times", len(g.WANs))
	case g.Config != "":
		i.path = g.Config
		i.name = strings.TrimSuffix(filepath.Base(g.Config), filepath.Ext(g.Config))
	case len(g.WANs) == 1:
		i.name = g.WANs[0]
	}
	var err error
	if i.name == "" {
		i.say("Each WAN has a name, for its file, logs and metrics.\n")
		if i.name, err = i.ask(question{flag: "wan", text: "Name of this WAN", propose: map[bool]string{true: "wan"}[i.tty], check: scalar(schema.Identifier)}, ""); err != nil {
			return err
		}
	} else if i.name, err = scalar(schema.Identifier)(i.name); err != nil {
		return app.Usagef("--wan: %v", err)
	}
	if i.path == "" && i.name != "" {
		if i.path, err = config.Path(g.ConfigDir, i.name); err != nil {
			return app.Usagef("--wan: %v", err)
		}
	}
	if err := i.askReplace(i.path, "--wan NAME names another WAN"); err != nil {
		return err
	}
	opts := i.ConfigOptions()
	opts.WithoutSecrets, opts.FileAlone = true, true
	for _, path := range config.Files(filepath.Dir(i.path)) {
		if path == i.path || config.DetectKind(path) == config.KindSteering {
			continue
		}
		w, _, err := config.Load(path, i.ConfigOptions())
		if err != nil { // its password may be another user's
			w, _, err = config.Load(path, opts)
		}
		if err == nil {
			i.others = append(i.others, w)
		}
	}
	return nil
}

// askReplace asks before a file that exists is replaced; another says how to name another.
func (i *initializer) askReplace(path, another string) error {
	if path == "" || i.flags.replace {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	yes, err := i.confirm(path+" exists. Replace it, and keep it as a backup?", false, false)
	if err == nil && !yes {
		return app.Usagef("%s exists; --replace replaces it, and keeps it as %[1]s.backup; %s", path, another)
	}
	return err
}

func (i *initializer) askLine(context.Context) error {
	propose := kindOf(i.found.typeOf(i.wan))
	if !i.tty && !i.flags.fromRouter {
		propose = ""
	}
	name, err := i.ask(question{
		flag: "line", text: "Kind of line (" + strings.Join(kindNames(), ", ") + ")", propose: propose,
		explain: "The kind of line decides which delay counts as a queue: some lines have jitter of\ntheir own.",
		check:   oneOf(kindNames()...),
	}, i.flags.line)
	if err != nil {
		return err
	}
	if name != "" {
		if i.kind, err = findKind(name); err != nil {
			return err
		}
		i.say("  %s: %s\n", i.kind.name, i.kind.why)
	}
	simple := i.queues.Simple != ""
	for _, d := range []struct {
		flag, value, queue string
		limit              bitrate.Rate
		to                 *bounds
	}{{"download", i.flags.download, i.queues.Download, i.found.limit[0], &i.down}, {"upload", i.flags.upload, i.queues.Upload, i.found.limit[1], &i.up}} {
		if d.queue == "" && !simple {
			continue
		}
		q := question{flag: d.flag, text: "Speed of the " + d.flag + " by the contract, such as 500M", check: speed}
		if d.limit > 0 && (i.tty || i.flags.fromRouter) {
			q.propose = d.limit.String()
			q.explain = fmt.Sprintf("The queue has a limit of %s; take that, or give the speed of the contract.", d.limit)
		}
		answer, err := i.ask(q, d.value)
		if err != nil {
			return err
		}
		contract, _ := bitrate.Parse(answer) // it was checked
		*d.to = i.kind.bounds(contract, d.limit)
	}
	return nil
}

// speed checks a speed in the range of configurations. A bare number is most likely meant
// in Mbit/s, which it is not.
func speed(s string) (string, error) {
	r, err := bitrate.Parse(s)
	switch {
	case err != nil:
		return "", fmt.Errorf("is no speed: %w", err)
	case r < bitrate.Mbps/10 || r > 100_000*bitrate.Mbps:
		return "", errors.New("is out of range: from 100k to 100G; 40M is 40 Mbit/s")
	}
	return r.String(), nil
}

// askWay asks by which way the probes leave, where there are several WANs.
func (i *initializer) askWay(context.Context) error {
	var err error
	if i.flags.iface != "" {
		i.iface, err = i.ask(question{flag: "ping-interface", text: "Interface", check: scalar(schema.Interface)}, i.flags.iface)
		if err != nil {
			return err
		}
	}
	if len(i.others) == 0 && i.flags.source == "" || i.iface != "" {
		return nil
	}
	i.source, err = i.ask(question{
		flag: "ping-source", text: "Address of this host for the probes of " + i.name, empty: true, check: scalar(schema.Address),
		explain: fmt.Sprintf("There are other WANs here: %s. Each is measured by its own way: give this host an\naddress for each (ip address add ...), by which the router distinguishes the probes.", i.otherNames()),
	}, i.flags.source)
	if err != nil || i.source == "" {
		return err
	}
	i.gateway, err = i.ask(question{
		flag: "wan-gateway", text: "Gateway of " + i.name + ", an address or an interface of the router", propose: i.found.gatewayOf(i.wan), empty: true,
		check: scalar(schema.Host),
	}, i.flags.gateway)
	return err
}

func (i *initializer) otherNames() string {
	var names []string
	for _, w := range i.others {
		names = append(names, w.Name)
	}
	return strings.Join(names, ", ")
}

func (i *initializer) askSteering(context.Context) error {
	if len(i.others) == 0 && i.flags.steerFrom == "" {
		return nil
	}
	var names []string
	for _, w := range i.others {
		names = append(names, w.Name)
	}
	answer, err := i.ask(question{
		flag: "steer-from", text: "WAN that they leave, or none", propose: "none", check: oneOf(append(names, "none")...),
		explain: fmt.Sprintf("Steering: while another WAN is congested, new connections of chosen hosts can leave\nby %s. WANs: %s.", i.name, strings.Join(names, ", ")),
	}, i.flags.steerFrom)
	if err != nil || answer == "none" {
		return err
	}
	i.steerFrom = i.others[slices.Index(names, answer)]
	return i.askReplace(i.steeringPath(), "--config-dir DIR names another directory")
}

func (i *initializer) steeringPath() string {
	return filepath.Join(filepath.Dir(i.path), "steering.yaml")
}
