package routercmd

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/router/export"
)

// exportOptions describe what is to be set up, where no configuration does.
type exportOptions struct {
	name            string
	downloadQueue   string
	uploadQueue     string
	downloadCeiling string
	uploadCeiling   string

	wanInterface string
	lanInterface string
	from         []string
	showPassword bool

	steer exportSteering
}

// exportItem is the output for programs.
type exportItem struct {
	Section    export.Section    `json:"section"`
	Menu       string            `json:"menu"`
	Key        string            `json:"key"` // the property that tells whether the row is there
	Properties map[string]string `json:"properties"`
	Command    string            `json:"command"`
}

const exportLong = `Print the RouterOS commands that set a router up for a WAN: a user that may do
no more than wanctl needs, over the transports of its configuration; CAKE queue
types and the two queues; the marks that tell the queues their packets; and, with
--steering FILE or --alternate NAME, the rule that steers, disabled. The file of
steering alone will do where it names that of its primary WAN. Nothing is sent to
the router.

What exists on the router is left as it is, so that the commands can be run again
after a change. They check first that the two interfaces exist, which only you
know: give --wan-interface and --lan-interface, or replace what stands for them.

The password is not in the output: the user is disabled until it is given one,
by the command beside it. --show-password writes it, from the configuration or
from the environment.

With -o json, jsonl or csv it is the list of what is added.

`

func newExportCmd(a *app.App, o *connFlags) *cobra.Command {
	var e exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Commands that set the router up for wanctl",
		Long:  exportLong + app.ExitStatuses,
		Example: `  wanctl router export --wan spectrum --wan-interface ether1 --lan-interface bridge > wanctl-spectrum.rsc
  wanctl router export --name home --download-ceiling 500M --upload-ceiling 40M --transport api
  wanctl router export --wan spectrum --steering /etc/wanctl/steering.yaml --from-address 192.168.88.10
  wanctl router export --wan steering`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := e.plan(a, cmd, o)
			if err != nil {
				return err
			}
			return printExport(a, plan)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.wanInterface, "wan-interface", "", "`NAME` of the interface to the Internet")
	f.StringVar(&e.lanInterface, "lan-interface", "", "`NAME` of the interface to the LAN, where downloads queue; global is all of them")
	f.StringArrayVar(&e.from, "from-address", nil, "let the user log in from this `ADDRESS` or prefix alone; repeatable")
	f.BoolVar(&e.showPassword, "show-password", false, "write the user's password into the commands")
	f.StringVar(&e.name, "name", "", "without a configuration: `NAME` of the WAN")
	f.StringVar(&e.downloadQueue, "download-queue", "", "name of the download queue (default of the configuration, or WAN-Download-NAME)")
	f.StringVar(&e.uploadQueue, "upload-queue", "", "name of the upload queue (default of the configuration, or WAN-Upload-NAME)")
	f.StringVar(&e.downloadCeiling, "download-ceiling", "", "limit of the download queue to begin with (`RATE`, such as 500M; default of the configuration)")
	f.StringVar(&e.uploadCeiling, "upload-ceiling", "", "limit of the upload queue to begin with (`RATE`; default of the configuration)")
	e.steer.add(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Value.Type() != "bool" && flag.Name != "steering" {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, cobra.NoFileCompletions)
		}
	})
	_ = cmd.MarkFlagFilename("steering", "yaml", "yml")
	return cmd
}

// plan puts together what configuration and flags say; a flag wins.
func (e *exportOptions) plan(a *app.App, cmd *cobra.Command, o *connFlags) (*export.Plan, error) {
	plan := &export.Plan{Style: export.Marks, WANInterface: e.wanInterface, LANInterface: e.lanInterface}
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
	if err := e.queues(plan); err != nil {
		return nil, err
	}
	for _, name := range []string{"wan-interface", "lan-interface"} {
		if cmd.Flags().Changed(name) {
			if err := plainWord("--"+name, cmd.Flags().Lookup(name).Value.String()); err != nil {
				return nil, err
			}
		}
	}
	plan.Steering, err = e.steer.plan(cmd)
	return plan, err
}

// source reads the configuration, or takes its place, and returns how wanctl
// is to log in.
func (e *exportOptions) source(a *app.App, cmd *cobra.Command, o *connFlags, plan *export.Plan) (config.Router, error) {
	given := cmd.Flags().Changed
	if given("name") {
		// A configuration that the environment names is none that was asked for.
		if given("config") || given("wan") {
			return config.Router{}, app.Usagef("--name is for a WAN without a configuration, whose name is its wan_name")
		}
		if _, err := schema.ParseScalar(schema.Identifier, e.name); err != nil {
			return config.Router{}, app.Usagef("--name %q %v", e.name, err)
		}
		plan.Name = e.name
		return e.login(a, cmd, o)
	}
	if a.Global.Config == "" && len(a.Global.WANs) == 0 {
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
	plan.Name = wan.Name
	plan.Download = export.Queue{Name: wan.Queues.Download, Type: wan.Queues.DownloadType, Ceiling: wan.Download.Ceiling}
	plan.Upload = export.Queue{Name: wan.Queues.Upload, Type: wan.Queues.UploadType, Ceiling: wan.Upload.Ceiling}
	return wan.Router, nil
}

// options are those of a command that does not dial the router, and so needs
// its password only to write it.
func (e *exportOptions) options(a *app.App) config.Options {
	opts := a.ConfigOptions()
	opts.WithoutSecrets = !e.showPassword
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
		return nil, app.Usagef("%s does not tell where the configuration of %s is; give both: --wan %s --steering %s", path, s.Primary, s.Primary, path)
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

// login is how wanctl is to log in, by the flags. Nothing is dialled, so that
// the host may be missing.
func (e *exportOptions) login(a *app.App, cmd *cobra.Command, o *connFlags) (config.Router, error) {
	flags := *o
	if !cmd.Flags().Changed("user") {
		flags.user = "wanctl" // not the all-powerful user that looks around
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

// users collects who logs in over what.
func (e *exportOptions) users(a *app.App, ways []config.Router) ([]export.User, error) {
	var users []export.User
	for _, r := range ways {
		i := slices.IndexFunc(users, func(u export.User) bool { return u.Name == r.User })
		if i < 0 {
			i = len(users)
			users = append(users, export.User{Name: r.User})
			if r.User == export.Admin {
				a.Warnf("user %s may do everything on the router; give wanctl a user of its own, by router.user or --user", r.User)
			}
		}
		service := export.Service{Transport: string(r.Transport), TLS: r.TLS, Port: r.Port, Key: r.SSHKey != ""}
		if !slices.Contains(users[i].Services, service) {
			users[i].Services = append(users[i].Services, service)
		}
		if e.showPassword {
			users[i].Password = cmp.Or(users[i].Password, r.Password.Reveal())
		}
	}
	if e.showPassword {
		for _, u := range users {
			if u.Password == "" {
				return nil, app.Usagef("--show-password: there is none for user %q; set ROUTER_PASSWORD, or router.password in the configuration", u.Name)
			}
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

// queues completes the two queues.
func (e *exportOptions) queues(plan *export.Plan) error {
	if err := completeQueue(&plan.Download, "download", e.downloadQueue, e.downloadCeiling); err != nil {
		return err
	}
	if err := completeQueue(&plan.Upload, "upload", e.uploadQueue, e.uploadCeiling); err != nil {
		return err
	}
	plan.Download.Name = cmp.Or(plan.Download.Name, "WAN-Download-"+plan.Name)
	plan.Download.Type = cmp.Or(plan.Download.Type, "cake-down-"+plan.Name)
	plan.Upload.Name = cmp.Or(plan.Upload.Name, "WAN-Upload-"+plan.Name)
	plan.Upload.Type = cmp.Or(plan.Upload.Type, "cake-up-"+plan.Name)
	return nil
}

// completeQueue takes name and ceiling from flags, where those were given.
func completeQueue(q *export.Queue, direction, name, ceiling string) error {
	if name != "" {
		if _, err := schema.ParseScalar(schema.RouterName, name); err != nil {
			return app.Usagef("--%s-queue %q %v", direction, name, err)
		}
		q.Name = name
	}
	if ceiling != "" {
		rate, err := bitrate.Parse(ceiling)
		if err != nil {
			return app.Usagef("--%s-ceiling: %v", direction, err)
		}
		q.Ceiling = rate
	}
	if q.Ceiling == 0 {
		return app.Usagef("--%s-ceiling is needed: what the line can do, such as 500M", direction)
	}
	return nil
}

func printExport(a *app.App, plan *export.Plan) error {
	if a.Global.Output == output.Table {
		return plan.Script(a.Out)
	}
	var items []exportItem
	for _, i := range plan.Items() {
		items = append(items, exportItem{
			Section: i.Section, Menu: "/" + strings.ReplaceAll(i.Menu[1:], " ", "/"), Key: i.Key,
			Properties: i.Properties(), Command: i.Add(),
		})
	}
	if a.Global.Output == output.CSV {
		records := [][]string{{"section", "menu", "key", "name", "command"}}
		for _, i := range items {
			records = append(records, []string{string(i.Section), i.Menu, i.Key, i.Properties[i.Key], i.Command})
		}
		return output.WriteCSV(a.Out, records)
	}
	return output.List(a.Out, a.Global.Output, items, nil)
}
