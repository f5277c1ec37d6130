package daemon

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

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
func (l *Logs) Of(cfg *config.Base) (log *slog.Logger, release func()) {
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
	return slog.New(slog.NewMultiHandler(handlers...)).With("wan", cfg.Name), func() { l.release(paths) }
}

// release gives up log files that Of has opened.
func (l *Logs) release(paths []string) {
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
	l.end(unused)
}

// end writes the last lines of files. Those that are stuck are given up together, not
// one after the other, and told on the console: the work of the daemon is done, so its
// exit status does not say that a line of it is missing.
func (l *Logs) end(files []*logFile) {
	var closing sync.WaitGroup
	for _, f := range files {
		closing.Go(func() {
			if err := f.Close(); err != nil {
				slog.New(l.onConsole).Warn("ending", "error", err)
			}
		})
	}
	closing.Wait()
}

// reopen has every log file opened again, after a rotation. A disk that does not
// answer is not waited for longer than it takes to see that.
func (l *Logs) reopen() {
	var opening sync.WaitGroup
	l.mu.Lock()
	for _, f := range l.files {
		opening.Go(func() {
			if err := f.Reopen(); err != nil && !errors.Is(err, os.ErrClosed) {
				l.Main().Warn("reopening a log file", "error", err)
			}
		})
	}
	l.mu.Unlock()
	opened := make(chan struct{})
	go func() { opening.Wait(); close(opened) }()
	select {
	case <-opened:
	case <-time.After(time.Second):
		l.Main().Warn("log files are not open again yet: their disk does not answer")
	}
}

// close writes the last lines of all.
func (l *Logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(slices.Collect(maps.Values(l.files)))
	_ = l.console.Close() // its error is that nobody reads the console
	clear(l.files)
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
