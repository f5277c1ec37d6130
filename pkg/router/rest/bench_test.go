package rest_test

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/routertest"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

func BenchmarkSetQueue(b *testing.B) {
	c := newClient(b, config(routertest.Start(b, simrouter.Config{})))
	b.ReportAllocs()
	limit := bitrate.Rate(0)
	for b.Loop() {
		limit += bitrate.Mbps
		if _, err := c.SetQueue(b.Context(), routertest.Download, router.QueueSettings{MaxLimit: &limit}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCounters(b *testing.B) {
	c := newClient(b, config(routertest.Start(b, simrouter.Config{})))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Counters(b.Context(), routertest.Download, routertest.Upload); err != nil {
			b.Fatal(err)
		}
	}
}
