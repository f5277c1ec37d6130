package steering_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// When the drop counter of a queue is taken for one that does not count.
func TestDropsNotCounted(t *testing.T) {
	type phase struct {
		n int
		s sample
	}
	full := sample{excess: 40 * ms, depth: 20, bytes: 600_000}
	with := func(change func(*sample)) sample {
		s := full
		change(&s)
		return s
	}
	dropping := with(func(s *sample) { s.drops = 1 })
	for _, tt := range []struct {
		name   string
		phases []phase
		want   bool
	}{
		{"congested for a while, no drop", []phase{{13, full}}, true},
		{"congested for a moment", []phase{{8, full}}, false},
		{"moments add up", []phase{{5, full}, {20, green}, {5, full}, {20, green}, {5, full}}, true},
		{"one drop", []phase{{6, full}, {1, dropping}, {60, full}}, false},
		{"a drop later", []phase{{13, full}, {1, dropping}}, false},
		{"never congested", []phase{{200, with(func(s *sample) { s.excess = 2 * ms })}}, false},
		{"bytes stand still", []phase{{200, with(func(s *sample) { s.bytes = 0 })}}, false},
		{"a trickle", []phase{{200, with(func(s *sample) { s.bytes = 200 })}}, false},
		{"a slow line", []phase{{60, with(func(s *sample) { s.bytes = 20_000 })}}, true},
		{"no queue in either", []phase{{13, with(func(s *sample) { s.depth = 0 })}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(raw())
			r.step(1, full)
			for _, p := range tt.phases {
				r.step(p.n, p.s)
			}
			if diff := cmp.Diff([2]bool{tt.want, false}, r.dec.DropsNotCounted); diff != "" {
				t.Errorf("not counted (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the shorter queue is not doubted", func(t *testing.T) {
		law := steering.New(raw(), steering.Memory{})
		var dec steering.Decision
		var bytes uint64
		for i := range 60 {
			bytes += 300_000
			dec = law.Step(time.Duration(i)*tick, steering.Input{
				RTTKnown: true, Baseline: idle, RTT: idle + 40*ms, CountersKnown: true,
				Queues: [2]steering.Counters{{Bytes: bytes, QueuedPackets: 3}, {Bytes: bytes, QueuedPackets: 20}},
			})
		}
		if diff := cmp.Diff([2]bool{false, true}, dec.DropsNotCounted); diff != "" {
			t.Errorf("not counted (-want +got):\n%s", diff)
		}
	})
	t.Run("known after a restart", func(t *testing.T) {
		r := newRig(raw())
		r.step(20, full)
		data, err := json.Marshal(r.law.Remember(r.now))
		if err != nil {
			t.Fatal(err)
		}
		var m steering.Memory
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		r.law = steering.New(raw(), m.Aged(time.Hour))
		if got := r.step(1, green); !got.DropsNotCounted[0] {
			t.Errorf("%+v", got)
		}
	})
}

// Where drops are not counted, the depth of the queue and the delay decide, in every
// mode.
func TestSteersWithoutDrops(t *testing.T) {
	old := modes()["not cake aware"]
	for _, tt := range []struct {
		name  string
		mode  string
		cfg   steering.Config
		depth int
		steer bool
	}{
		{"streaks, a queue as CAKE keeps it", "streaks", plain(), 15, true},
		{"streaks, next to no queue", "streaks", plain(), 5, false},
		{"streaks, no queue", "streaks", plain(), 0, false},
		{"score, a queue as CAKE keeps it", "score", modes()["score"], 15, true},
		{"score, no queue", "score", modes()["score"], 0, false},
		{"not cake aware, no queue", "not cake aware", old, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(tt.cfg)
			got := r.step(60, sample{excess: 30 * ms, depth: tt.depth, bytes: 600_000})
			if got.Enabled != tt.steer {
				t.Errorf("steered %v, want %v: %+v", got.Enabled, tt.steer, got)
			}
			if got.Enabled {
				r.until(t, time.Minute, green, off)
			}
		})
	}
	t.Run("a counter that counts confirms as before", func(t *testing.T) {
		r := newRig(plain())
		r.step(1, sample{excess: 30 * ms, drops: 0, bytes: 600_000})
		r.step(1, sample{excess: 1 * ms, drops: 1, bytes: 600_000})
		if got := r.step(60, sample{excess: 30 * ms, depth: 15, bytes: 600_000}); got.Steer || got.Congestion != steering.Yellow {
			t.Errorf("%+v", got)
		}
	})
}
