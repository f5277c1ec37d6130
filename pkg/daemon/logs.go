package daemon

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Logs is where a daemon writes: standard error, and the log files of each
// configuration. None of them ever blocks a loop. Its methods may be called from
// several goroutines.
type Logs struct {
	opts    LogOptions
	console *supervisor.Log

	mu    sync.Mutex // protects the following fields
	main  *slog.Logger
	files map[string]*supervisor.Log // by path
	onAll []slog.Handler             // the console last
}

func openLogs(console io.Writer, o LogOptions) *Logs {
	l := &Logs{opts: o, files: map[string]*supervisor.Log{}}
	l.console = supervisor.NewLog(console, supervisor.LogOptions{JSON: o.JSON})
	level := o.Level
	switch {
	case o.Quiet:
		level = "error"
	case o.Answer && level == "info":
		level = "warn"
	}
	l.main = supervisor.NewLogger(l.console, level, o.JSON)
	l.onAll = []slog.Handler{l.main.Handler()}
	return l
}

// Main returns the logger of the process: on the console, and in the log files
// that are open by now.
func (l *Logs) Main() *slog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.main
}

// Of returns the logger of one configuration, and opens its log files. One that
// cannot be written is a warning: the console still has everything.
func (l *Logs) Of(cfg *config.Base) *slog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	handlers := []slog.Handler{l.onAll[len(l.onAll)-1]}
	add := func(path, level string) {
		if path == "" {
			return
		}
		f, shared := l.files[path]
		if !shared {
			var err error
			if f, err = supervisor.OpenLog(path, supervisor.LogOptions{JSON: l.opts.JSON}); err != nil {
				l.main.Warn("log file cannot be written: logging without it", "wan", cfg.Name, "error", err)
				return
			}
			l.files[path] = f
		}
		h := supervisor.NewLogger(f, level, l.opts.JSON).Handler()
		handlers = append(handlers, h)
		if !shared {
			l.onAll = slices.Insert(l.onAll, len(l.onAll)-1, h)
			l.main = slog.New(slog.NewMultiHandler(slices.Clone(l.onAll)...))
		}
	}
	if !l.opts.ConsoleOnly {
		add(cfg.Logging.Main, l.opts.Level)
		add(cfg.Logging.Debug, "debug")
	}
	return slog.New(slog.NewMultiHandler(handlers...)).With("wan", cfg.Name)
}

func (l *Logs) reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		if err := f.Reopen(); err != nil {
			l.main.Warn("reopening a log file", "error", err)
		}
	}
}

// close writes the last lines. Logs whose files or readers are stuck are given
// up together, not one after the other.
func (l *Logs) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := make([]error, 0, len(l.files))
	var mu sync.Mutex // protects errs
	var closing sync.WaitGroup
	for _, f := range l.files {
		closing.Go(func() {
			err := f.Close()
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	_ = l.console.Close() // its error is that nobody reads the console
	closing.Wait()
	return errors.Join(errs...)
}

// Complain logs each problem of err.
func (d *Daemon) Complain(err error, what string) {
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			d.Logs.Main().Error(what, "problem", p.String())
		}
	case err != nil:
		d.Logs.Main().Error(what, "error", err)
	}
}
