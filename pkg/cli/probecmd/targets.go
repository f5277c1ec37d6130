package probecmd

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const defaultTCPPort = "443"

// configure decides what to measure: flags and arguments first, then the
// configuration if one is named, then the defaults.
func configure(a *app.App, cmd *cobra.Command, o options, args []string) (probe.Config, error) {
	cfg := probe.Config{
		Targets: []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"},
		Method:  probe.Method(o.method), Interval: o.interval, Timeout: o.timeout,
		Count: o.count, Duration: o.duration, Source: o.source, Interface: o.iface, Mark: uint32(o.mark),
		Fallback: true, CheckTCP: true, CheckGateway: true, NoOneWay: !o.oneWay,
		Staggered: true,
	}
	changed := cmd.Flags().Changed
	if err := o.check(changed); err != nil {
		return cfg, err
	}
	if a.Global.Config != "" || len(a.Global.WANs) > 0 {
		w, err := a.LoadWAN(cmd)
		if err != nil {
			return cfg, err
		}
		applyConfig(&cfg, w, changed)
	}
	if len(args) > 0 {
		if err := applyHosts(&cfg, args); err != nil {
			return cfg, err
		}
	}
	if len(cfg.TCPTargets) == 0 {
		for _, host := range cfg.Targets {
			cfg.TCPTargets = append(cfg.TCPTargets, net.JoinHostPort(host, defaultTCPPort))
		}
	}
	cfg.Targets, cfg.TCPTargets = unique(cfg.Targets), unique(cfg.TCPTargets)
	if n := max(len(cfg.Targets), len(cfg.TCPTargets)); n > probe.MaxTargets {
		return cfg, app.Usagef("%d hosts: at most %d at once", n, probe.MaxTargets)
	}
	// Many hosts are no reason to refuse: some do without a fallback target.
	cfg.TCPTargets = cfg.TCPTargets[:min(len(cfg.TCPTargets), rtt.MaxReflectors-1-len(cfg.Targets))]
	return cfg, nil
}

// applyConfig sets what the configuration has and no flag overrides.
func applyConfig(cfg *probe.Config, w *config.WAN, changed func(string) bool) {
	f := w.Fallback
	cfg.Targets, cfg.TCPTargets, cfg.Use = w.PingHosts, f.TCPTargets, rtt.MaxUsed
	cfg.Fallback, cfg.CheckTCP, cfg.CheckGateway, cfg.Gateway = f.Enabled, f.CheckTCP, f.CheckGateway, f.GatewayIP
	if !changed("interval") {
		cfg.Interval = w.Interval
	}
	if !changed("timeout") {
		cfg.Timeout = w.Timeouts.Ping
	}
	// Any of these flags replaces all three keys.
	if !changed("source") && !changed("interface") && !changed("mark") {
		cfg.Source, cfg.Interface, cfg.Mark = w.PingSource, w.PingInterface, w.PingMark
	}
}

// applyHosts makes the arguments the targets, of the fallback too.
func applyHosts(cfg *probe.Config, args []string) error {
	cfg.Targets, cfg.TCPTargets, cfg.Use = nil, nil, 0
	for _, arg := range args {
		host, port := splitHostPort(arg)
		if err := probe.CheckHost(host); err != nil {
			return app.Usagef("%v", err)
		}
		if port != "" && cfg.Method == probe.ICMP {
			return app.Usagef("%s: ICMP has no ports; give %s, or --method tcp", arg, host)
		}
		if port == "" {
			port = defaultTCPPort
		}
		target := net.JoinHostPort(host, port)
		if err := probe.CheckTarget(target); err != nil {
			return app.Usagef("%v", err)
		}
		cfg.Targets, cfg.TCPTargets = append(cfg.Targets, host), append(cfg.TCPTargets, target)
	}
	return nil
}

// unique drops repetitions and keeps the order.
func unique(names []string) []string {
	var kept []string
	for _, n := range names {
		if !slices.Contains(kept, n) {
			kept = append(kept, n)
		}
	}
	return kept
}

// check returns a usage error for a value outside its range.
func (o options) check(changed func(string) bool) error {
	switch m := probe.Method(o.method); {
	case m != probe.ICMP && m != probe.TCP && m != probe.Auto:
		return app.Usagef("--method %q: use icmp, tcp or auto", o.method)
	case o.interval < probe.MinInterval || o.interval > probe.MaxInterval:
		return app.Usagef("--interval %v: use %v to %v", o.interval, probe.MinInterval, probe.MaxInterval)
	case o.timeout < probe.MinTimeout || o.timeout > probe.MaxTimeout:
		return app.Usagef("--timeout %v: use %v to %v", o.timeout, probe.MinTimeout, probe.MaxTimeout)
	case changed("count") && o.count < 1:
		return app.Usagef("--count %d: use 1 or more", o.count)
	case changed("duration") && o.duration <= 0:
		return app.Usagef("--duration %v: use more than 0", o.duration)
	case changed("source") && o.source == "":
		return app.Usagef("--source: an IP address is missing")
	case changed("interface") && o.iface == "":
		return app.Usagef("--interface: a name is missing")
	}
	if o.source != "" {
		if _, err := netip.ParseAddr(o.source); err != nil {
			return app.Usagef("--source %q: use an IP address", o.source)
		}
	}
	return nil
}

// mark is the flag --mark, in decimal or hexadecimal digits.
type mark uint32

var _ pflag.Value = (*mark)(nil)

// Set implements pflag.Value.
func (m *mark) Set(s string) error {
	n, err := schema.ParseMark(s)
	*m = mark(n)
	return err
}

func (m *mark) String() string { return fmt.Sprintf("%#x", uint32(*m)) }

// Type implements pflag.Value.
func (m *mark) Type() string { return "number" }

// splitHostPort splits HOST or HOST:PORT; IPv6 needs brackets only with a
// port.
func splitHostPort(arg string) (host, port string) {
	if _, err := netip.ParseAddr(arg); err == nil {
		return arg, ""
	}
	if h, p, err := net.SplitHostPort(arg); err == nil {
		return h, p
	}
	return arg, ""
}
