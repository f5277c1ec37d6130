// Package routercmd is `wanctl router`: it shows and changes queues, address lists,
// mangle rules and scripts of a router by hand, and prints the commands that set
// one up. It owns the flags that name a router on the command line.
package routercmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
)

const long = `Show and change what wanctl uses on the router.

The connection comes from the configuration of a WAN (--wan NAME or --config
FILE). Without a configuration, give --host; the password is taken from the
environment, ROUTER_PASSWORD or the variable that --password-env names.

With --host the protocol is rest over TLS, unless --transport or the port says
otherwise: 80 is rest without TLS, 8728 and 8729 are api, without and with TLS,
and 22 is ssh. --ssh-key alone means ssh too.`

func New(a *app.App) *cobra.Command {
	var o connFlags
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Show and change queues, address lists and mangle rules on the router",
		Long:  long,
		Example: `  wanctl router info --host 192.168.88.1 --user wanctl
  wanctl router queue get --wan spectrum
  wanctl router mangle get --host 192.168.88.1 --transport api
  wanctl router export --wan spectrum > wanctl.rsc`,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	o.add(cmd)
	cmd.AddCommand(
		newInfoCmd(a, &o),
		newQueueCmd(a, &o),
		newListCmd(a, &o),
		newMangleCmd(a, &o),
		newScriptCmd(a, &o),
		newRouteCmd(a, &o),
		newExportCmd(a, &o),
	)
	return cmd
}

// newGroup is a command that only groups others.
func newGroup(use, short, long string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long,
		RunE:  app.NeedSubcommand,
	}
	cmd.AddCommand(subcommands...)
	return cmd
}

// with runs f with a client for the router that flags or configuration name,
// and ends the session afterwards.
func (o *connFlags) with(a *app.App, cmd *cobra.Command, f func(context.Context, router.Client) error) error {
	client, err := o.connect(a, cmd)
	if err != nil {
		return err
	}
	defer client.Close()
	return f(cmd.Context(), client)
}

// unsure adds to an error of unknown outcome what may have happened, and how to
// find out.
func unsure(err error, what string) error {
	if !errors.Is(err, router.ErrOutcomeUnknown) {
		return err
	}
	return fmt.Errorf("%w; %s", err, what)
}

// connect returns a client for the router that flags or configuration name.
// Nothing is sent yet.
func (o *connFlags) connect(a *app.App, cmd *cobra.Command) (router.Client, error) {
	if cmd.Flags().Changed("wait") && o.wait <= 0 {
		return nil, app.Usagef("--wait %v: must be more than 0", o.wait)
	}
	if o.host != "" {
		if cmd.Flags().Changed("config") || cmd.Flags().Changed("wan") {
			return nil, app.Usagef("give --host, or a configuration with --wan or --config, not both")
		}
		return o.dialHost(a, cmd)
	}
	if err := o.needHost(cmd); err != nil {
		return nil, err
	}
	if !a.HasConfig() {
		if err := config.CheckDir(a.Global.ConfigDir); err != nil {
			return nil, err
		}
		return nil, app.Usagef("which router? give --host HOST, --wan NAME for NAME.yaml in %s, or --config FILE%s",
			a.Global.ConfigDir, app.ExistingWANs(a.Global.ConfigDir))
	}
	base, err := a.LoadBase(cmd)
	if err != nil {
		return nil, err
	}
	if o.wait > 0 {
		base.Timeouts.Command = o.wait
	}
	o.used = base.Router
	return a.DialRouter(base)
}
