package daemon

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Logs is where a daemon writes: standard error, and the log files of each
// configuration. None of them ever blocks a loop. Its methods may be called from
// several goroutines.
type Logs struct {
	opts      LogOptions
	console   *supervisor.Log
	onConsole slog.Handler

	mu    sync.Mutex // protects the following fields
	main  *slog.Logger
	files map[string]*logFile // by path
}

// logFile is a log file that one or more configurations have open.
type logFile struct {
	*supervisor.Log
	handler slog.Handler
	users   int
}

func openLogs(console io.Writer, o LogOptions) *Logs {
	l := &Logs{opts: o, files: map[string]*logFile{}}
	l.console = supervisor.NewLog(console, supervisor.LogOptions{JSON: o.JSON})
	level := o.Level
	switch {
	case o.Quiet:
		level = "error"
	case o.Answer && level == "info":
		level = "warn"
	}
	l.onConsole = supervisor.NewLogger(l.console, level, o.JSON).Handler()
	l.setMain()
	return l
}

// Main returns the logger of the process: on the console, and in the log files
// that are open by now.
func (l *Logs) Main() *slog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.main
}

// setMain makes the logger of the process anew. It is called with mu held.
func (l *Logs) setMain() {
	var handlers []slog.Handler
	if !l.opts.MainOnConsole {
		for _, path := range slices.Sorted(maps.Keys(l.files)) {
			handlers = append(handlers, l.files[path].handler)
		}
	}
	l.main = slog.New(slog.NewMultiHandler(append(handlers, l.onConsole)...))
}

// Of returns the logger of one configuration, and opens its log files, which release
// closes unless another configuration has them open, too. One that cannot be written
// is a warning: the console still has everything.
func (l *Logs) Of(cfg *config.Base) (log *slog.Logger, release func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	handlers := []slog.Handler{l.onConsole}
	var paths []string
	add := func(path, level string) {
		if path == "" {
			return
		}
		f := l.files[path]
		if f == nil {
			file, err := supervisor.OpenLog(path, supervisor.LogOptions{JSON: l.opts.JSON})
			if err != nil {
				l.main.Warn("log file cannot be written: logging without it", "wan", cfg.Name, "error", err)
				return
			}
			f = &logFile{Log: file, handler: supervisor.NewLogger(file, level, l.opts.JSON).Handler()}
			l.files[path] = f
			l.setMain()
		}
		f.users++
		paths = append(paths, path)
		handlers = append(handlers, supervisor.NewLogger(f, level, l.opts.JSON).Handler())
	}
	if !l.opts.ConsoleOnly {
		add(cfg.Logging.Main, l.opts.Level)
		add(cfg.Logging.Debug, "debug")
	}
	return slog.New(slog.NewMultiHandler(handlers...)).With("wan", cfg.Name), func() error { return l.release(paths) }
}

// release gives up log files that Of has opened.
func (l *Logs) release(paths []string) error {
	var unused []*logFile
	l.mu.Lock()
	for _, path := range paths {
		f := l.files[path]
		if f == nil { // the process ends
			continue
		}
		if f.users--; f.users == 0 {
			delete(l.files, path)
			unused = append(unused, f)
		}
	}
	l.setMain()
	l.mu.Unlock()
	var errs []error
	for _, f := range unused { // one that is stuck takes its time
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
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
	clear(l.files)
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
