// Package run is the daemon of `wanctl run`: every WAN and every steering of a
// configuration directory in one process. Its manager starts, stops and replaces loops
// as files come, change and go. What a loop is belongs to packages shape and steer, how
// loops run beside each other to daemon.LoopSet.
package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Options says which directory to run, and how.
type Options struct {
	daemon.Options
	Config config.Options
	Dir    string // of the configurations
	DryRun bool   // decide, but write nothing and keep no state
}

// Run runs the configurations of the directory until ctx ends or a signal ends it.
// A directory that cannot be read is an error; one without configurations is not: they
// may come.
func Run(ctx context.Context, o Options) (err error) {
	shape.TuneCollector(&o.Options)
	o.Log.ConsoleOnly, o.Log.MainOnConsole = o.DryRun, true
	ctx, p, err := daemon.NewProcess(ctx, o.Options)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return err
	}
	m := newManager(p, o)
	node, err := m.loadNode()
	if err != nil {
		return err
	}
	if node != nil && node.Enabled && !o.DryRun {
		store, err := owner.NewStore(node)
		if err != nil {
			return err
		}
		m.nodes = withNodes(m, node, store)
	}
	if node != nil && len(node.Fleet.URL) > 0 && !o.DryRun {
		m.joinFleet(node)
	}
	if err := m.update(true); err != nil {
		return err
	}
	if !o.DryRun {
		m.follow(node)
	}
	p.Loops = append(p.Loops, supervisor.NewTask("configurations", nil, m.watch))
	p.Sinks = append(p.Sinks, m.listeners)
	p.KeepHistory()
	shape.WatchRoutes(p)
	p.ReportStatus(5*time.Second, m.statusLine)
	return p.Run(ctx, daemon.Service{
		Status:  "running " + o.Dir,
		Started: []any{"directory", o.Dir, "loops", len(p.Set.States()), "dry_run", o.DryRun},
		Reload: func(context.Context) {
			if err := m.update(true); err != nil {
				p.Logs.Main().Error("the configurations cannot be read: the loops go on as they are", "error", err)
			}
		},
	})
}

// statusLine is that of the process; without a loop it says what is awaited.
func (m *manager) statusLine(ctx context.Context) (string, bool) {
	line, ok := m.StatusLine(ctx)
	if ok && line == "" {
		line = fmt.Sprintf("waiting for the configuration of a WAN in %s: wanctl config init", m.options.Dir)
	}
	return line, ok
}

// hostHealth serves the health document of everything that runs.
func (m *manager) hostHealth(page http.Handler) http.Handler {
	return telemetry.HostHandler(m.Host, page)
}

// steeringHealth serves the health document of one steering, as 'wanctl steer' does.
func (m *manager) steeringHealth(name string) func(page http.Handler) http.Handler {
	return func(page http.Handler) http.Handler {
		return telemetry.SteeringHandler(func(ctx context.Context) telemetry.SteeringHealth {
			return m.Checker.Steering(ctx, name)
		}, page)
	}
}
