package cli

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
)

const routerLong = `Look at the router, and change what wanctl changes there.

The connection comes from the configuration of a WAN (--wan NAME or --config
FILE). To look around before there is one, give --host; the password is taken
from the environment, ROUTER_PASSWORD or the variable that --password-env names.

`

// routerFlags is the connection given on the command line.
type routerFlags struct {
	host        string
	user        string
	passwordEnv string
	fingerprint string
	port        int
	plain       bool
	timeout     time.Duration
}

func newRouterCmd(a *App) *cobra.Command {
	var o routerFlags
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Look at the router and its queues, and set a limit by hand",
		Long:  routerLong + exitStatuses,
		Example: `  wanctl router info --host 192.168.88.1 --user wanctl
  wanctl router queue get --wan spectrum`,
		GroupID: groupTools,
		RunE:    needSubcommand,

		SuggestionsMinimumDistance: 2,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&o.host, "host", "", "router `HOST` or HOST:PORT, instead of a configuration")
	f.StringVar(&o.user, "user", "admin", "with --host: user `NAME` on the router")
	f.StringVar(&o.passwordEnv, "password-env", "ROUTER_PASSWORD", "with --host: environment variable `NAME` that holds the password")
	f.StringVar(&o.fingerprint, "fingerprint", "", "with --host: SHA-256 of the router's certificate in `HEX`; not checked when absent")
	f.IntVar(&o.port, "port", 0, "with --host: port `N` (default 443, or 80 with --plain)")
	f.BoolVar(&o.plain, "plain", false, "with --host: http instead of https; the password crosses the network in clear")
	f.DurationVar(&o.timeout, "timeout", 5*time.Second, "with --host: give up after this long")
	cmd.AddCommand(newRouterInfoCmd(a, &o), newRouterQueueCmd(a, &o))
	return cmd
}

// connect returns a client for the router that flags or configuration name.
func (o *routerFlags) connect(a *App, cmd *cobra.Command) (router.Client, error) {
	if o.host == "" {
		for _, name := range []string{"user", "password-env", "fingerprint", "port", "plain", "timeout"} {
			if cmd.Flags().Changed(name) {
				return nil, usagef("--%s goes with --host; without it the connection comes from the configuration", name)
			}
		}
		if a.global.config == "" && len(a.global.wans) == 0 {
			return nil, usagef("which router? give --host HOST, --wan NAME for NAME.yaml in %s, or --config FILE%s",
				a.global.configDir, existingWANs(a.global.configDir))
		}
		wan, err := a.loadWAN(cmd)
		if err != nil {
			return nil, err
		}
		return a.dialRouter(wan)
	}
	if cmd.Flags().Changed("config") || cmd.Flags().Changed("wan") {
		return nil, usagef("give --host, or a configuration with --wan or --config, not both")
	}
	return o.dial(a, cmd)
}

func existingWANs(dir string) string {
	if names := config.Names(dir); len(names) > 0 {
		return "; there are " + strings.Join(names, ", ")
	}
	return ""
}

// dial is connect for a connection that is on the command line.
func (o *routerFlags) dial(a *App, cmd *cobra.Command) (router.Client, error) {
	if o.timeout <= 0 {
		return nil, usagef("--timeout %v: must be more than 0", o.timeout)
	}
	password, set := a.LookupEnv(o.passwordEnv)
	if !set && cmd.Flags().Changed("password-env") {
		return nil, usagef("--password-env %s: no such environment variable; export it first", o.passwordEnv)
	}
	cfg := rest.Config{
		Host: o.host, Port: o.port, User: o.user, Password: func() string { return password },
		Plain: o.plain, Fingerprint: o.fingerprint, Timeout: o.timeout,
	}
	if host, port, err := net.SplitHostPort(o.host); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || cmd.Flags().Changed("port") && n != o.port {
			return nil, usagef("--host %s: write HOST, HOST:PORT or [IPV6]:PORT, and --port at most once", o.host)
		}
		cfg.Host, cfg.Port = host, n
	}
	client, err := rest.New(cfg)
	if err != nil {
		return nil, usagef("%v", err)
	}
	return client, nil
}

// completeTimeout is how long a shell waits for names from the router.
const completeTimeout = time.Second

// complete offers names read from the router, and nothing when it cannot be
// reached: a shell has no place for errors.
func (o *routerFlags) complete(a *App, names func(context.Context, router.Client) ([]cobra.Completion, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		a.global.quiet = true
		if err := a.readEnvironment(cmd); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client, err := o.connect(a, cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		found, err := names(ctx, client)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// printable makes text of the router safe for a terminal: what is not a
// printable character becomes an escape.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
