package autorate

import (
	"math"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// A queue has just filled behind a limit of 44 Mbit/s. The counters were read
// every 100 ms; carried is what they say, in Mbit/s, oldest first.
func TestCapacityAtCut(t *testing.T) {
	const M = 1e6
	startOfFlows := []float64{0, 0, 0, 31, 40}
	for _, tt := range []struct {
		name       string
		which      Direction
		carried    []float64
		slope      float64
		known      float64       // known capacity
		held       time.Duration // since the last drain
		again      bool          // the last cut was not believed to refute it, and the limit is back
		want, back float64       // Mbit/s; where it returns to, 0 as estimated
	}{
		{"the download's throughput is the capacity", Download, []float64{40, 40, 40, 36, 36}, 0.05, 0, time.Minute, false, 36, 0},
		{"flows that start feed more than the limit lets them", Download, startOfFlows, 0.4, 0, time.Minute, false, 34, 40},
		{"an upload arrives through the limit, and the slope says the rest", Upload, startOfFlows, 0.4, 0, time.Minute, false, 40 / 1.4, 0},
		{"a rebound does not refute a capacity", Download, []float64{44, 44, 44, 44, 44}, 0.4, 40, 300 * time.Millisecond, false, 34, 40},
		{"what it returned to once and filled again is refuted", Download, []float64{44, 44, 44, 44, 44}, 0.4, 40, 300 * time.Millisecond, true, 44 / 1.4, 0},
		{"later it is no rebound", Download, []float64{44, 44, 44, 44, 44}, 0.4, 40, 2 * time.Second, false, 44 / 1.4, 0},
		{"what comes through refutes it", Download, []float64{44, 44, 44, 30, 30}, 0.4, 40, 300 * time.Millisecond, false, 30, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := direction{id: tt.which, limit: 44 * M, applied: 44 * M, capacity: capacity{rate: tt.known * M}}
			d.cfg = DirectionConfig{Ceiling: 44 * bitrate.Mbps}
			d.meter.stale = staleAtLeast
			now, bytes := time.Second, 0.0
			d.meter.add(now, Counters{})
			for _, c := range tt.carried {
				now, bytes = now+100*time.Millisecond, bytes+c*M/80
				d.meter.add(now, Counters{Bytes: uint64(bytes)})
				d.measure(now-50*time.Millisecond, 44*bitrate.Mbps)
				d.measure(now, 44*bitrate.Mbps)
			}
			d.since = now - tt.held
			if tt.again {
				d.capacity.held = d.capacity.rate
			}
			o := observation{now: now, slope: tt.slope, excess: 60 * time.Millisecond, loop: 150 * time.Millisecond, effect: 40 * time.Millisecond}
			if got := d.capacityAtCut(o) / M; math.Abs(got-tt.want) > 0.05*tt.want {
				t.Errorf("capacity %.1f Mbit/s, want %.1f", got, tt.want)
			}
			if got := d.capacity.held / M; math.Abs(got-tt.back) > 0.05*tt.back {
				t.Errorf("returns to %.1f Mbit/s, want %.1f", got, tt.back)
			}
		})
	}
}
