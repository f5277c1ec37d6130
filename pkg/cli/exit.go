package cli

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
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitConfig  = 3
	exitRouter  = 4
	exitCheck   = 5
	exitLocked  = 6
)

// exitStatuses is the paragraph every long help ends with.
const exitStatuses = `EXIT STATUS
  0  ok
  1  failure
  2  usage
  3  invalid configuration
  4  router unreachable, or it refused us
  5  a check did not hold (no reply, queue or rule absent or ambiguous, damage)
  6  another instance holds the lock`

// usageError is a mistake in how a command was called.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// checkError says that a check did not hold, which is an answer rather than a
// failure to get one.
type checkError struct{ msg string }

func (e *checkError) Error() string { return e.msg }

func checkf(format string, args ...any) error {
	return &checkError{fmt.Sprintf(format, args...)}
}

// exclusive refuses flags of cmd that do not go together.
func exclusive(cmd *cobra.Command, flags ...string) error {
	var given []string
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 1 {
		return usagef("%s do not go together", strings.Join(given, " and "))
	}
	return nil
}

// stopped makes being told to end a success, which it is for a loop. What a
// one-shot command was asked for may not have happened.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// exitStatus is the one place where errors become exit statuses.
func exitStatus(err error) int {
	var usage *usageError
	var check *checkError
	var invalid *config.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled): // whatever it interrupted
		return exitFailure
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &invalid):
		return exitConfig
	case errors.Is(err, state.ErrLocked):
		return exitLocked
	case errors.As(err, &check),
		errors.Is(err, router.ErrNotFound),
		errors.Is(err, router.ErrAmbiguous),
		errors.Is(err, router.ErrDynamic):
		return exitCheck
	case errors.Is(err, router.ErrUnreachable),
		errors.Is(err, router.ErrOutcomeUnknown),
		errors.Is(err, router.ErrAuth),
		errors.Is(err, router.ErrDenied),
		errors.Is(err, router.ErrCertificate):
		return exitRouter
	}
	return exitFailure
}
