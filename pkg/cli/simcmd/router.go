package simcmd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

type routerOptions struct {
	listen, api, apiSSL, ssh string

	control     string
	readyFile   string
	script      string
	user        string
	passwordEnv string
	version     string
	latency     time.Duration
	plain       bool
	strict      bool
	quirks      []string

	// optional are services at addresses nobody asked for: what has taken the
	// port may keep it.
	optional []simrouter.Service
}

func newRouterCmd(a *app.App) *cobra.Command {
	var o routerOptions
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Serve a simulated RouterOS",
		Long: `Serve a simulated RouterOS until SIGINT or SIGTERM, over REST, the binary API and
SSH at once: queue tree, simple queues, queue types, mangle rules, address lists,
users with passwords and policies, the log, and its habits, such as answering one
REST request at a time.

Without addresses, it serves REST at 127.0.0.1:8443, the API over TLS at port
8729 and SSH at port 8022. With --listen, only services that are given an address
are started; an empty address is none, so --listen '' --ssh 127.0.0.1:8022 serves
SSH alone.

It starts with two CAKE queues and two users, or from a file in the form of a
RouterOS export. Menus that are not simulated are skipped with a warning each, and
arguments without a meaning here are kept; --strict stops at both.

Of the script language it has what exports and wanctl use: commands of menus,
find with conditions, [], $name, and, or, !, =, !=, ~, . and ->, and :put, :local,
:if, :foreach, :do, :error, :log, :len, :typeof and :tostr. SSH runs such lines; it has
no prompt, and 'print' is not a command there. scp and sftp put files on it, which
/import runs, and fetch them; /export prints its configuration, as --script reads it,
or writes it to a file.

Where routers differ, or their behaviour is not published, it is strict. --quirk
chooses the other behaviour:
` + quirkList() + `
With --control, 'wanctl sim control' causes faults while it runs.

The ready file has three lines, of which any may be empty: host:port of REST,
SHA-256 of the certificate, host:port for 'wanctl sim control'. Further lines
begin with a name: api, api-ssl and ssh with host:port, and ssh-fingerprint with
the fingerprint of the host key.`,
		Example: `  wanctl sim router
  wanctl sim router --latency 120ms --script router.rsc
  wanctl sim router --listen 127.0.0.1:0 --control 127.0.0.1:0 --ready-file ready &
  wanctl sim router --listen '' --api 127.0.0.1:8728 --version-ros 6.49.10`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.settle(cmd.Flags().Changed)
			sim, err := simulatedRouter(a, o)
			if err != nil {
				return err
			}
			ctx, _, stop := supervisor.Signals(cmd.Context())
			defer stop()
			return serveSimulatedRouter(ctx, a, sim, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8443", "`HOST:PORT` of REST; port 0 picks a free one")
	f.StringVar(&o.api, "api", "", "`HOST:PORT` of the binary API without TLS")
	f.StringVar(&o.apiSSL, "api-ssl", "127.0.0.1:8729", "`HOST:PORT` of the binary API over TLS; none with --listen, unless given")
	f.StringVar(&o.ssh, "ssh", "127.0.0.1:8022", "`HOST:PORT` of SSH; none with --listen, unless given")
	f.StringVar(&o.control, "control", "", "`HOST:PORT` for 'wanctl sim control'; everyone who can reach it controls the router")
	f.StringVar(&o.readyFile, "ready-file", "", "once listening, write addresses and fingerprints to `FILE`")
	f.StringVar(&o.script, "script", "", "initial configuration from `FILE`, in the form of a RouterOS export")
	f.BoolVar(&o.strict, "strict", false, "with --script: stop at menus and arguments that are not simulated")
	f.StringVar(&o.user, "user", "", "add a user `NAME` that may do what wanctl needs, or set the password of an existing one and enable it")
	f.StringVar(&o.passwordEnv, "password-env", "", "with --user: environment variable `NAME` that holds the password; none is no password")
	f.StringVar(&o.version, "version-ros", "7.24.4", "RouterOS `VERSION` to simulate")
	f.DurationVar(&o.latency, "latency", 0, "time that every request takes")
	f.BoolVar(&o.plain, "plain", false, "REST over http instead of https")
	f.StringSliceVar(&o.quirks, "quirk", nil, "behave as some routers do: `NAMES` separated by commas")
	app.CompleteFlag(cmd, "quirk", quirkNames()...)
	app.CompleteFlag(cmd, "version-ros", "6.49.10", "7.12", "7.18", "7.22.1", "7.24.4")
	_ = cmd.MarkFlagFilename("script", "rsc")
	return app.Prints[readyInfo](a, cmd)
}

func quirkNames() []string {
	var names []string
	for _, q := range new(simrouter.Quirks).Named() {
		names = append(names, q.Name)
	}
	return names
}

// quirkList is the list of quirks for the help.
func quirkList() string {
	var b strings.Builder
	for _, q := range new(simrouter.Quirks).Named() {
		fmt.Fprintf(&b, "  %-22s %s\n", q.Name, q.Text)
	}
	return b.String()
}

// settle decides what is served where no address was given: scripts name the
// address of REST, and must not meet others at fixed ports of the rest.
func (o *routerOptions) settle(given func(flag string) bool) {
	for _, s := range []struct {
		kind simrouter.Service
		flag string
		addr *string
	}{{simrouter.APISSL, "api-ssl", &o.apiSSL}, {simrouter.SSH, "ssh", &o.ssh}} {
		switch {
		case given(s.flag):
		case given("listen"):
			*s.addr = ""
		default:
			o.optional = append(o.optional, s.kind)
		}
	}
}

// simService is one service of the router, and the flag of its address.
type simService struct {
	kind simrouter.Service
	flag string
	addr string
}

// services lists those that have an address.
func (o *routerOptions) services() []simService {
	rest := simrouter.WWWSSL
	if o.plain {
		rest = simrouter.WWW
	}
	var services []simService
	for _, s := range []simService{
		{rest, "listen", o.listen}, {simrouter.API, "api", o.api}, {simrouter.APISSL, "api-ssl", o.apiSSL}, {simrouter.SSH, "ssh", o.ssh},
	} {
		if s.addr != "" {
			services = append(services, s)
		}
	}
	return services
}

// check finds mistakes in the options.
func (o *routerOptions) check() error {
	if _, err := routeros.ParseVersion(o.version); err != nil {
		return app.Usagef("--version-ros: %v", err)
	}
	if o.latency < 0 {
		return app.Usagef("--latency %v: must not be negative", o.latency)
	}
	services := o.services()
	if len(services) == 0 {
		return app.Usagef("nothing to serve: give an address with --listen, --api, --api-ssl or --ssh")
	}
	for _, s := range append(services, simService{flag: "control", addr: o.control}) {
		if _, _, err := net.SplitHostPort(s.addr); err != nil && s.addr != "" {
			return app.Usagef("--%s %s: write HOST:PORT, such as 127.0.0.1:8443", s.flag, s.addr)
		}
	}
	return nil
}

// simulatedRouter makes the router that the options describe.
func simulatedRouter(a *app.App, o routerOptions) (*simrouter.Router, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cfg := simrouter.Config{Version: o.version, Plain: o.plain, Latency: o.latency, ScriptName: o.script}
	if err := cfg.Quirks.Switch(o.quirks...); err != nil {
		return nil, app.Usagef("--quirk: %v", err)
	}
	if o.script != "" {
		text, err := os.ReadFile(o.script)
		if err != nil {
			return nil, config.ErrorAt(o.script, "", "cannot be read: "+err.Error())
		}
		// An empty file is a router without queues and users, not the default.
		cfg.Script = string(text) + "\n"
	}
	if !o.strict {
		cfg.Warn = func(line int, text string) { a.Warnf("%s:%d: %s", o.script, line, text) }
	}
	sim, err := simrouter.New(cfg)
	var bad *simrouter.ScriptError
	if errors.As(err, &bad) {
		return nil, &config.Error{Problems: []config.Problem{{File: bad.File, Line: bad.Line, Text: bad.Text}}}
	}
	if err != nil {
		return nil, err
	}
	return sim, simulatedUser(a, sim, o)
}

// simulatedUser adds the user that the options ask for.
func simulatedUser(a *app.App, sim *simrouter.Router, o routerOptions) error {
	if o.user == "" {
		if o.passwordEnv != "" {
			return app.Usagef("--password-env needs --user")
		}
		return nil
	}
	password, set := "", false
	if strings.Contains(o.user, ":") {
		return app.Usagef("--user %s: a name has no colon; the password comes from --password-env NAME", o.user)
	}
	if o.passwordEnv != "" {
		if password, set = a.LookupEnv(o.passwordEnv); !set {
			return app.Usagef("--password-env %s: no such environment variable; export it first", o.passwordEnv)
		}
	}
	if _, exists := sim.State().Row("/user", "name", o.user); exists {
		_, err := sim.State().Run(nil, routeros.Command{Path: "/user", Name: "set",
			Args: map[string]string{"numbers": o.user, "password": password, "disabled": "no"}})
		return err
	}
	return sim.State().AddUser(o.user, password, "read", "write", "rest-api", "api", "ssh")
}
