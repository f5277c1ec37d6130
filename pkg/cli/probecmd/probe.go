// Package probecmd is `wanctl probe`: it measures round-trip times with pkg/probe
// and shows them as a live table, as lines, or as a trace for programs. It changes
// nothing.
package probecmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
)

const long = `Measure the round-trip time of several hosts at once, 20 times a second each.

HOST is an IP address or a name; for TCP it may carry a port. Without HOST, the hosts
and the fallback of the configuration are used (--wan or --config), and without a
configuration 1.1.1.1, 8.8.8.8 and 9.9.9.9. If a configuration lists more than three
hosts, three are in use as in 'wanctl shape', unless --count is given; the others are
spares, which are probed every few seconds.

The source address, the interface and the gateway of the probes are shown: a host with
several WANs must measure each by its own route. --source, --interface and --mark select
it; the default is ping_source, ping_interface and ping_mark of the configuration. A
mark needs CAP_NET_RAW, before Linux 5.17 CAP_NET_ADMIN.

--method auto sends ICMP echo requests. While no host answers them, it times TCP
connections to port 443 (or the port given) up to five times a second, and probes the
gateway. A refused connection counts as an answer. --method tcp times connections from
the start, at the full rate.

On a terminal, a table is updated in place. Each character of a sparkline is a fifth of
a second, scaled to the range of that host; a cross is a loss. In a pipe, each sample is
one line. -q prints the summary only. With -o jsonl, csv or json, samples go to standard
output and the summary to standard error:

  time, t_ms    wall-clock time, and time since the start
  host, method  target, and icmp or tcp
  seq           number of the probe, counted per host
  event         reply, lost, late (a reply after the timeout), one-way (the delay of
                each direction), route (how the probes leave this host), spare (a
                probe of a host that is not in use), sent (the first probe of such a
                host when it comes into use)
  rtt_ms        round-trip time of a reply
  lost          true for a loss
  median_ms     median of the newest round-trip times of all hosts that answer
  up_ms,        of one-way, which has no seq: delay of the request and of the reply.
  down_ms       Both are off by the difference of two clocks: only changes count
  source,       of route, which has no host: source address, interface and gateway as
  interface,    the kernel selects them; one sample each time they change
  gateway

In the summary, LOST does not include late replies, P95 and P99 are the round-trip times
that 95 % and 99 % of the replies stay below (within 1 %), and JITTER is the mean
difference between successive round-trip times. A second table compares the reflectors:
operator, share of answered probes, idle round-trip time, and noise, which is the mean
deviation from the delay of the others.

ICMP needs root, CAP_NET_RAW or a group in net.ipv4.ping_group_range. With --one-way and
one of the first two, IPv4 hosts that answer ICMP timestamp requests get ten of them a
second in turn, which yields the delay of each direction. 'wanctl shape' always sends
them.`

const example = `  wanctl probe
  wanctl probe 1.1.1.1 one.one.one.one --count 100
  wanctl probe --wan spectrum --duration 10s -o csv > idle.csv
  wanctl probe --method tcp example.com:443
  wanctl probe --wan spectrum --duration 60s -o jsonl | wanctl trace replay - --wan spectrum`

// options are the flags of probe.
type options struct {
	interval time.Duration
	timeout  time.Duration
	count    int
	duration time.Duration
	method   string
	source   string
	iface    string
	mark     mark
	oneWay   bool
}

func New(a *app.App) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:     "probe [HOST...]",
		Short:   "Measure round-trip times continuously",
		Long:    long,
		Example: example,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.ArbitraryArgs),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(a, cmd, o, args) },
	}
	f := cmd.Flags()
	f.DurationVar(&o.interval, "interval", probe.DefaultInterval, "`TIME` between two probes of one host")
	f.DurationVar(&o.timeout, "timeout", probe.DefaultTimeout, "a probe is lost when unanswered for `TIME`")
	f.IntVar(&o.count, "count", 0, "stop after `N` probes of each host")
	f.DurationVar(&o.duration, "duration", 0, "stop after `TIME`")
	f.StringVar(&o.method, "method", string(probe.Auto), "icmp, tcp or auto")
	f.StringVar(&o.source, "source", "", "measure from the local `ADDRESS`")
	f.StringVar(&o.iface, "interface", "", "measure through the network interface `NAME`")
	f.Var(&o.mark, "mark", "send packets with the mark `NUMBER`, such as 20 or 0x14, for a rule of 'ip rule'")
	f.BoolVar(&o.oneWay, "one-way", false, "measure the delay of each direction by ICMP timestamps, where hosts answer them")
	app.CompleteFlag(cmd, "method", string(probe.ICMP), string(probe.TCP), string(probe.Auto))
	return app.Prints[sample](a, cmd)
}

func run(a *app.App, cmd *cobra.Command, o options, args []string) error {
	cfg, err := configure(a, cmd, o, args)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if err := checkNames(ctx, args); err != nil {
		return err
	}
	cfg.Logger = slog.New(slog.DiscardHandler) // the view shows what happens
	if a.Global.LogLevel == "debug" {
		cfg.Logger = a.Logger(a.Err, a.Global.LogLevel)
	}
	cfg.Epoch = time.Now()
	group, err := probe.New(cfg)
	if err != nil {
		return err
	}
	if denied := group.Status().Denied; denied != nil {
		a.Warnf("timing TCP connections instead: %v", denied)
	}
	stats := newStats(group.Status().Targets, cfg)
	view := newRenderer(a, stats)
	err = watch(ctx, group, stats, view)
	if closeErr := view.close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough
	}
	if err != nil {
		return fmt.Errorf("writing samples: %w", err)
	}
	if err := printSummary(a, group.Status(), stats); err != nil {
		return err
	}
	return verdict(group.Status())
}

// checkNames refuses names that do not exist: a slip of the finger should not
// be measured for ever. Any other trouble with a name may pass.
func checkNames(ctx context.Context, args []string) error {
	for _, arg := range args {
		host, _ := splitHostPort(arg)
		if err := probe.CheckName(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// refreshEvery is how often a view gets to redraw.
const refreshEvery = 200 * time.Millisecond

// watch runs the group and shows what it sees, until its end or the
// first error of the view.
func watch(ctx context.Context, group *probe.Group, stats *stats, view renderer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	defer func() {
		cancel()
		if runErr := <-ended; err == nil {
			err = runErr
		}
	}()
	refresh := time.NewTicker(refreshEvery)
	defer refresh.Stop()
	update := func() error {
		for _, s := range stats.observeRoutes(group.Routes, time.Now()) {
			if err := view.sample(s); err != nil {
				return err
			}
		}
		return view.refresh(group.Status())
	}
	for {
		select {
		case e, open := <-group.Events():
			if !open {
				return update()
			}
			if s, ok := stats.observe(e); ok {
				if err := view.sample(s); err != nil {
					return err
				}
			}
		case <-refresh.C:
			if err := update(); err != nil {
				return err
			}
		}
	}
}

// verdict is nil if anything answered.
func verdict(s probe.Status) error {
	var silent []probe.TargetStatus
	gateway := ""
	for _, t := range s.Targets {
		switch {
		case t.Gateway && t.Alive:
			gateway = "; the gateway " + t.Address + " does answer"
		case t.Gateway:
		case t.Replies > 0:
			return nil
		default:
			silent = append(silent, t)
		}
	}
	reasons := ""
	for _, r := range sendErrors(silent) {
		reasons += "; " + r
	}
	return app.Checkf("no host answered%s%s", reasons, gateway)
}

// sendErrors returns why nothing can be sent to targets, once for each reason.
func sendErrors(targets []probe.TargetStatus) []string {
	var reasons []string
	names := map[string][]string{}
	for _, t := range targets {
		if t.Err == nil {
			continue
		}
		reason := t.Err.Error()
		if names[reason] == nil {
			reasons = append(reasons, reason)
		}
		names[reason] = append(names[reason], t.Name)
	}
	for i, reason := range reasons {
		who := names[reason]
		if n := len(who) - 3; n > 0 {
			who = append(who[:3:3], fmt.Sprintf("%d more", n))
		}
		reasons[i] = strings.Join(who, ", ") + ": " + reason
	}
	return reasons
}

// renderer shows samples to a person or a program.
type renderer interface {
	sample(sample) error
	refresh(probe.Status) error
	close() error
}

func newRenderer(a *app.App, st *stats) renderer {
	people := a.Global.Output == output.Table
	switch {
	case people && a.Global.Quiet:
		return noRenderer{}
	case people && a.OutTTY:
		return newTUI(a, st)
	}
	return newLineRenderer(a, st)
}

// noRenderer leaves everything to the summary.
type noRenderer struct{}

func (noRenderer) sample(sample) error        { return nil }
func (noRenderer) refresh(probe.Status) error { return nil }
func (noRenderer) close() error               { return nil }
