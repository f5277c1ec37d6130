package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
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

// refusing is a router on which some queues are absent or cannot be changed.
type refusing struct {
	router.Client
	absent string
	denied map[string]error
	calls  [][]string
}

func (r *refusing) SetQueues(_ context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	var names []string
	var errs []error
	for _, ch := range changes {
		names = append(names, ch.Name)
	}
	r.calls = append(r.calls, names)
	if slices.Contains(names, r.absent) {
		return queues, &router.ItemError{Name: r.absent, Err: router.ErrNotFound}
	}
	for i, ch := range changes {
		if err := r.denied[ch.Name]; err != nil {
			errs = append(errs, &router.ItemError{Name: ch.Name, Err: err})
			continue
		}
		queues[i] = router.Queue{Name: ch.Name, MaxLimit: *ch.MaxLimit}
	}
	return queues, errors.Join(errs...)
}

// What one queue refuses is not the fault of the other.
func TestSetLimitsByDirection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		router refusing
		want   [2]error
		calls  [][]string
	}{
		{"both work", refusing{}, [2]error{}, [][]string{{"down", "up"}}},
		{"one is refused", refusing{denied: map[string]error{"down": router.ErrInvalid}}, [2]error{router.ErrInvalid, nil}, [][]string{{"down", "up"}}},
		{"both are refused", refusing{denied: map[string]error{"down": router.ErrInvalid, "up": router.ErrDenied}},
			[2]error{router.ErrInvalid, router.ErrDenied}, [][]string{{"down", "up"}}},
		{"one is absent", refusing{absent: "up"}, [2]error{nil, router.ErrNotFound}, [][]string{{"down", "up"}, {"down"}}},
		{"one is absent, the other refused", refusing{absent: "down", denied: map[string]error{"up": router.ErrDenied}},
			[2]error{router.ErrNotFound, router.ErrDenied}, [][]string{{"down", "up"}, {"up"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := &Queues{limits: &tt.router, names: [2]string{"down", "up"}}
			want := control.Limits{20 * bitrate.Mbps, 5 * bitrate.Mbps}
			got, err := q.SetLimits(t.Context(), want)
			var failed *control.WriteError
			if errors.As(err, &failed) != (tt.want != [2]error{}) {
				t.Fatalf("error %v", err)
			}
			for d, class := range tt.want {
				if class == nil && got[d] != want[d] {
					t.Errorf("limit %d is %v", d, got[d])
				}
				if failed != nil && !errors.Is(failed[d], class) {
					t.Errorf("error %d is %v, want %v", d, failed[d], class)
				}
			}
			if diff := cmp.Diff(tt.calls, tt.router.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}
