// Package app is what every command of wanctl shares: the standard streams, the
// global flags, the loading of configuration files, the classes of errors and
// their exit statuses. It contains no command.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// App is what every command shares. Tests build their own.
type App struct {
	output.Streams
	LookupEnv func(string) (string, bool)
	Version   string

	// The global flags, set before a command runs.
	Global GlobalFlags

	// Documents are what the commands print for programs.
	Documents []Document

	unread bool // nobody reads standard error
}

// PrintError writes one error for a person, each line with the same prefix so
// that several problems of a configuration can be grepped.
func (a *App) PrintError(cmd *cobra.Command, err error) {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = strings.TrimSuffix("interrupted: "+text, ": "+context.Canceled.Error())
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprintf(&b, "wanctl: %s\n", strings.TrimRight(line, "\n"))
	}
	if ExitStatus(err) == ExitUsage {
		fmt.Fprintf(&b, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	a.notice(b.String())
}

// Warnf prints a warning about something that does not stop the command.
func (a *App) Warnf(format string, args ...any) {
	if !a.Global.Quiet {
		a.notice(fmt.Sprintf("wanctl: warning: "+format+"\n", args...))
	}
}

// notice writes text to standard error. A pipe that nobody reads must keep no daemon
// from starting or ending: after two seconds the text is given up, and further texts
// at once.
func (a *App) notice(text string) {
	var o supervisor.LogOptions
	if a.unread {
		o.Flush = time.Nanosecond
	}
	l := supervisor.NewLog(a.Err, o)
	_, _ = io.WriteString(l, text) // it never fails
	a.unread = l.Close() != nil
}

// Logger returns a logger that writes to w in the chosen format, from the named level up.
func (a *App) Logger(w io.Writer, name string) *slog.Logger {
	return supervisor.NewLogger(w, name, a.Global.LogFormat == "json")
}

// DaemonOptions returns what a daemon needs of the streams, the environment and
// the global flags.
func (a *App) DaemonOptions() daemon.Options {
	return daemon.Options{
		Err: a.Err, LookupEnv: a.LookupEnv, Version: a.Version,
		Log: daemon.LogOptions{Level: a.Global.LogLevel, JSON: a.Global.LogFormat == "json", Quiet: a.Global.Quiet},
	}
}
