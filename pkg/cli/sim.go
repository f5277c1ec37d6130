package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
	"github.com/wanctl/wanctl/pkg/router/simrouter/console"
	"github.com/wanctl/wanctl/pkg/serve"
)

type simRouterOptions struct {
	listen      string
	control     string
	readyFile   string
	script      string
	user        string
	passwordEnv string
	version     string
	latency     time.Duration
	plain       bool
}

func newSimCmd(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sim",
		Short:   "A simulated router, to try things on",
		Long:    "Simulated surroundings as servers of their own, for trying wanctl and for scripts.\n\n" + exitStatuses,
		GroupID: groupTools,
		RunE:    needSubcommand,

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(newSimRouterCmd(a), newSimControlCmd(a))
	return cmd
}

func newSimRouterCmd(a *App) *cobra.Command {
	var o simRouterOptions
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Serve a simulated RouterOS",
		Long: `Serve the REST interface of a simulated RouterOS until SIGINT or SIGTERM: queues,
queue types, mangle rules, address lists, users with passwords and policies, the
log, and its habits, such as answering one request at a time.

It starts with two CAKE queues and two users, or from a file in the form of a
RouterOS export, of which it understands add, set, remove and the like with
[find ...], but no loops and variables.

With --control, 'wanctl sim control' makes things go wrong while it runs.

` + exitStatuses,
		Example: `  wanctl sim router
  wanctl sim router --latency 120ms --script router.rsc
  wanctl sim router --listen 127.0.0.1:0 --control 127.0.0.1:0 --ready-file ready &`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sim, err := a.simulatedRouter(o)
			if err != nil {
				return err
			}
			ctx, _, stop := serve.Signals(cmd.Context())
			defer stop()
			return a.serveSimulatedRouter(ctx, sim, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8443", "`HOST:PORT` to listen on; port 0 picks a free one")
	f.StringVar(&o.control, "control", "", "`HOST:PORT` for 'wanctl sim control'; anybody who reaches it controls the router")
	f.StringVar(&o.readyFile, "ready-file", "", "once listening, write to `FILE`: host:port, certificate fingerprint, control host:port, one a line")
	f.StringVar(&o.script, "script", "", "initial configuration from `FILE`, in the form of a RouterOS export")
	f.StringVar(&o.user, "user", "", "add a user `NAME` that may do what wanctl needs, or set the password of an existing one")
	f.StringVar(&o.passwordEnv, "password-env", "", "with --user: environment variable `NAME` that holds the password; none is no password")
	f.StringVar(&o.version, "version-ros", "7.22.1", "RouterOS `VERSION` to be")
	f.DurationVar(&o.latency, "latency", 0, "time that every request takes")
	f.BoolVar(&o.plain, "plain", false, "http instead of https")
	completeFlag(cmd, "version-ros", "7.12", "7.18", "7.22.1")
	_ = cmd.MarkFlagFilename("script", "rsc")
	return cmd
}

// simulatedRouter makes the router that the options describe.
func (a *App) simulatedRouter(o simRouterOptions) (*simrouter.Router, error) {
	if _, err := console.ParseVersion(o.version); err != nil {
		return nil, usagef("--version-ros: %v", err)
	}
	if o.latency < 0 {
		return nil, usagef("--latency %v: must not be negative", o.latency)
	}
	for name, addr := range map[string]string{"listen": o.listen, "control": o.control} {
		if _, _, err := net.SplitHostPort(addr); err != nil && addr != "" {
			return nil, usagef("--%s %s: write HOST:PORT, such as 127.0.0.1:8443", name, addr)
		}
	}
	cfg := simrouter.Config{Version: o.version, Plain: o.plain, Latency: o.latency, ScriptName: o.script}
	if o.script != "" {
		text, err := os.ReadFile(o.script)
		if err != nil {
			return nil, configError(o.script, "", "cannot be read: "+err.Error())
		}
		// An empty file is a router without queues and users, not the default.
		cfg.Script = string(text) + "\n"
	}
	sim, err := simrouter.New(cfg)
	var bad *simrouter.ScriptError
	if errors.As(err, &bad) {
		return nil, &config.Error{Problems: []config.Problem{{File: bad.File, Line: bad.Line, Text: bad.Text}}}
	}
	if err != nil {
		return nil, err
	}
	return sim, a.simulatedUser(sim, o)
}

// simulatedUser adds the user that the options ask for.
func (a *App) simulatedUser(sim *simrouter.Router, o simRouterOptions) error {
	if o.user == "" {
		if o.passwordEnv != "" {
			return usagef("--password-env goes with --user")
		}
		return nil
	}
	password, set := "", false
	if o.passwordEnv != "" {
		if password, set = a.LookupEnv(o.passwordEnv); !set {
			return usagef("--password-env %s: no such environment variable; export it first", o.passwordEnv)
		}
	}
	if _, exists := sim.Machine().Row("/user", "name", o.user); exists {
		_, err := sim.Machine().Run(nil, console.Command{Path: "/user", Name: "set",
			Args: map[string]string{"numbers": o.user, "password": password}})
		return err
	}
	return sim.Machine().AddUser(o.user, password, "read", "write", "rest-api", "api", "ssh")
}

// simReady is what a script needs to know.
type simReady struct {
	Address     string `json:"address"`
	Fingerprint string `json:"tls_fingerprint,omitempty"`
	Control     string `json:"control,omitempty"`
}

func (a *App) serveSimulatedRouter(ctx context.Context, sim *simrouter.Router, o simRouterOptions) error {
	if err := sim.Start(ctx, o.listen); err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	defer sim.Close()
	ready := simReady{Address: sim.Addr(), Fingerprint: sim.Fingerprint()}
	if o.control != "" {
		addr, stop, err := serveControl(ctx, sim, o.control)
		if err != nil {
			return err
		}
		defer stop()
		ready.Control = addr
	}
	if err := a.printSimulatedRouter(ready, o); err != nil {
		return err
	}
	if o.readyFile != "" {
		if err := writeReady(o.readyFile, ready); err != nil {
			return err
		}
	}
	<-ctx.Done()
	if !a.global.quiet {
		if a.ErrTTY {
			fmt.Fprintln(a.Err) // after the ^C of the terminal
		}
		c := sim.Counts()
		fmt.Fprintf(a.Err, "%d requests on %d connections, %d changes, %d flash sectors written, %d logins, %d refused\n",
			c.Requests, c.Connections, c.Writes, c.WriteSectors, c.Logins, c.LoginFailures)
	}
	return nil
}

// serveControl opens the control endpoint.
func serveControl(ctx context.Context, sim *simrouter.Router, addr string) (string, func(), error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("control endpoint: %w; choose another address with --control", err)
	}
	srv := &http.Server{Handler: sim.ControlHandler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // ends by stop
	}()
	return ln.Addr().String(), func() {
		_ = srv.Close()
		<-done
	}, nil
}

func (a *App) printSimulatedRouter(r simReady, o simRouterOptions) error {
	if a.global.output != out.Table {
		return json.NewEncoder(a.Out).Encode(r)
	}
	host, port, _ := net.SplitHostPort(r.Address)
	user, password := o.user, ""
	switch {
	case user == "" && o.script == "":
		user, password = "wanctl", "wanctl"
	case user == "":
		user = "admin"
	}
	var b strings.Builder
	scheme, flags := "https", " --fingerprint "+r.Fingerprint
	if o.plain {
		scheme, flags = "http", " --plain"
	}
	fmt.Fprintf(&b, "simulated RouterOS %s at %s://%s\n", o.version, scheme, r.Address)
	if r.Fingerprint != "" {
		fmt.Fprintf(&b, "certificate SHA-256 %s\n", r.Fingerprint)
	}
	if r.Control != "" {
		fmt.Fprintf(&b, "control: wanctl sim control --at %s help\n", r.Control)
	}
	if o.script == "" {
		fmt.Fprint(&b, "users: admin without a password; wanctl, password wanctl, may do what wanctl needs\n")
	}
	fmt.Fprintf(&b, "\nrouter:\n  transport: rest\n  host: %s\n  port: %s\n  user: %s\n", host, port, user)
	switch {
	case o.passwordEnv != "":
		fmt.Fprintf(&b, "  password: ${%s}\n", o.passwordEnv)
	case password != "":
		fmt.Fprintf(&b, "  password: %s\n", password)
	default:
		fmt.Fprint(&b, "  password: ${ROUTER_PASSWORD}\n")
	}
	if o.plain {
		fmt.Fprint(&b, "  tls: false\n")
	} else {
		fmt.Fprintf(&b, "  tls_fingerprint: %s\n", r.Fingerprint)
	}
	env := ""
	if password != "" {
		env = "ROUTER_PASSWORD=" + password + " "
	}
	fmt.Fprintf(&b, "\ntry: %swanctl router queue get --host %s --user %s%s\n", env, r.Address, user, flags)
	_, err := fmt.Fprint(a.Out, b.String())
	return err
}

// writeReady puts the file there at once, so that whoever waits for it never
// reads half of it.
func writeReady(path string, r simReady) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*")
	if err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n%s\n", r.Address, r.Fingerprint, r.Control)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}
