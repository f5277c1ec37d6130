// Package cli is the command line of wanctl: one file a subcommand, each in
// four parts (options, the cobra command, the run function, printing). It wires
// the adapters (router, probe, state, config) into the loops and is the only
// package that knows all of them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
)

// App is what every command shares. Tests build their own.
type App struct {
	output.Streams
	LookupEnv func(string) (string, bool)
	Version   string

	// The global flags, set before a command runs.
	global globalFlags
}

type globalFlags struct {
	config    string
	configDir string
	wans      []string
	output    output.Format
	logLevel  string
	logFormat string
	noColor   bool
	quiet     bool
}

// Main runs the command line args and returns the exit status. The first SIGINT
// or SIGTERM ends the command in an orderly way, a second one kills it.
func Main(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // from then on the system's default holds
	app := &App{Streams: output.System(), LookupEnv: os.LookupEnv, Version: version()}
	return app.Run(ctx, args)
}

// Run is Main for a given App.
func (a *App) Run(ctx context.Context, args []string) int {
	root := newRootCmd(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		a.printError(cmd, err)
	}
	return exitStatus(err)
}

// printError writes one error for a person, each line with the same prefix so
// that several problems of a configuration can be grepped.
func (a *App) printError(cmd *cobra.Command, err error) {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = strings.TrimSuffix("interrupted: "+text, ": "+context.Canceled.Error())
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(a.Err, "wanctl: %s\n", strings.TrimRight(line, "\n"))
	}
	if exitStatus(err) == exitUsage {
		fmt.Fprintf(a.Err, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
}

// warnf tells a person about something that does not stop the command.
func (a *App) warnf(format string, args ...any) {
	if !a.global.quiet {
		fmt.Fprintf(a.Err, "wanctl: warning: "+format+"\n", args...)
	}
}

// logger writes to w in the chosen format, from the named level up.
func (a *App) logger(w io.Writer, name string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if a.global.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
