package steersource

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/steering"
)

// switchByHand changes the rule as a person on the router does.
func (v *virtual) switchByHand(enabled bool) {
	v.t.Helper()
	word := "yes"
	if enabled {
		word = "no"
	}
	if err := v.sim.Run(`/ip firewall mangle set [find comment="` + virtualRule + `"] disabled=` + word); err != nil {
		v.t.Fatal(err)
	}
}

// TestByHandOverEveryTransport: a rule enabled by hand stays enabled and one disabled by hand
// stays disabled while the congestion lasts, through a reboot of the router too.
func TestByHandOverEveryTransport(t *testing.T) {
	scored, old := shipped(), shipped()
	scored.Scored, old.CakeAware = true, false
	for _, way := range transports() {
		for mode, law := range map[string]steering.Config{"counts": shipped(), "score": scored, "not cake aware": old} {
			if testing.Short() && mode != "counts" {
				continue
			}
			t.Run(way.name+"/"+mode, func(t *testing.T) {
				inVirtualTime(t, way, law, func(v *virtual) {
					time.Sleep(time.Minute)
					v.switchByHand(true)
					before := v.sim.Writes()
					time.Sleep(2 * time.Minute)
					v.congest(true)
					time.Sleep(2 * time.Minute)
					v.congest(false)
					time.Sleep(2 * time.Minute)
					if st := v.status(); !v.enabled() || !st.Rule.ByHand || st.Decision.Reason != steering.ByHand {
						t.Errorf("enabled by hand: rule %v, %+v", v.enabled(), st)
					}
					v.switchByHand(false)
					time.Sleep(time.Minute)
					if n := v.sim.Writes() - before; n > 1 { // the person's own, at most
						t.Errorf("%d writes", n)
					}
					v.congest(true)
					v.until(true, 30*time.Second)
					time.Sleep(time.Minute)
					v.switchByHand(false)
					time.Sleep(2 * time.Minute)
					if st := v.status(); v.enabled() || !st.Rule.ByHand {
						t.Errorf("disabled by hand: rule %v, %+v", v.enabled(), st)
					}
					v.congest(false)
					time.Sleep(time.Minute)
					v.congest(true)
					v.until(true, 30*time.Second)
				})
			})
		}
	}
}

// TestDropsNotCountedOverEveryTransport: on a router that does not count what CAKE drops, the
// depth of the queue decides.
func TestDropsNotCountedOverEveryTransport(t *testing.T) {
	for _, way := range transports() {
		for _, tt := range []struct {
			name  string
			depth uint64
			steer bool
		}{{"a queue", 20, true}, {"none", 0, false}} {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				law := shipped()
				inVirtualTime(t, way, law, func(v *virtual) {
					v.line.mu.Lock()
					v.depth, v.countless = tt.depth, true
					v.line.mu.Unlock()
					time.Sleep(10 * time.Second)
					v.congest(true)
					time.Sleep(20 * time.Second)
					st := v.status()
					if v.enabled() != tt.steer || !st.Decision.DropsNotCounted[0] {
						t.Errorf("rule %v, not counted %v: %+v", v.enabled(), st.Decision.DropsNotCounted, st.Decision)
					}
				})
			})
		}
	}
}

// TestSimpleQueueOverEveryTransport: both directions of a simple queue are read.
func TestSimpleQueueOverEveryTransport(t *testing.T) {
	for _, way := range transports() {
		t.Run(way.name, func(t *testing.T) {
			inVirtualTime(t, way, shipped(), func(v *virtual) {
				if err := v.sim.Run(`/queue simple add name="my line" target=ether1 max-limit=30M/300M`); err != nil {
					v.t.Fatal(err)
				}
				sides := [2]router.Counters{{Bytes: 5, Dropped: 2, QueuedPackets: 3}, {Bytes: 700, QueuedPackets: 9}}
				if err := v.sim.SetSimpleCounters("my line", sides); err != nil {
					v.t.Fatal(err)
				}
				got, err := Queues{Router: v.client, Simple: "my line"}.Counters(v.t.Context())
				if err != nil {
					v.t.Fatal(err)
				}
				want := [2]steering.Counters{{Bytes: 5, Dropped: 2, QueuedPackets: 3}, {Bytes: 700, QueuedPackets: 9}}
				if diff := cmp.Diff(want, got); diff != "" {
					v.t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}
