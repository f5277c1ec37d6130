package simcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/controllers"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/score"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
	"github.com/wanctl/wanctl/pkg/trace"
)

// traced is a controller that writes down what it sees.
type traced struct {
	linksim.Controller
	setup trace.Setup
	enc   trace.Encoder
	trace *trace.Recording // from the first step on
	err   error
}

// Step implements linksim.Controller.
func (t *traced) Step(now time.Duration, in autorate.Input) autorate.Decision {
	if t.trace == nil {
		t.trace = trace.NewRecording(t.enc, t.setup, in.Applied)
	}
	if t.err == nil {
		t.err = t.trace.Step(now, in)
	}
	return t.Controller.Step(now, in)
}

// SetExternally passes on that somebody else set a limit, which is never before the
// first step.
func (t *traced) SetExternally(d autorate.Direction, r bitrate.Rate) {
	if t.err == nil {
		t.err = t.trace.SetExternally(d, r)
	}
	if c, ok := t.Controller.(interface {
		SetExternally(autorate.Direction, bitrate.Rate)
	}); ok {
		c.SetExternally(d, r)
	}
}

// recordLink does one run, writes its trace and prints what it was worth.
func recordLink(ctx context.Context, a *app.App, o linkOptions, scenarios []scenario.Scenario, laws []controllers.Law, routers []simrun.Router) error {
	if len(scenarios) != 1 || len(laws) != 1 || len(routers) != 1 {
		return app.Usagef("--record takes one run: name one SCENARIO, one --law and one --router")
	}
	m := matrix{scenarios: scenarios, laws: laws, routers: routers, seeds: []uint64{o.seed}}
	cells := m.cells()
	cell := cells[len(cells)-1] // before it may come one to measure against, which nobody asked for
	run := cell.simulation(o.seed)
	if run.Controller == nil {
		return app.Usagef("--record: the law %q uses no measurements, so there is nothing to record", cell.law.Name)
	}
	f, err := os.Create(o.record)
	if err != nil {
		return fmt.Errorf("--record %s: %w", o.record, supervisor.WithoutPath(err))
	}
	w := bufio.NewWriterSize(f, 1<<20)
	t := &traced{
		Controller: run.Controller, enc: trace.NewEncoder(o.record, w),
		setup: trace.NewSetup(cell.scenario.Name, cell.scenario.LawConfig(), run.Link.Targets(), 0),
	}
	run.Controller = t
	run.Stop = func() bool { return ctx.Err() != nil || t.err != nil }
	result := run.Run(cell.scenario.From, cell.scenario.To)
	if err := errors.Join(t.err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("--record %s: the recording is incomplete: %w", o.record, supervisor.WithoutPath(err))
	}
	if ctx.Err() != nil {
		a.Warnf("interrupted: %s ends at %v", o.record, run.Link.Now())
	}
	cell.runs[0], cell.done[0] = result, true
	rows := scoreRows([]*matrixCell{cell})
	targets := cell.scenario.Targets
	targets.Against = "" // nothing else was run
	score.CheckTargets(rows, func(string) scenario.Targets { return targets })
	return printScores(a, rows)
}
