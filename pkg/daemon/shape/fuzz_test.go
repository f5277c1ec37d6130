package shape

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/state"
)

// FuzzMemory: whatever the memory in a state file says, and whenever it was saved, the
// law that continues from it keeps limits within their bounds.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"baseline_ms":23.5,"noise_ms":2.5,"samples":3,"download":{"capacity_bps":400000000,"age_seconds":20},"upload":{"capacity_bps":38000000,"age_seconds":1}}`), int64(60))
	f.Add([]byte(`{"noise_ms":1e308,"samples":-9,"download":{"capacity_bps":9223372036854775807,"age_seconds":1e300}}`), int64(-1))
	f.Add([]byte(`{"download":null}`), int64(1)<<62)
	f.Add([]byte(`[]`), int64(0))
	direction := func(ceiling bitrate.Rate) autorate.DirectionConfig {
		return autorate.DirectionConfig{Ceiling: ceiling, Floor: [4]bitrate.Rate{ceiling / 4, ceiling / 5, ceiling / 8, ceiling / 10}}
	}
	saved := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, law []byte, later int64) {
		cfg := autorate.Config{
			Directions: [2]autorate.DirectionConfig{direction(500 * bitrate.Mbps), direction(40 * bitrate.Mbps)},
			Target:     15 * time.Millisecond, Warn: 45 * time.Millisecond, HardRed: 80 * time.Millisecond,
			BaselineInitial: 20 * time.Millisecond, BaselineMin: time.Millisecond, BaselineMax: 500 * time.Millisecond,
			LoadTimeConstant: 250 * time.Millisecond, Tick: 50 * time.Millisecond,
		}
		cfg.Restore = decodeMemory(state.WAN{Law: law, Timestamp: saved}, saved.Add(time.Duration(later)))
		before := [2]bitrate.Rate{200 * bitrate.Mbps, 20 * bitrate.Mbps}
		l := autorate.New(cfg, before)
		var counters [2]autorate.Counters
		for i := range 200 {
			now := time.Duration(i+1) * cfg.Tick
			in := autorate.Input{Applied: before, WriteLatency: 10 * time.Millisecond}
			in.Events = []rtt.Event{{Kind: rtt.Reply, At: now, RTT: 300 * time.Millisecond, Seq: uint32(i)}}
			if i%10 == 0 { // both directions carry all that their limits let through
				for d := range counters {
					counters[d].Bytes += uint64(before[d]) / 8 / 2
					counters[d].QueuedBytes = 50000
				}
				in.Readings = []autorate.Reading{{At: now, Queues: counters}}
			}
			dec := l.Step(now, in)
			for d, c := range cfg.Directions {
				if got := dec.Directions[d].Limit; got < c.Lowest() || got > c.Ceiling {
					t.Fatalf("step %d: limit %v of direction %d, before %v", i, got, d, before[d])
				}
				before[d] = dec.Directions[d].Limit
			}
		}
	})
}
