package cli

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// logs is where a daemon writes: standard error, and the log files of each
// configuration. None of them ever blocks a loop.
type logs struct {
	app         *app.App
	consoleOnly bool
	console     *supervisor.Log
	onConsole   slog.Handler
	files       map[string]*supervisor.Log // by path
	inFiles     []slog.Handler

	// main takes what concerns the process: on the console and, as soon as
	// they are open, in the files.
	main *slog.Logger
}

// logOptions says what a run does with its logs.
type logOptions struct {
	consoleOnly bool // no log files: a trial
	answer      bool // standard output brings the answer, so the console is for what is wrong
}

func openLogs(a *app.App, o logOptions) *logs {
	l := &logs{app: a, consoleOnly: o.consoleOnly, files: map[string]*supervisor.Log{}}
	l.console = supervisor.NewLog(a.Err, l.options())
	level := a.Global.LogLevel
	switch {
	case a.Global.Quiet:
		level = "error"
	case o.answer && level == "info":
		level = "warn"
	}
	l.onConsole = a.Logger(l.console, level).Handler()
	l.main = slog.New(l.onConsole)
	return l
}

func (l *logs) options() supervisor.LogOptions {
	return supervisor.LogOptions{JSON: l.app.Global.LogFormat == "json"}
}

// of returns the logger of one configuration. A log file that cannot be written is a
// warning: the console still has everything.
func (l *logs) of(cfg *config.Base) *slog.Logger {
	handlers := []slog.Handler{l.onConsole}
	add := func(path, level string) {
		if path == "" {
			return
		}
		f, shared := l.files[path]
		if !shared {
			var err error
			if f, err = supervisor.OpenLog(path, l.options()); err != nil {
				l.main.Warn("log file cannot be written: logging without it", "wan", cfg.Name, "error", err)
				return
			}
			l.files[path] = f
		}
		h := l.app.Logger(f, level).Handler()
		handlers = append(handlers, h)
		if !shared {
			l.inFiles = append(l.inFiles, h)
			l.main = slog.New(slog.NewMultiHandler(append(slices.Clone(l.inFiles), l.onConsole)...))
		}
	}
	if !l.consoleOnly {
		add(cfg.Logging.Main, l.app.Global.LogLevel)
		add(cfg.Logging.Debug, "debug")
	}
	return slog.New(slog.NewMultiHandler(handlers...)).With("wan", cfg.Name)
}

func (l *logs) reopen() {
	for _, f := range l.files {
		if err := f.Reopen(); err != nil {
			l.main.Warn("reopening a log file", "error", err)
		}
	}
}

func (l *logs) close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(append(errs, l.console.Close())...)
}
