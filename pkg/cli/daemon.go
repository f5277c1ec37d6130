package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/sysd"
)

// daemon is what every long-running command consists of beside its own work:
// logs, systemd, listeners, signals, and tasks that end in order.
type daemon struct {
	app      *app.App
	quit     func(why error) // ends the run in order
	logs     *logs
	notifier *sysd.Notifier
	stages   [3][]supervisor.Task // loops, then what feeds them, then what keeps and serves
	closers  []func() error
	bound    map[string]bool // addresses that have a listener
	ready    atomic.Bool     // every task is, and none is being stopped
	hangup   <-chan struct{} // a reload was asked for
	unhook   func()          // gives the signals back
}

// newDaemon returns a daemon with nothing to run yet, and the context to build
// and run it in. It has to be closed.
//
// Signals are taken from here on: whoever rotates logs must not end a daemon
// that still waits for the router.
func newDaemon(ctx context.Context, a *app.App, o logOptions) (context.Context, *daemon) {
	ctx, hangup, stop := supervisor.Signals(ctx)
	ctx, quit := context.WithCancelCause(ctx)
	d := &daemon{app: a, quit: quit, logs: openLogs(a, o), bound: map[string]bool{}, hangup: hangup, unhook: stop}
	var err error
	d.notifier, err = sysd.New()
	d.say(err)
	return ctx, d
}

// say logs what could not be told to systemd.
func (d *daemon) say(err error) {
	if err != nil {
		d.logs.main.Warn("systemd", "error", err)
	}
}

// listenSocket adds a server on the unix socket at path, where the other
// daemons of this host ask. A trial that may not have one is none the worse.
func (d *daemon) listenSocket(name, path string, handler http.Handler) {
	level := slog.LevelWarn
	if d.logs.consoleOnly {
		level = slog.LevelInfo
	}
	d.stages[2] = append(d.stages[2], supervisor.NewSocketServer(name, path, handler, d.logs.main, level))
}

// listen adds a server of the kind "health" or "metrics", unless there is one
// at that address: that of health shows the metrics as well.
func (d *daemon) listen(kind string, e config.Endpoint, handler http.Handler) {
	addr := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	key := addr
	if e.Port == 0 {
		key += " " + kind // each gets a port of its own
	}
	if !e.Enabled || d.bound[key] {
		return
	}
	d.bound[key] = true
	setting := kind + ".port"
	if kind == "health" {
		setting = "health_check.port"
	}
	d.stages[2] = append(d.stages[2], supervisor.NewHTTPServer(kind, addr, setting, handler, d.logs.main))
}

// daemonRun is what differs between the daemons while they run.
type daemonRun struct {
	doing   string                // for the status line of systemd: "shaping spectrum"
	started []any                 // what the first log line tells beside the version
	reload  func(context.Context) // on SIGHUP, log files being open anew
}

// run runs the tasks until ctx ends, a signal ends it, or the first stage has
// nothing more to do.
func (d *daemon) run(ctx context.Context, r daemonRun) error {
	defer supervisor.SurviveBrokenPipe()()
	d.stages[2] = append(d.stages[2], supervisor.OnReload(d.hangup, func(ctx context.Context) {
		tell := d.ready.Load() // READY=1 must not come early, nor after STOPPING=1
		if tell {
			d.say(d.notifier.Reloading())
		}
		d.logs.reopen()
		r.reload(ctx)
		if tell {
			d.say(d.notifier.Ready(r.doing))
		}
	}))
	frame := supervisor.Frame{
		Stages: [][]supervisor.Task{d.stages[0], d.stages[1], d.stages[2]},
		Log:    d.logs.main,
		OnReady: func() {
			d.ready.Store(true)
			d.logs.main.Info("running", append([]any{"version", d.app.Version}, r.started...)...)
			d.say(d.notifier.Ready(r.doing))
		},
		OnStop: func(why string) {
			d.ready.Store(false)
			d.logs.main.Info("stopping", "why", why)
			d.say(d.notifier.Stopping(why))
		},
	}
	return frame.Run(ctx)
}

// reportStatus adds what keeps the line of `systemctl status` fresh, as long as
// line has one.
func (d *daemon) reportStatus(every time.Duration, line func(context.Context) (text string, ok bool)) {
	d.stages[2] = append(d.stages[2], supervisor.NewTask("status", nil, func(ctx context.Context) error {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for d.notifier.Enabled() {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			text, ok := line(ctx)
			if !ok {
				return nil
			}
			d.notifier.Status(text)
		}
		return nil
	}))
}

// watchLock sees once a minute whether the lock file is still ours: an older
// program judges it by the PID inside and may have removed it. Two controllers
// on one queue are worse than none.
func (d *daemon) watchLock(name string, lock *state.Lock) {
	d.stages[2] = append(d.stages[2], supervisor.NewTask(name, nil, func(ctx context.Context) error {
		ticker := time.NewTicker(time.Minute)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				if err := lock.Verify(); err != nil {
					return err
				}
			}
		}
	}))
}

func (d *daemon) close() error {
	defer d.unhook()
	d.quit(nil)
	var errs []error
	for _, c := range d.closers {
		errs = append(errs, c())
	}
	return errors.Join(append(errs, d.logs.close())...)
}
