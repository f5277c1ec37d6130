package linksim

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

func named(t *testing.T, name string) Scenario {
	t.Helper()
	for _, s := range Scenarios() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no scenario %q", name)
	return Scenario{}
}

// Without control the ISP's FIFO fills and the link is fully used.
func TestUncontrolledLinkIsBloated(t *testing.T) {
	for _, name := range []string{"fixed, download", "fixed, upload"} {
		sc := named(t, name)
		c := Closed{Link: New(sc.Config(1))}
		r := c.Run(sc.From, sc.To)
		util := max(r.Utilisation[0], r.Utilisation[1])
		if util < 0.99 || r.P50 < 150*time.Millisecond || r.P99 > 241*time.Millisecond {
			t.Errorf("%s: utilisation %.3f, excess p50 %v p99 %v; the FIFO holds 240 ms", name, util, r.P50, r.P99)
		}
	}
}

// A limit below the capacity keeps the ISP's FIFO empty, costs just its margin,
// and the shaper drops: that is how a busy shaper shows.
func TestLimitBelowCapacityMovesTheQueue(t *testing.T) {
	sc := named(t, "fixed, download")
	cfg := sc.Config(1)
	cfg.Limit[autorate.Download] = 36 * bitrate.Mbps
	c := Closed{Link: New(cfg)}
	r := c.Run(10*time.Second, 40*time.Second)
	if r.P99 > 3*time.Millisecond || r.Utilisation[0] < 0.86 || r.Utilisation[0] > 0.901 {
		t.Errorf("excess p99 %v, utilisation %.3f of a limit at 0.9", r.P99, r.Utilisation[0])
	}
	if c.Link.Counters(autorate.Download).Dropped == 0 {
		t.Error("the shaper dropped nothing")
	}
}

func TestSameSeedSameRun(t *testing.T) {
	sc := named(t, "docsis jitter")
	run := func(seed uint64) Result {
		c := Closed{Link: New(sc.Config(seed)), Controller: sc.Law(), Seed: seed}
		return c.Run(0, 20*time.Second)
	}
	if diff := cmp.Diff(run(3), run(3)); diff != "" {
		t.Errorf("two runs of one seed differ:\n%s", diff)
	}
	if cmp.Equal(run(3), run(4)) {
		t.Error("two seeds give the same run")
	}
}

func BenchmarkLinkSecond(b *testing.B) {
	sc := Scenarios()[0]
	c := Closed{Link: New(sc.Config(1)), Controller: sc.Law()}
	b.ReportAllocs()
	for b.Loop() {
		c.Run(0, c.Link.Now()+time.Second)
	}
}
