package shape

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
)

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
