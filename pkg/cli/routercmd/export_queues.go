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
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/router/export"
)

var (
	styles  = []string{string(export.Tree), string(export.Marks), string(export.Simple)}
	targets = []string{string(export.TargetWAN), string(export.TargetLAN)}
)

// setStyle sets the style, and returns an error for flags of another one.
func (e *exportOptions) setStyle(cmd *cobra.Command, plan *export.Plan) error {
	given := cmd.Flags().Changed
	configured := plan.Style // simple, or nothing
	if given("style") {
		if !slices.Contains(styles, e.style) {
			return app.Usagef("--style %q: use %s", e.style, strings.Join(styles, ", "))
		}
		plan.Style = export.Style(e.style)
	}
	plan.Style = cmp.Or(plan.Style, export.Tree)
	if configured == export.Simple && plan.Style != export.Simple {
		return app.Usagef("--style %s: the configuration names a simple queue, by queues.simple; name queues.download and queues.upload there, or leave out --style", plan.Style)
	}
	if plan.Style != export.Simple {
		return refuseFlags(cmd, " goes with --style simple, not with --style "+string(plan.Style), "target", "simple-queue")
	}
	if err := refuseFlags(cmd, ": --style simple has one queue for both directions, named by --simple-queue", "download-queue", "upload-queue"); err != nil {
		return err
	}
	if given("target") {
		if !slices.Contains(targets, e.target) {
			return app.Usagef("--target %q: use wan or lan, the side whose interface the queue is on", e.target)
		}
		if plan.Target != "" && plan.Target != export.Target(e.target) {
			return app.Usagef("--target %s: the configuration says queues.target: %s; change it there", e.target, plan.Target)
		}
		plan.Target = export.Target(e.target)
	}
	return nil
}

// queues completes the queues. Those of the other styles have names too, for
// --remove.
func (e *exportOptions) queues(plan *export.Plan) error {
	// A configuration that names one queue of the tree shapes that direction alone.
	// What is removed was perhaps made for both.
	one := !e.remove && e.base != nil && plan.Style != export.Simple && (plan.Download.Name == "") != (plan.Upload.Name == "")
	for _, d := range []struct {
		queue         *export.Queue
		direction     string
		name, ceiling string // flags
		usual         export.Queue
	}{
		{&plan.Download, "download", e.downloadQueue, e.downloadCeiling, export.Queue{Name: "WAN-Download-" + plan.Name, Type: "cake-down-" + plan.Name}},
		{&plan.Upload, "upload", e.uploadQueue, e.uploadCeiling, export.Queue{Name: "WAN-Upload-" + plan.Name, Type: "cake-up-" + plan.Name}},
	} {
		if d.ceiling == none || one && d.queue.Name == "" && d.name == "" {
			*d.queue = export.Queue{}
			continue
		}
		if err := completeQueue(d.queue, d.direction, d.name, d.ceiling, !e.remove); err != nil {
			return err
		}
		d.queue.Name = cmp.Or(d.queue.Name, d.usual.Name)
		d.queue.Type = cmp.Or(d.queue.Type, d.usual.Type)
	}
	if plan.Download.Name == "" && plan.Upload.Name == "" {
		return app.Usagef("there is no direction left to shape; give --download-ceiling or --upload-ceiling a rate")
	}
	if e.simpleQueue != "" {
		if _, err := parseFlag(schema.RouterName, "simple-queue", e.simpleQueue); err != nil {
			return err
		}
		plan.Simple = e.simpleQueue
	}
	plan.Simple = cmp.Or(plan.Simple, "WAN-"+plan.Name)
	return nil
}

// none as a ceiling leaves a direction out.
const none = "none"

// completeQueue takes name and ceiling from flags, where those were given.
func completeQueue(q *export.Queue, direction, name, ceiling string, needed bool) error {
	if name != "" {
		if _, err := parseFlag(schema.RouterName, direction+"-queue", name); err != nil {
			return err
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
	if q.Ceiling == 0 && needed {
		return app.Usagef("--%s-ceiling is needed: what the line can do, such as 500M, or none not to shape the %s", direction, direction)
	}
	return nil
}

// checkInterfaces returns an error for interfaces with which a style would shape
// something else than one line.
func (e *exportOptions) checkInterfaces(cmd *cobra.Command, plan *export.Plan) error {
	for _, name := range []string{"wan-interface", "lan-interface"} {
		if cmd.Flags().Changed(name) {
			if err := plainWord("--"+name, cmd.Flags().Lookup(name).Value.String()); err != nil {
				return err
			}
		}
	}
	switch {
	case plan.WANInterface == export.Global:
		return app.Usagef("--wan-interface global: name the interface to the Internet; 'wanctl router info' and /interface print on the router show them")
	case plan.WANInterface != "" && plan.WANInterface == plan.LANInterface:
		return app.Usagef("--wan-interface and --lan-interface are both %s: uploads leave by the first, downloads by the second", plan.WANInterface)
	case plan.LANInterface != export.Global:
	case plan.Style == export.Tree && plan.Download.Name != "":
		return app.Usagef("--lan-interface global: without marks that is the traffic of both directions; name the LAN's interface, such as bridge, or add --style marks")
	case plan.Style == export.Simple && plan.Target == export.TargetLAN:
		return app.Usagef("--lan-interface global: a simple queue has an interface as its target; name the LAN's, such as bridge, or use --target wan")
	}
	return nil
}

// exportProbes is the part of an export about the way of the probes.
type exportProbes struct {
	source     string
	routerSide string
	gateway    string
}

func (p *exportProbes) add(f *pflag.FlagSet) {
	f.StringVar(&p.source, "probe-source", "", "`ADDRESS` of this host that the probes of this WAN alone come from (default ping_source of the configuration)")
	f.StringVar(&p.routerSide, "probe-interface", "", "`NAME` of the router's interface by which the probes of this WAN alone arrive, a VLAN for instance")
	f.StringVar(&p.gateway, "wan-gateway", "", "`GATEWAY` of this WAN for its probes, an address or an interface such as pppoe-out1")
}

// plan completes what the configuration says; nil where nothing is known.
func (p *exportProbes) plan(cmd *cobra.Command, configured *export.Probes) (*export.Probes, error) {
	var w export.Probes
	if configured != nil {
		w = *configured
	}
	given := cmd.Flags().Changed
	for flag, value := range map[string]string{"probe-interface": p.routerSide, "wan-gateway": p.gateway} {
		if given(flag) {
			if err := plainWord("--"+flag, value); err != nil {
				return nil, err
			}
		}
	}
	if given("probe-source") {
		w.Source = p.source
		if _, err := parseFlag(schema.Address, "probe-source", p.source); err != nil {
			return nil, err
		}
	}
	w.Interface, w.Gateway = p.routerSide, p.gateway
	source, err1 := netip.ParseAddr(w.Source)
	gateway, err2 := netip.ParseAddr(w.Gateway)
	switch {
	case configured == nil && w.Source == "" && w.Interface == "":
		if given("wan-gateway") {
			return nil, app.Usagef("--wan-gateway is the way of this WAN's probes; say which they are by --probe-source ADDRESS, by ping_source in the configuration, or by --probe-interface NAME")
		}
		return nil, nil
	case err1 == nil && err2 == nil && source.Is4() != gateway.Is4():
		return nil, app.Usagef("--wan-gateway %s is of another address family than %s, where the probes come from", w.Gateway, w.Source)
	}
	return &w, nil
}
