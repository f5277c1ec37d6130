package routertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// BenchmarkClient measures wanctl's frequent calls over a warm session: one limit
// written and read back (SetQueues), both limits (SetQueues2), and the counters
// of both queues (Counters). Allocations and processor time are those of the
// client and of the simulated router together.
func BenchmarkClient(b *testing.B) {
	write := func(queues ...string) func(context.Context, router.Client, bitrate.Rate) error {
		changes := make([]router.QueueChange, len(queues))
		return func(ctx context.Context, c router.Client, limit bitrate.Rate) error {
			for i, name := range queues {
				changes[i] = router.QueueChange{Name: name, QueueSettings: router.QueueSettings{MaxLimit: &limit}}
			}
			_, err := c.SetQueues(ctx, changes...)
			return err
		}
	}
	calls := []call{
		{"SetQueues", write(Download)},
		{"SetQueues2", write(Download, Upload)},
		{"Counters", func(ctx context.Context, c router.Client, _ bitrate.Rate) error {
			_, err := c.Counters(ctx, Download, Upload)
			return err
		}},
	}
	for _, p := range protocols {
		for _, c := range calls {
			b.Run(p.name+"/"+c.name, func(b *testing.B) { c.measure(b, p) })
		}
	}
}

// call is a call that is measured.
type call struct {
	name string
	do   func(context.Context, router.Client, bitrate.Rate) error
}

func (call call) measure(b *testing.B, p protocol) {
	c := p.dial(b, StartService(b, p.service, simrouter.Config{}), options{user: "admin"})
	if _, err := c.Queues(b.Context()); err != nil {
		b.Fatal(err)
	}
	limit := bitrate.Rate(0)
	took := make([]time.Duration, 0, 1<<17)
	b.ReportAllocs()
	for b.Loop() {
		limit += bitrate.Kbps // no two writes are equal
		start := time.Now()
		if err := call.do(b.Context(), c, limit); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
