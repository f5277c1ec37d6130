package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
)

// Exit statuses, the same for every command. Scripts rely on them.
const (
	ExitOK      = 0
	ExitFailure = 1
	ExitUsage   = 2
	ExitConfig  = 3
	ExitRouter  = 4
	ExitCheck   = 5
	ExitLocked  = 6
)

// OwnStatuses annotates a command whose exit statuses are its own.
var OwnStatuses = map[string]string{"exit status": "own"}

// AddStatuses ends the long help of cmd and of all its subcommands with the exit
// statuses.
func AddStatuses(cmd *cobra.Command) {
	if cmd.Annotations["exit status"] == "" {
		cmd.Long = strings.TrimSpace(cmd.Long) + "\n\n" + exitStatuses
	}
	for _, c := range cmd.Commands() {
		AddStatuses(c)
	}
}

const exitStatuses = `EXIT STATUS
  0  ok
  1  failure
  2  usage
  3  invalid configuration
  4  router unreachable, or it refused us
  5  a check failed (no reply, queue or rule absent or ambiguous, damage)
  6  another instance holds the lock`

// UsageError is a mistake in how a command was called.
type UsageError struct{ msg string }

func (e *UsageError) Error() string { return e.msg }

func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// CheckError says that a check failed, which is an answer rather than a
// failure to get one.
type CheckError struct{ msg string }

func (e *CheckError) Error() string { return e.msg }

func Checkf(format string, args ...any) error {
	return &CheckError{fmt.Sprintf(format, args...)}
}

// PluginError ends a command with a status that is not one of ours, such as that of
// a monitoring plugin. What there is to say has been said: it is not printed.
type PluginError struct{ status int }

func (e *PluginError) Error() string { return fmt.Sprintf("status %d", e.status) }

// Exit returns a PluginError of the status, nil for 0.
func Exit(status int) error {
	if status == ExitOK {
		return nil
	}
	return &PluginError{status}
}

// Exclusive refuses flags of cmd that cannot be combined.
func Exclusive(cmd *cobra.Command, flags ...string) error {
	var given []string
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 1 {
		return Usagef("%s cannot be combined", strings.Join(given, " and "))
	}
	return nil
}

// Stopped makes being told to end a success, which it is for a loop. What a
// one-shot command was asked for may not have happened.
func Stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// ExitStatus is the one place where errors become exit statuses.
func ExitStatus(err error) int {
	var usage *UsageError
	var check *CheckError
	var invalid *config.Error
	var plugin *PluginError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &plugin):
		return plugin.status
	case errors.Is(err, context.Canceled): // whatever it interrupted
		return ExitFailure
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &invalid):
		return ExitConfig
	case errors.Is(err, state.ErrLocked):
		return ExitLocked
	case errors.As(err, &check), router.IsItemError(err):
		return ExitCheck
	case router.IsAccessError(err):
		return ExitRouter
	}
	return ExitFailure
}
