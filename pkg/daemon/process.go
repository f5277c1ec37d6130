package daemon

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Process is what the loops of one process share, and what shows them together.
type Process struct {
	*Daemon
	Set      *LoopSet
	Registry *telemetry.Registry
	Metrics  *telemetry.Metrics
	Past     *history.History
	Checker  *telemetry.Checker

	// Others, if set, returns what is to be shown beside the loops of Set.
	Others func() ([]telemetry.Source, []telemetry.SteeringSource)

	// Nodes, if set, returns how this node stands with its routers.
	Nodes func() *telemetry.HA
}

// NewProcess returns a process without loops, and the context to build and run it
// in. The caller closes it even after an error.
func NewProcess(ctx context.Context, o Options) (context.Context, *Process, error) {
	ctx, d := New(ctx, o)
	p := &Process{Daemon: d, Registry: telemetry.NewRegistry(), Past: history.New(), Set: NewLoopSet(d.Logs.Main())}
	p.Checker = telemetry.NewProcessChecker(o.Version, p.sources)
	p.OnClose(p.Set.Close)
	p.Loops = append(p.Loops, p.Set)
	var err error
	p.Metrics, err = telemetry.New(p.Registry, o.Version)
	return ctx, p, err
}

// TuneProcessors sets the number of processors for n loops, unless the environment
// says which. A loop is a few hundred short wake-ups a second: with one processor to
// wake they cost half as much. Many loops get the second one.
func (o *Options) TuneProcessors(n int) {
	if want := min(runtime.NumCPU(), 1+n/20); !o.Set("GOMAXPROCS") && runtime.GOMAXPROCS(0) != want {
		runtime.GOMAXPROCS(want)
	}
}

// KeepHistory adds the task that adds to the history what the loops send.
func (p *Process) KeepHistory() {
	p.Sinks = append(p.Sinks, supervisor.NewTask("history", nil, p.Past.Run))
}

// sources returns the loops, those included that do not run.
func (p *Process) sources() (wans []telemetry.Source, steering []telemetry.SteeringSource) {
	for _, st := range p.Set.States() {
		why := telemetry.NotRunning{Err: st.Err}
		switch l := st.Loop.(type) {
		case telemetry.Source:
			if !st.Open {
				l = AbsentWAN{st.Loop.Name(), why, warnings(st.Loop)}
			}
			wans = append(wans, l)
		case telemetry.SteeringSource:
			if !st.Open {
				l = AbsentSteering{st.Loop.Name(), why, warnings(st.Loop)}
			}
			steering = append(steering, l)
		}
	}
	if p.Others != nil {
		moreWANs, moreSteering := p.Others()
		wans, steering = append(wans, moreWANs...), append(steering, moreSteering...)
	}
	return wans, steering
}

// running reports of each WAN whether its loop runs.
func (p *Process) running() map[string]bool {
	wans := map[string]bool{}
	for _, st := range p.Set.States() {
		if _, wan := st.Loop.(telemetry.Source); wan {
			wans[st.Loop.Name()] = st.Open
		}
	}
	return wans
}

// warnings returns what is doubtful of a loop that does not run.
func warnings(l Loop) []string {
	if l, ok := l.(interface{ Warnings() []string }); ok {
		return l.Warnings()
	}
	return nil
}

// AbsentWAN is a WAN whose loop does not run, for the health document.
type AbsentWAN struct {
	Name     string
	Why      error
	Warnings []string
}

// Snapshot implements telemetry.Source.
func (a AbsentWAN) Snapshot(context.Context) (telemetry.WANHealth, error) {
	return telemetry.WANHealth{Name: a.Name, Warnings: a.Warnings}, a.Why
}

// AbsentSteering is steering that does not run, for the health document.
type AbsentSteering struct {
	Name     string
	Why      error
	Warnings []string
}

// Snapshot implements telemetry.SteeringSource.
func (a AbsentSteering) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	h := telemetry.NewSteeringHealth("", "", time.Time{})
	h.Detail.Name, h.Warnings = a.Name, a.Warnings
	return h, a.Why
}

// Host implements page.Source.
func (p *Process) Host(ctx context.Context) telemetry.Host {
	h := p.Checker.Host(ctx)
	h.HA = p.nodes()
	return h
}

// nodes returns how this node stands with its routers; nil: it is none of several.
func (p *Process) nodes() *telemetry.HA {
	if p.Nodes == nil {
		return nil
	}
	return p.Nodes()
}

// History implements page.Source.
func (p *Process) History(_ context.Context, since time.Time) history.Window {
	return p.Past.Since(since)
}

// Kept implements page.Source.
func (p *Process) Kept() []history.Kept {
	var list []history.Kept
	for _, st := range p.Set.States() {
		if l, ok := st.Loop.(interface{ Kept() history.Kept }); ok {
			if k := l.Kept(); k.Archive != nil {
				list = append(list, k)
			}
		}
	}
	return list
}

// OfLoop returns the metrics for the socket of a loop that command runs: those of the
// WAN and of this process.
func (p *Process) OfLoop(command, wan string) telemetry.Gatherer {
	return telemetry.OfLoop(p.Registry, wan, func() (string, string) {
		if p.Others != nil { // loops come and go
			return "run", ""
		}
		names := []string{telemetry.WANLabel(wan)}
		for name := range p.running() {
			names = append(names, telemetry.WANLabel(name))
		}
		slices.Sort(names)
		return command, strings.Join(slices.Compact(names), ",")
	})
}

// Front is what the listeners of a process show.
type Front struct{ everything, metricsOnly http.Handler }

// Front returns what listeners show, with health as the health document.
func (p *Process) Front(health func(page http.Handler) http.Handler) Front {
	metrics := telemetry.MetricsHandler(p.Registry)
	if p.Others != nil { // loops may come, fail and go
		metrics = telemetry.MetricsHandler(telemetry.Together(p.Registry, telemetry.RunningLoops(p.running), telemetry.NodeMetrics(p.nodes)))
	}
	f := HTTPFront{Health: health, Source: p, Metrics: metrics, Guard: supervisor.RejectRebinding}
	return Front{p.Pages(f), p.MetricsPages(f)}
}
