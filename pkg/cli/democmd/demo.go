// Package democmd is `wanctl demo`: the real loop against an embedded router and a
// simulated link, shown for half a minute. It reads no configuration.
package democmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/demo"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/units"
)

const long = `Run the real loop for half a minute against an embedded router and a simulated
link, beside the same link without wanctl, and show what happens. It needs no
router and no configuration. On a terminal it is one screen, otherwise lines.

--direction controls one direction alone, as a configuration that names one queue
does; only that direction is loaded then.`

func New(a *app.App) *cobra.Command {
	direction := "both"
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "Run the loop on an embedded router and a simulated link",
		Long:    long,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case cmd.Flags().Changed("config") || cmd.Flags().Changed("wan"):
				return app.Usagef("demo has its own configuration: leave out --config and --wan, or run 'wanctl shape'")
			case a.Global.Output != output.Table:
				return app.Usagef("demo is for people and has no -o %s; 'wanctl shape -o %[1]s' is for programs", a.Global.Output)
			}
			queues, known := queuesOf[direction]
			if !known {
				return app.Usagef("--direction %q: use download, upload or both", direction)
			}
			return app.Stopped(run(cmd.Context(), a, queues))
		},
	}
	cmd.Flags().StringVar(&direction, "direction", direction, "what to control: `download`, upload or both")
	app.CompleteFlag(cmd, "direction", "both", "download", "upload")
	return cmd
}

// queuesOf are the queues that are controlled.
var queuesOf = map[string][2]string{
	"both":     {"demo-download", "demo-upload"},
	"download": {"demo-download", ""},
	"upload":   {"", "demo-upload"},
}

const queueScript = `/queue tree
%s/user group add name=wanctl policy=read,write,api,rest-api
/user add name=wanctl group=wanctl password=demo
`

const configText = `wan_name: demo
router: {transport: rest, host: 127.0.0.1, port: %d, user: wanctl, password: demo, tls_fingerprint: %s}
queues: {%s}
continuous_monitoring:
  baseline_rtt_initial: %d
%s`

// run runs the real loop against an embedded RouterOS, over HTTPS, in front
// of a simulated link, and shows what happens.
func run(ctx context.Context, a *app.App, names [2]string) error {
	epoch := time.Now()
	world := demo.NewWorld(epoch, names)
	rows := ""
	for d, name := range names {
		if name != "" {
			rows += fmt.Sprintf("add name=%s parent=global max-limit=%s\n", name, demo.Ceiling[d])
		}
	}
	sim, err := simrouter.New(simrouter.Config{
		Backend: world, Latency: 5 * time.Millisecond,
		Script: fmt.Sprintf(queueScript, rows), ScriptName: "demo",
	})
	if err != nil {
		return fmt.Errorf("building the embedded router: %w", err)
	}
	if err := sim.Start(ctx, "127.0.0.1:0"); err != nil {
		return fmt.Errorf("starting the embedded router: %w", err)
	}
	defer sim.Close()

	cfg, err := newConfig(sim, names)
	if err != nil {
		return err
	}
	queues, err := shape.OpenQueues(cfg, nil, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer queues.Close()
	start, err := queues.Limits(ctx)
	if err != nil {
		return err
	}
	show := newShow(a, world)
	loop := control.New(control.Config{
		Law: shape.LawConfig(cfg), Start: start.Limits, Epoch: epoch,
		Prober: world, Limiter: queues, Meter: queues, Observers: []control.Observer{show},
		Refused: router.IsRefusal,
	})

	running, stop := context.WithCancel(ctx)
	group, running := errgroup.WithContext(running)
	group.Go(func() error { return world.Run(running) })
	group.Go(func() error { return loop.Run(running) })
	group.Go(func() error {
		defer stop()
		return show.run(running, loop)
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if ctx.Err() != nil {
		return nil // interrupted: half a comparison would mislead
	}
	return show.summary(sim.Counts())
}

func newConfig(sim *simrouter.Router, names [2]string) (*config.WAN, error) {
	_, port := sim.HostPort()
	var queues []string
	sections := ""
	for _, d := range autorate.Directions {
		if names[d] != "" {
			queues = append(queues, fmt.Sprintf("%v: %s", d, names[d]))
			sections += fmt.Sprintf("  %v: {ceiling_mbps: %g, floor_mbps: %g}\n", d, demo.Ceiling[d].Mbps(), demo.Floor[d].Mbps())
		}
	}
	text := fmt.Sprintf(configText, port, sim.Fingerprint(), strings.Join(queues, ", "), demo.BaseRTT.Milliseconds(), sections)
	cfg, _, err := config.Parse(strings.NewReader(text), "demo", config.Options{})
	return cfg, err
}

// show prints the demo: a live block on a terminal, lines on a pipe.
type show struct {
	app   *app.App
	world *demo.World
	told  chan line
	last  autorate.Decision
}

// line is something the law or the world did, for people.
type line struct {
	at   time.Duration
	text string
}

func newShow(a *app.App, world *demo.World) *show {
	return &show{app: a, world: world, told: make(chan line, 256)}
}

// Observe implements control.Observer.
func (s *show) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok {
		return
	}
	dec := step.Decision
	for _, d := range autorate.Directions {
		now, was := dec.Directions[d], s.last.Directions[d]
		if now.Reason == was.Reason || !now.Reason.Notable() {
			continue
		}
		// Fits in 80 columns with the time in front.
		text := fmt.Sprintf("%-8v %v: %.1fM -> %.1fM, %.0f ms of queue, carrying %.1fM of ~%.1fM",
			d, now.Reason, was.Limit.Mbps(), now.Limit.Mbps(), units.Millis(dec.Excess), now.Throughput.Mbps(), now.Capacity.Mbps())
		select {
		case s.told <- line{dec.At, text}:
		default: // a slow terminal must not hold the loop up
		}
	}
	s.last = dec
}

// run shows the world until the demo's end.
func (s *show) run(ctx context.Context, loop *control.Loop) error {
	var view renderer = newLineRenderer(s.app)
	if s.app.OutTTY && !s.app.Global.Quiet {
		view = newTUI(s.app)
	}
	defer view.close()
	refresh := time.NewTicker(200 * time.Millisecond)
	defer refresh.Stop()
	phase := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-s.told:
			view.tell(line)
		case <-refresh.C:
			now := s.world.State()
			if now.Phase != phase {
				phase = now.Phase
				view.tell(line{now.At, "--- " + phase + " ---"})
			}
			st, err := loop.Status(ctx)
			if err != nil {
				return nil // the loop has ended
			}
			if err := view.show(now, st.Decision); err != nil {
				return err
			}
			if now.At >= demo.Length {
				return nil
			}
		}
	}
}

// summary compares what was measured with control and without.
func (s *show) summary(router simrouter.Counts) error {
	shaped, alone := s.world.Compare()
	type row struct {
		What    string  `json:"what"`
		P50     float64 `json:"excess_p50_ms"`
		P95     float64 `json:"excess_p95_ms"`
		P99     float64 `json:"excess_p99_ms"`
		Above30 float64 `json:"share_above_30ms"`
		Util    float64 `json:"utilisation"`
	}
	rows := []row{}
	for _, m := range []struct {
		name string
		demo.Measured
	}{{"with wanctl", shaped}, {"without", alone}} {
		rows = append(rows, row{m.name, units.Millis(m.P50), units.Millis(m.P95), units.Millis(m.P99), units.Round(m.Above30, 3), units.Round(m.Utilisation, 3)})
	}
	number := func(format string, of func(row) float64) func(row) string {
		return func(r row) string { return fmt.Sprintf(format, of(r)) }
	}
	fmt.Fprintf(s.app.Out, "\nDelay that queues added to a sparse packet (a call, a game) while the link was loaded:\n\n")
	err := output.List(s.app.Out, output.Table, rows, []output.Column[row]{
		{Head: "", Text: func(r row) string { return r.What }},
		{Head: "MEDIAN", Right: true, Text: number("%.1f ms", func(r row) float64 { return r.P50 })},
		{Head: "P95", Right: true, Text: number("%.1f ms", func(r row) float64 { return r.P95 })},
		{Head: "P99", Right: true, Text: number("%.1f ms", func(r row) float64 { return r.P99 })},
		{Head: "TIME ABOVE 30 MS", Right: true, Text: number("%.0f %%", func(r row) float64 { return r.Above30 * 100 })},
		{Head: "LINK USED", Right: true, Text: number("%.0f %%", func(r row) float64 { return math.Round(r.Util * 100) })},
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.app.Out, "\nThe embedded router answered %d requests over HTTPS, %d of them writes.\n"+
		"Next: 'wanctl config init' writes a configuration for your router, 'wanctl config explain' lists every key.\n",
		router.Requests, router.Writes)
	return err
}

// renderer is one way to show the demo.
type renderer interface {
	tell(line)
	show(demo.State, autorate.Decision) error
	close()
}

// lineRenderer is the view for a pipe: every decision, and a line a second.
type lineRenderer struct {
	app  *app.App
	next time.Duration
}

func newLineRenderer(a *app.App) *lineRenderer { return &lineRenderer{app: a} }

func (v *lineRenderer) tell(l line) { fmt.Fprintf(v.app.Out, "%6.2fs  %s\n", l.at.Seconds(), l.text) }

func (v *lineRenderer) show(now demo.State, dec autorate.Decision) error {
	if now.At < v.next {
		return nil
	}
	v.next = now.At + time.Second
	sides := ""
	for d, name := range [...]string{"down", "up"} {
		if x := dec.Directions[d]; x.Limit > 0 {
			sides += fmt.Sprintf("%s %-8s %s of %s  ", name, x.State, mbps(x.Limit), mbps(now.Capacity[d]))
		}
	}
	_, err := fmt.Fprintf(v.app.Out, "%6.2fs  %sexcess %5.1f ms (without wanctl %5.1f ms)\n",
		now.At.Seconds(), sides, units.Millis(now.Shaped), units.Millis(now.Alone))
	return err
}

func (v *lineRenderer) close() {}

func mbps(r bitrate.Rate) string { return fmt.Sprintf("%5.1fM", r.Mbps()) }
