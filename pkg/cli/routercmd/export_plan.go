package routercmd

import (
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router/export"
)

// plan returns the setup that configuration and flags describe; a flag wins.
func (e *exportOptions) plan(a *app.App, cmd *cobra.Command, o *connFlags) (*export.Plan, error) {
	if err := app.Exclusive(cmd, "diff", "remove"); err != nil {
		return nil, err
	}
	plan := &export.Plan{WANInterface: e.wanInterface, LANInterface: e.lanInterface}
	if e.steer.path != "" && a.Global.Config == "" && len(a.Global.WANs) == 0 && !cmd.Flags().Changed("name") {
		// It names the WAN it steers away from.
		a.Global.Config, e.steer.path = e.steer.path, ""
	}
	if e.steer.path != "" {
		var err error
		if e.steer.file, err = a.ReadSteering(e.steer.path, e.options(a)); err != nil {
			return nil, err
		}
	}
	login, err := e.source(a, cmd, o, plan)
	if err != nil {
		return nil, err
	}
	plan.Host = login.Host
	e.steer.doubtFile(a, plan.Name, login.Host)
	ways := login.Endpoints()
	if e.steer.file != nil {
		ways = append(ways, e.steer.file.Router.Endpoints()...)
	}
	if plan.Users, err = e.users(a, ways); err != nil {
		return nil, err
	}
	if plan.From, err = e.fromAddresses(); err != nil {
		return nil, err
	}
	configured := plan.Style
	if err := e.setStyle(cmd, plan); err != nil {
		return nil, err
	}
	if e.base != nil && plan.Style == export.Simple && configured != export.Simple {
		a.Warnf("%s names queues of the tree; for a simple queue it needs queues.simple in their place", e.base.Path)
	}
	if err := e.queues(plan); err != nil {
		return nil, err
	}
	if err := e.checkInterfaces(cmd, plan); err != nil {
		return nil, err
	}
	if plan.Probes, err = e.probes.plan(cmd, plan.Probes); err != nil {
		return nil, err
	}
	plan.Steering, err = e.steer.plan(cmd)
	return plan, err
}

// source reads the configuration, or takes its place, and returns how wanctl
// is to log in.
func (e *exportOptions) source(a *app.App, cmd *cobra.Command, o *connFlags, plan *export.Plan) (config.Router, error) {
	given := cmd.Flags().Changed
	if given("name") {
		// A configuration that only the environment names was not asked for.
		if given("config") || given("wan") {
			return config.Router{}, app.Usagef("--name is for a WAN without a configuration, whose name is its wan_name")
		}
		if _, err := parseFlag(schema.Identifier, "name", e.name); err != nil {
			return config.Router{}, err
		}
		plan.Name = e.name
		return e.login(a, cmd, o)
	}
	if !a.HasConfig() {
		return config.Router{}, app.Usagef("which WAN? give --wan NAME for NAME.yaml in %s, --config FILE, or --name, --download-ceiling and --upload-ceiling%s",
			a.Global.ConfigDir, app.ExistingWANs(a.Global.ConfigDir))
	}
	if given("host") {
		return config.Router{}, app.Usagef("give --host, or a configuration with --wan or --config, not both")
	}
	if err := o.needHost(cmd); err != nil {
		return config.Router{}, err
	}
	wan, err := e.configuration(a, cmd)
	if err != nil {
		return config.Router{}, err
	}
	plan.Name, e.base = wan.Name, &wan.Base
	if wan.PingSource != "" || wan.PingInterface != "" || wan.PingMark != 0 {
		plan.Probes = &export.Probes{Source: wan.PingSource, HostInterface: wan.PingInterface, HostMark: wan.PingMark}
	}
	if wan.Queues.Simple != "" {
		plan.Style, plan.Simple, plan.Target = export.Simple, wan.Queues.Simple, export.Target(wan.Queues.Target)
	}
	plan.Download = export.Queue{Name: wan.Queues.Download, Type: wan.Queues.DownloadType, Ceiling: wan.Download.Ceiling}
	plan.Upload = export.Queue{Name: wan.Queues.Upload, Type: wan.Queues.UploadType, Ceiling: wan.Upload.Ceiling}
	return wan.Router, nil
}

// options are those of a command that needs a password only to write it, or to
// compare.
func (e *exportOptions) options(a *app.App) config.Options {
	opts := a.ConfigOptions()
	opts.WithoutSecrets = !e.showPassword && !e.diff
	return opts
}

// configuration reads the WAN, from its own file or by way of that of steering.
func (e *exportOptions) configuration(a *app.App, cmd *cobra.Command) (*config.WAN, error) {
	path, err := a.OnePath(cmd)
	if err != nil {
		return nil, err
	}
	if config.DetectKind(path) != config.KindSteering {
		return a.ReadWAN(path, e.options(a))
	}
	if e.steer.path != "" {
		return nil, app.Usagef("%s is of steering; give the WAN by --config or --wan beside --steering", path)
	}
	s, err := a.ReadSteering(path, e.options(a))
	if err != nil {
		return nil, err
	}
	e.steer.file = s
	if s.PrimaryConfig == "" {
		return nil, app.Usagef("%s does not name the configuration of %s; give both: --wan %s --steering %s", path, s.Primary, s.Primary, path)
	}
	opts := e.options(a)
	opts.FileAlone = true // what the environment overrides is meant for the file that was named
	wan, err := a.ReadWAN(s.PrimaryConfig, opts)
	if err != nil {
		return nil, err
	}
	_, _, warnings, err := s.LoadWANs(e.options(a))
	a.WarnProblems(warnings)
	return wan, err
}

// login is how wanctl is to log in, by the flags. Without --diff nothing is dialled,
// so that the host may be missing.
func (e *exportOptions) login(a *app.App, cmd *cobra.Command, o *connFlags) (config.Router, error) {
	flags := *o
	if e.diff && o.host == "" {
		return config.Router{}, app.Usagef("--diff reads the router: give --host, or a configuration with --wan or --config")
	}
	if !cmd.Flags().Changed("user") {
		flags.user = "wanctl" // not admin, who may do everything
	}
	if o.host == "" {
		flags.host = "192.0.2.1"
	}
	r, err := flags.router(a, cmd)
	if o.host == "" {
		r.Host = ""
	}
	return r, err
}

// users returns the users that log in, with the services that they use.
func (e *exportOptions) users(a *app.App, ways []config.Router) ([]export.User, error) {
	users := routerdial.Users(ways)
	for i, u := range users {
		if u.Name == export.Admin {
			a.Warnf("user %s may do everything on the router; give wanctl a user of its own, by router.user or --user", u.Name)
		}
		switch {
		case !e.showPassword:
			users[i].Password = ""
		case u.Password == "":
			return nil, app.Usagef("--show-password: there is none for user %q; set ROUTER_PASSWORD, or router.password in the configuration", u.Name)
		}
	}
	return users, nil
}

func (e *exportOptions) fromAddresses() ([]string, error) {
	var from []string
	for _, s := range e.from {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			from = append(from, netip.PrefixFrom(a, a.BitLen()).String())
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, app.Usagef("--from-address %q: write an address or a prefix, such as 192.168.88.10 or 192.168.88.0/24", s)
		}
		from = append(from, p.Masked().String())
	}
	return from, nil
}
