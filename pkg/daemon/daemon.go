// Package daemon is what the long-running commands share: logs, systemd, signals,
// listeners, the reload of configurations, and tasks that stop in order. The
// daemons themselves are the packages below it: shape, steer, run and host. It contains
// neither command lines nor exit statuses nor decisions of the loops.
package daemon

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/sysd"
)

// Daemon is the part of a daemon that does not depend on its purpose. Make it
// with New, add tasks, Run it, and Close it in any case.
type Daemon struct {
	Options
	Tasks
	Logs     *Logs
	Notifier *sysd.Notifier

	closers Closers
	quit    context.CancelCauseFunc
	ready   atomic.Bool     // every task is ready, and none is being stopped
	reload  <-chan struct{} // a reload was requested
	restore func()          // gives the signals back

	mu     sync.Mutex            // protects the following field
	access map[string]*WebAccess // of the listeners, by their keys
}

// New returns a daemon without tasks, and the context to build and run it in.
//
// It handles signals from here on: the SIGHUP of a log rotation must not end a
// daemon that still waits for the router.
func New(ctx context.Context, o Options) (context.Context, *Daemon) {
	limitMemory(&o)
	ctx, reload, restore := supervisor.Signals(ctx)
	ctx, quit := context.WithCancelCause(ctx)
	d := &Daemon{Options: o, Logs: openLogs(o.Err, o.Log), quit: quit, access: map[string]*WebAccess{}, reload: reload, restore: restore}
	var err error
	d.Notifier, err = sysd.New()
	d.logNotify(err)
	return ctx, d
}

// limitMemory has the garbage collector work harder before the memory limit of the
// unit or container is reached, unless the environment says when.
func limitMemory(o *Options) {
	if most, ok := sysd.MemoryMax(os.DirFS("/")); ok && !o.Set("GOMEMLIMIT") {
		debug.SetMemoryLimit(most / 5 * 4)
	}
}

// Quit stops the daemon in order. why is logged.
func (d *Daemon) Quit(why error) { d.quit(why) }

// OnClose has Close call f before everything that was added earlier.
func (d *Daemon) OnClose(f func() error) { d.closers.OnClose(f) }

// logNotify logs that systemd could not be notified.
func (d *Daemon) logNotify(err error) {
	if err != nil {
		d.Logs.Main().Warn("systemd", "error", err)
	}
}

// Socket returns a server on the unix socket at path, where the other daemons of
// this host ask. A trial run works as well without one.
func (d *Daemon) Socket(name, path string, handler http.Handler) supervisor.Task {
	level := slog.LevelWarn
	if d.Log.ConsoleOnly {
		level = slog.LevelInfo
	}
	return supervisor.NewSocketServer(name, path, handler, d.Logs.Main(), level)
}

// Service is what differs between the daemons while they run.
type Service struct {
	Status  string                // the first status line for systemd: "shaping spectrum"
	Started []any                 // attributes of the first log line, beside the version
	Reload  func(context.Context) // on SIGHUP, after log files were reopened
}

// accesses returns the access of all listeners there are now.
func (d *Daemon) accesses() []*WebAccess {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.access))
}

// settled is the time after which what the start needed is not needed any more.
const settled = 10 * time.Second

// loopGrace is how long the stages of one loop may take to stop, and some more.
const loopGrace = 3*supervisor.DefaultGrace + time.Second

// Run runs the tasks until ctx ends, a signal ends it, or all loops have ended.
func (d *Daemon) Run(ctx context.Context, service Service) error {
	defer supervisor.SurviveBrokenPipe()()
	d.Sinks = append(d.Sinks, supervisor.OnReload(d.reload, func(ctx context.Context) {
		notify := d.ready.Load() // READY=1 must not come early, nor after STOPPING=1
		if notify {
			d.logNotify(d.Notifier.Reloading())
		}
		d.Logs.reopen()
		for _, access := range d.accesses() {
			d.Complain(access.Load(nil), "certificate and users stay as they were")
		}
		service.Reload(ctx)
		if notify {
			d.logNotify(d.Notifier.Ready(service.Status))
		}
	}))
	s := supervisor.Supervisor{
		Stages: d.stages(),
		Grace:  loopGrace,
		Log:    d.Logs.Main(),
		OnReady: func() {
			d.ready.Store(true)
			time.AfterFunc(settled, func() { _ = sysd.ReleaseExecutable() }) // it works as well with them
			d.Logs.Main().Info("running", append([]any{"version", d.Version}, service.Started...)...)
			d.logNotify(d.Notifier.Ready(service.Status))
		},
		OnStop: func(why string) {
			d.ready.Store(false)
			d.Logs.Main().Info("stopping", "why", why)
			d.logNotify(d.Notifier.Stopping(why))
		},
	}
	return s.Run(ctx)
}

// ReportStatus adds the task that refreshes the line of `systemctl status` whenever
// line returns one.
func (d *Daemon) ReportStatus(interval time.Duration, line func(context.Context) (text string, ok bool)) {
	d.Sinks = append(d.Sinks, supervisor.NewTask("status", nil, func(ctx context.Context) error {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for d.Notifier.Enabled() {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			if text, ok := line(ctx); ok {
				d.Notifier.Status(text)
			}
		}
		return nil
	}))
}

// Close releases what the daemon holds. Run must have returned.
func (d *Daemon) Close() error {
	defer d.restore()
	d.quit(nil)
	d.Notifier.Close()
	defer d.Logs.close()
	return d.closers.Close()
}
