package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// What a law knew is taken over as far as it is plausible, and goes on ageing.
func TestMemoryIsTakenOver(t *testing.T) {
	const down = autorate.Download
	for _, tt := range []struct {
		name string
		m    autorate.Snapshot
		cap  bitrate.Rate
		age  time.Duration // a second after the start
	}{
		{"nothing", autorate.Snapshot{}, 0, 0},
		{"capacity", autorate.Snapshot{Capacity: [2]bitrate.Rate{40 * bitrate.Mbps}, Age: [2]time.Duration{time.Minute}}, 40 * bitrate.Mbps, time.Minute + time.Second},
		{"above the ceiling", autorate.Snapshot{Capacity: [2]bitrate.Rate{400 * bitrate.Mbps}}, 0, 0},
		{"below the floor", autorate.Snapshot{Capacity: [2]bitrate.Rate{bitrate.Mbps}}, 0, 0},
		{"stale", autorate.Snapshot{Capacity: [2]bitrate.Rate{40 * bitrate.Mbps}, Age: [2]time.Duration{time.Hour}}, 0, 0},
		{"from the future", autorate.Snapshot{Capacity: [2]bitrate.Rate{40 * bitrate.Mbps}, Age: [2]time.Duration{-time.Hour}}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := plainConfig()
			cfg.Directions[down] = autorate.DirectionConfig{Ceiling: 44 * bitrate.Mbps, Floor: autorate.FlatFloor(4 * bitrate.Mbps)}
			cfg.Restore = tt.m
			law := autorate.New(cfg, [2]bitrate.Rate{})
			law.Step(5*time.Second, autorate.Input{})
			got := law.Step(6*time.Second, autorate.Input{}).Directions[down]
			if got.Capacity != tt.cap || got.CapacityAge != tt.age {
				t.Errorf("capacity %v, %v old; want %v, %v old", got.Capacity, got.CapacityAge, tt.cap, tt.age)
			}
		})
	}
	cfg := plainConfig()
	cfg.Restore.Noise, cfg.Restore.Samples = 4*time.Millisecond, 3
	if m := autorate.New(cfg, [2]bitrate.Rate{}).Step(0, autorate.Input{}).Snapshot(); m.Noise != 4*time.Millisecond || m.Samples != 3 {
		t.Errorf("noise %v of %d samples, want 4ms of 3", m.Noise, m.Samples)
	}
}
