package probe

import (
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// BenchmarkThreeReflectors is the usual set over loopback in real time: one
// operation is one probe of each, 50 ms. It reports the CPU that this takes and
// what the measurement itself adds to a round trip. Run it for 20 s with
// -bench ThreeReflectors -benchtime 400x.
func BenchmarkThreeReflectors(b *testing.B) {
	if got, err := hostnet.ICMPAccess(); got == hostnet.NoICMP {
		b.Skipf("needs permission to ping: %v", err)
	}
	g, err := New(Config{Targets: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, Method: ICMP, Count: b.N})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	before, started := cpuTime(b), time.Now()
	go func() { ended <- g.Run(b.Context()) }()
	var rtts []time.Duration
	tick := time.NewTicker(DefaultInterval) // read as a control loop does
	defer tick.Stop()
	for open := true; open; <-tick.C {
		for more := true; more && open; {
			var e rtt.Event
			select {
			case e, open = <-g.Events():
				if e.Kind == rtt.Reply {
					rtts = append(rtts, e.RTT)
				}
			default:
				more = false
			}
		}
	}
	used, elapsed := cpuTime(b)-before, time.Since(started)
	if err := <-ended; err != nil || len(rtts) == 0 {
		b.Fatalf("%d replies, %v", len(rtts), err)
	}
	slices.Sort(rtts)
	b.ReportMetric(100*float64(used)/float64(elapsed), "%cpu")
	for name, q := range map[string]float64{"p50-µs": 0.5, "p99-µs": 0.99} {
		b.ReportMetric(float64(rtts[int(q*float64(len(rtts)-1))].Microseconds()), name)
	}
}
