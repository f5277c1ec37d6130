package routercmd

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
)

// exportOptions describe what is to be set up, where no configuration does.
type exportOptions struct {
	ha              bool // the rules of several nodes alone
	name            string
	downloadQueue   string
	uploadQueue     string
	downloadCeiling string
	uploadCeiling   string

	style        string
	target       string
	simpleQueue  string
	wanInterface string
	lanInterface string
	from         []string
	showPassword bool

	probes exportProbes
	steer  exportSteering

	remove bool
	diff   bool

	base *config.Base // of the configuration; nil without one
}

const exportLong = `Print the RouterOS commands that set a router up for a WAN: a user that may do
no more than wanctl needs, over the transports of its configuration; CAKE queue
types and queues in one of three styles; the route of this WAN's probes, where the
configuration has ping_source, ping_interface or ping_mark; and, with --steering FILE
or --alternate NAME, the rule that steers, disabled. The file of steering alone will
do where it names that of its primary WAN. Nothing is changed on the router.

  --style tree     two queues of the tree on interfaces, for packets without a mark:
                   IPv6 is shaped too, and on many boards what FastTrack takes
  --style marks    two queues of the tree, and mangle rules of IPv4 and IPv6 that mark
                   their packets: where the counters of the first style stand still
                   (some trunk and VLAN ports of a switch chip), where other rules mark
                   packets, or with --lan-interface global; FastTrack must go
  --style simple   one simple queue for both directions, on the WAN's interface or,
                   with --target lan, on the LAN's; FastTrack must go

What exists on the router is left as it is, so that the commands can be run again
after a change. They check first that the interfaces exist, which only you know:
give --wan-interface and --lan-interface, or replace what stands for them.

--diff reads the router and shows which rows it lacks or has otherwise, with the
command for each; it ends with status 5 if there are any. A row that is tuned, such
as a queue type with the overhead of the line or a queue with marks of your own, is
none of them; a rule of FastTrack that takes packets past marks or a simple queue is
one. Interfaces that are not given are not compared. --remove prints the commands
that remove what was added, of whatever style, and nothing else.

The password is not in the output: the user is disabled until it is given one,
by the command beside it. --show-password writes it, from the configuration or
from the environment.

With -o json, jsonl or csv it is the list of what is added, removed or compared.`

func newExportCmd(a *app.App, o *connFlags) *cobra.Command {
	var e exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the RouterOS commands that set the router up for wanctl",
		Long:  exportLong,
		Example: `  wanctl router export --wan spectrum --wan-interface ether1 --lan-interface bridge > wanctl-spectrum.rsc
  wanctl router export --name home --download-ceiling 500M --upload-ceiling 40M --transport api
  wanctl router export --wan spectrum --steering /etc/wanctl/steering.yaml --from-address 192.168.88.10
  wanctl router export --wan steering
  wanctl router export --wan fibre --style simple --wan-interface pppoe-out1
  wanctl router export --wan lte --wan-interface lte1 --lan-interface bridge --probe-source 192.168.88.11 --wan-gateway lte1
  wanctl router export --wan spectrum --diff
  wanctl router export --wan spectrum --remove > wanctl-remove.rsc`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if e.ha {
				_, err := fmt.Fprint(a.Out, owner.Rules)
				return err
			}
			plan, err := e.plan(a, cmd, o)
			switch {
			case err != nil:
				return err
			case e.diff:
				return e.compare(a, cmd, o, plan)
			case e.remove:
				return printRemoval(a, plan)
			}
			return printExport(a, plan)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.style, "style", "", "how packets get into the queues: `STYLE` tree, marks or simple (default tree, or simple where the configuration has queues.simple)")
	f.StringVar(&e.target, "target", "", "with --style simple: `SIDE` whose interface the queue is on, wan or lan (default of the configuration, or wan)")
	f.StringVar(&e.simpleQueue, "simple-queue", "", "with --style simple: name of the queue (default of the configuration, or WAN-NAME)")
	f.StringVar(&e.wanInterface, "wan-interface", "", "`NAME` of the interface to the Internet")
	f.StringVar(&e.lanInterface, "lan-interface", "", "`NAME` of the interface to the LAN, where downloads queue; global is all of them")
	f.StringArrayVar(&e.from, "from-address", nil, "let the user log in from this `ADDRESS` or prefix alone; repeatable")
	f.BoolVar(&e.showPassword, "show-password", false, "write the user's password into the commands")
	f.StringVar(&e.name, "name", "", "without a configuration: `NAME` of the WAN")
	f.StringVar(&e.downloadQueue, "download-queue", "", "name of the download queue (default of the configuration, or WAN-Download-NAME)")
	f.StringVar(&e.uploadQueue, "upload-queue", "", "name of the upload queue (default of the configuration, or WAN-Upload-NAME)")
	f.StringVar(&e.downloadCeiling, "download-ceiling", "", "limit of the download queue to begin with (`RATE`, such as 500M, or none not to shape it; default of the configuration)")
	f.StringVar(&e.uploadCeiling, "upload-ceiling", "", "limit of the upload queue to begin with (`RATE` or none; default of the configuration)")
	f.BoolVar(&e.diff, "diff", false, "read the router, and show what is missing there or different")
	f.BoolVar(&e.ha, "ha", false, "print the two firewall rules that several nodes need, and nothing else: see 'wanctl ha'")
	f.BoolVar(&e.remove, "remove", false, "print the commands that remove what was added, instead")
	e.probes.add(f)
	e.steer.add(f)
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Value.Type() != "bool" && !slices.Contains([]string{"steering", "style", "target"}, flag.Name) {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, cobra.NoFileCompletions)
		}
	})
	app.CompleteFlag(cmd, "style", styles...)
	app.CompleteFlag(cmd, "target", targets...)
	_ = cmd.MarkFlagFilename("steering", "yaml", "yml")
	return app.Prints[exportItem](a, app.Prints[exportFinding](a, cmd))
}
