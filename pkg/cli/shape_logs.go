package cli

import (
	"errors"
	"log/slog"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/serve"
)

// logs is where a running shape writes: standard error, and the log file of
// each WAN. None of them ever blocks a loop.
type logs struct {
	app         *App
	consoleOnly bool
	console     *serve.Log
	files       []*serve.Log
	main        *slog.Logger
}

func (a *App) openLogs(o shapeOptions) *logs {
	l := &logs{app: a, consoleOnly: o.once || o.dryRun, console: serve.NewLog(a.Err, serve.LogOptions{JSON: a.global.logFormat == "json"})}
	l.main = a.logger(l.console, a.global.logLevel)
	return l
}

// wan returns the logger of one WAN. A log file that cannot be written is a
// warning: the console still has everything.
func (l *logs) wan(cfg *config.WAN) *slog.Logger {
	handlers := []slog.Handler{l.main.Handler()}
	add := func(path, level string) {
		if path == "" {
			return
		}
		f, err := serve.OpenLog(path, serve.LogOptions{JSON: l.app.global.logFormat == "json"})
		if err != nil {
			l.main.Warn("log file cannot be written: logging to the console only", "wan", cfg.Name, "error", err)
			return
		}
		l.files = append(l.files, f)
		handlers = append(handlers, l.app.logger(f, level).Handler())
	}
	if !l.consoleOnly {
		add(cfg.Logging.Main, l.app.global.logLevel)
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
	for _, f := range append(l.files, l.console) {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
