package autorate

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// A download carries these Mbit/s, one reading every 100 ms, oldest first, while
// the excess has grown to so much above 40 ms.
func TestAckDelayed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		carried []float64
		backlog uint64 // of the newest reading
		excess  time.Duration
		slope   float64
		clocks  bool
		want    bool
	}{
		{"late acknowledgements", []float64{40, 40, 40, 38, 35}, 0, 15 * time.Millisecond, 0.05, false, true},
		{"flat before a queue of its own", []float64{40, 40, 40, 40, 40}, 0, 15 * time.Millisecond, 0.05, false, false},
		{"less than it would lose to a queue that grows so fast", []float64{40, 40, 40, 38, 35}, 0, 15 * time.Millisecond, 0.3, false, false},
		{"more than late acknowledgements explain: its capacity is gone", []float64{40, 40, 40, 30, 16}, 0, 15 * time.Millisecond, 0.05, false, false},
		{"less than they must cost, were it their queue", []float64{40, 40, 40, 38, 35}, 0, 100 * time.Millisecond, 0.05, false, false},
		{"held by its shaper", []float64{40, 40, 40, 38, 35}, 20000, 15 * time.Millisecond, 0.05, false, false},
		{"known by clocks", []float64{40, 40, 40, 38, 35}, 0, 15 * time.Millisecond, 0.05, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := direction{cfg: DirectionConfig{Ceiling: 44 * bitrate.Mbps}}
			now, bytes := time.Second, 0.0
			d.meter.add(now, Counters{})
			for _, c := range tt.carried {
				now, bytes = now+100*time.Millisecond, bytes+c*1e6/80
				d.meter.add(now, Counters{Bytes: uint64(bytes), QueuedBytes: tt.backlog})
			}
			o := observation{now: now, slope: tt.slope, excess: tt.excess, view: rtt.View{Base: 40 * time.Millisecond, OneWay: tt.clocks}}
			if got := d.ackDelayed(o); got != tt.want {
				t.Errorf("ackDelayed: %v", got)
			}
		})
	}
}
