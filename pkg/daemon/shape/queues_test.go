package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// counting is a client whose counters are its number of calls.
type counting struct {
	router.Client
	calls uint64
	Err   error
}

func (c *counting) Counters(context.Context, ...string) ([]router.Counters, error) {
	c.calls++
	return []router.Counters{{Bytes: c.calls}}, c.Err
}

func TestSpareSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &counting{}, &counting{}
		s := &spareSession{Client: second, first: first, log: slog.New(slog.DiscardHandler)}
		read := func(want error, firstCalls, secondCalls uint64) {
			t.Helper()
			if _, err := s.Counters(t.Context(), "q"); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
			if first.calls != firstCalls || second.calls != secondCalls {
				t.Errorf("%d and %d calls, want %d and %d", first.calls, second.calls, firstCalls, secondCalls)
			}
		}
		read(nil, 0, 1)
		second.Err = fmt.Errorf("silent: %w", router.ErrOutcomeUnknown)
		read(router.ErrOutcomeUnknown, 0, 2) // a slow router is not asked twice
		second.Err = fmt.Errorf("reset: %w", router.ErrUnreachable)
		first.Err = fmt.Errorf("refused: %w", router.ErrUnreachable)
		read(router.ErrUnreachable, 1, 3)
		first.Err = nil
		read(nil, 2, 4)
		read(nil, 3, 4) // left alone
		time.Sleep(sparePause)
		second.Err = nil
		read(nil, 3, 5)
	})
}
