// Package calibratecmd is `wanctl calibrate`: it puts together lock, queues, probes and
// load of one WAN for package calibrate, shows the progress and prints what was found.
package calibratecmd

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/probe"
)

const long = `Measure a line, idle and under load, and propose its ceilings, floors and
thresholds.

The load is an iperf3 of this host with a server of yours (--iperf3), in each
direction by itself, or the traffic of users (--watch). Capacity comes from the
counters of the router's queues. Each loaded phase runs twice: with limits far above
what the line carries, which shows its delay without wanctl, and with the proposed
ones. The ceiling is 95 % of the capacity, the head-room that low delay needs, and
less where that does not suffice.

Before the first change the limits in force are saved in a file beside the state file.
They are restored at the end, after Ctrl-C and after an error; after kill -9 or a power
cut they are restored at the next start of calibrate or shape. calibrate needs the lock
of the loop, so stop the loop first.

calibrate prints how much data the load needs before it starts. It ends at about twice
that amount, or at about --max-data, by the counters of the router's queues, which are
read four times a second.

The grades are those of the DSLReports speed test, which other public tests use as
well: the mean increase of the round trip under load, below 5 ms A+, 30 ms A, 60 ms
B, 200 ms C, 400 ms D, else F; overall that of the average of both directions.`

type options struct {
	iperf3   string
	streams  int
	watch    time.Duration
	restore  bool
	idle     time.Duration
	duration time.Duration
	maxData  string
	write    bool
}

// New returns the command.
func New(a *app.App) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure a line under load and propose ceilings, floors and thresholds",
		Long:  long,
		Example: `  wanctl calibrate --wan spectrum --iperf3 iperf.example.net
  wanctl calibrate --wan lte --iperf3 192.0.2.7:5202 --max-data 200M
  wanctl calibrate --wan spectrum --watch 10m
  wanctl calibrate --wan spectrum --iperf3 iperf.example.net --write
  wanctl calibrate --wan spectrum --restore`,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(a, cmd); err != nil {
				return err
			}
			cfg, err := a.LoadWAN(cmd)
			if err != nil {
				return err
			}
			return run(cmd.Context(), a, cfg, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.iperf3, "iperf3", "", "load the line by iperf3 with the server `HOST[:PORT]`")
	f.IntVar(&o.streams, "streams", 4, "connections of iperf3 at once")
	f.DurationVar(&o.watch, "watch", 0, "instead of a load, watch the traffic of users for this long, without limits and with them")
	f.BoolVar(&o.restore, "restore", false, "only restore the limits that an interrupted measurement has left changed")
	f.DurationVar(&o.idle, "idle", 10*time.Second, "how long the idle line is measured")
	f.DurationVar(&o.duration, "duration", 12*time.Second, "how long each loaded phase of iperf3 lasts, in whole seconds")
	f.StringVar(&o.maxData, "max-data", "", "end when the load has taken about so many `BYTES`, such as 500M or 2G (default twice the expected amount)")
	f.BoolVar(&o.write, "write", false, "write the proposal to the configuration; the former file stays beside it as a backup")
	return app.Prints[document](a, cmd)
}

func (o *options) check(a *app.App, cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if err := app.Exclusive(cmd, "iperf3", "watch", "restore"); err != nil {
		return err
	}
	if err := app.Exclusive(cmd, "watch", "max-data"); err != nil {
		return err
	}
	const least = 3 * time.Second
	switch {
	case !given("iperf3") && !given("watch") && !o.restore:
		return app.Usagef("name the load: --iperf3 HOST for a server of yours, or --watch 10m for the traffic of users")
	case given("watch") && o.watch < 30*time.Second:
		return app.Usagef("--watch %v: use 30s or more; minutes find a full line more likely", o.watch)
	case o.idle < least:
		return app.Usagef("--idle %v: use %v or more", o.idle, least)
	case o.duration < calibrate.MinLoad || o.duration%time.Second != 0:
		return app.Usagef("--duration %v: use whole seconds, %v or more", o.duration, calibrate.MinLoad)
	case o.streams < 1 || o.streams > 128:
		return app.Usagef("--streams %d: use 1 to 128", o.streams)
	case a.Global.Output == output.CSV:
		return app.Usagef("calibrate has no -o csv; use json")
	}
	return nil
}

func run(ctx context.Context, a *app.App, cfg *config.WAN, o options) error {
	// Neither the end of a terminal nor that of a pipe leaves the limits lifted.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	defer supervisor.SurviveBrokenPipe()()
	plan, err := o.plan(cfg)
	if err != nil {
		return err
	}
	var load *iperf3
	if o.iperf3 != "" {
		if load, err = newIperf3(o.iperf3, o.streams, cfg); err != nil {
			return app.Usagef("--iperf3 %v", err)
		}
		if err := load.check(ctx); err != nil {
			return err
		}
	}
	s, err := open(ctx, a, cfg)
	if err != nil {
		return err
	}
	defer s.close()
	if o.restore {
		return nil
	}
	epoch := time.Now()
	pc := shape.ProbeConfig(cfg, a.Logger(a.Err, "error"), epoch)
	pc.NoOneWay = true
	probes, err := probe.New(pc)
	if err != nil {
		return fmt.Errorf("%s: %w", cfg.Path, err)
	}
	m := calibrate.Config{
		Plan: plan, Start: s.start.Limits, Current: settings(cfg), Interval: cfg.Interval, Timeout: cfg.Timeouts.Ping,
		Epoch: epoch, Prober: probes, Router: s,
	}
	if load != nil {
		m.Load = load
	}
	show := newProgress(a)
	m.Tell = show.tell
	show.announce(cfg, m.Plan, s.start.Limits)
	res, err := measure(ctx, a, m, s, probes)
	show.end()
	if err != nil {
		return s.explain(ctx, err)
	}
	return finish(a, cfg, o, res)
}

// measure runs the measurement, its probes, and the watch over the lock.
func measure(ctx context.Context, a *app.App, m calibrate.Config, s *session, probes *probe.Group) (calibrate.Result, error) {
	lock := daemon.WatchLock("lock", s.lock, a.Logger(a.Err, "error"))
	return together(ctx, func(ctx context.Context) (calibrate.Result, error) { return calibrate.Run(ctx, m) }, lock.Run, probes.Run)
}

// together runs a measurement as long as none of the others fails. The error is the
// first one, and that limits are not restored in any case.
func together(ctx context.Context, measurement func(context.Context) (calibrate.Result, error), others ...func(context.Context) error) (calibrate.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, other := range others {
		group.Go(func() error { return other(ctx) })
	}
	var res calibrate.Result
	var failed error
	group.Go(func() error {
		defer cancel()
		res, failed = measurement(ctx)
		return failed
	})
	first := group.Wait()
	switch {
	case errors.Is(failed, first): // it names the cause itself
		return res, failed
	case errors.Is(failed, calibrate.ErrNotRestored):
		return res, fmt.Errorf("%w; %w", first, failed)
	}
	return res, first
}

// explain adds the next command to an error of the measurement.
func (s *session) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, calibrate.ErrNotRestored):
		return fmt.Errorf("%w; they are noted in %s: run 'wanctl calibrate --restore --config %s' once the router answers and has the queues, or start shape", err, s.journal.Path(), s.cfg.Path)
	case errors.Is(err, calibrate.ErrNoReply):
		return app.Checkf("%v; try 'wanctl probe --config %s'", err, s.cfg.Path)
	case errors.Is(err, calibrate.ErrNoLoad):
		return s.noLoad(ctx, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w; the limits are as before", err)
	}
	return err
}

// plan returns what is measured.
func (o *options) plan(cfg *config.WAN) (calibrate.Plan, error) {
	p := calibrate.Plan{
		Controlled: cfg.Controlled(), Expected: [2]bitrate.Rate{cfg.Download.Ceiling, cfg.Upload.Ceiling},
		IdleLength: o.idle, LoadLength: o.duration,
	}
	if o.watch > 0 {
		p.Watch, p.LoadLength = true, o.watch
		return p, nil
	}
	p.MaxBytes = 2 * p.Bytes()
	if o.maxData != "" {
		n, err := bitrate.Parse(trimByte(o.maxData)) // a number with k, M or G
		if err != nil || n <= 0 {
			return p, app.Usagef("--max-data %q: write bytes, such as 500M or 2G", o.maxData)
		}
		p.MaxBytes = uint64(n)
		if least := p.LeastBytes(); p.MaxBytes < least {
			shorter := ""
			if o.duration > calibrate.MinLoad {
				shorter = fmt.Sprintf(", or a shorter --duration, down to %v", calibrate.MinLoad)
			}
			return p, app.Usagef("--max-data %s: the first phase under load takes %s at its ceiling; use --max-data %dk or more%s",
				o.maxData, calibrate.Size(least), (least+999)/1000, shorter)
		}
	}
	return p, nil
}

// trimByte removes the B of 500MB.
func trimByte(size string) string {
	if n := len(size); n > 1 && (size[n-1] == 'B' || size[n-1] == 'b') {
		return size[:n-1]
	}
	return size
}

// settings returns the keys of a configuration that a proposal may change.
func settings(cfg *config.WAN) calibrate.Settings {
	t := cfg.Thresholds
	return calibrate.Settings{
		Ceiling: [2]bitrate.Rate{cfg.Download.Ceiling, cfg.Upload.Ceiling},
		Floor:   [2]bitrate.Rate{cfg.Download.FloorRed, cfg.Upload.FloorRed},
		Target:  t.TargetBloat, Warn: t.WarnBloat, HardRed: t.HardRedBloat,
		BaselineInitial: cfg.BaselineInitial, BaselineMin: t.BaselineMin, BaselineMax: t.BaselineMax,
	}
}
