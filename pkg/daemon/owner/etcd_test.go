package owner

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/ha/etcd"
	"github.com/wanctl/wanctl/pkg/sim/etcdserver"
)

// What happens to an etcd with the claims, and on the way to it, and that no limit of a node reaches
// the router after the first of its successor. An owner without an answer stops: the limits stay
// as they are until the etcd answers again.
func TestEtcdFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	ttl := etcd.TTL(2 * time.Second)
	for _, tt := range []struct {
		name  string
		quirk string
		run   func(s *site)
		want  []int // whose limits reach the router, in order; nil: of at most two nodes
		lost  bool  // the data, which the model does not know of
	}{
		{"killed and started again", "", func(s *site) {
			s.etcd.Kill()
			s.etcd.Restart()
			s.awaitWrites()
		}, nil, false},
		{"paused longer than the lease", "", func(s *site) {
			s.etcd.Pause()
			s.await(func() bool { return s.nodes[0].Status().Epoch == 0 }, time.Second, 4*time.Second)
			before := s.writes()
			time.Sleep(2 * time.Second)
			if n := s.writes(); n != before {
				s.Errorf("%d writes without an owner", n-before)
			}
			s.etcd.Resume()
			s.awaitWrites()
		}, nil, false},
		{"data lost", "", func(s *site) {
			before := s.epoch()
			s.etcd.Kill()
			s.etcd.LoseData()
			s.etcd.Restart()
			s.await(func() bool { return s.epoch() > before }, 0, 2*longest)
			s.awaitWrites()
		}, nil, true},
		{"data lost while the owner is paused", "", func(s *site) {
			before := s.epoch()
			s.nodes[0].pause()
			s.etcd.Kill()
			s.etcd.LoseData()
			s.etcd.Restart()
			s.awaitOwner(1, time.Second, 2*longest)
			if s.nodes[1].Status().Epoch <= before {
				s.Errorf("epoch %d follows %d", s.nodes[1].Status().Epoch, before)
			}
			s.nodes[0].resume()
			time.Sleep(time.Second)
		}, []int{0, 1}, true},
		{"owner cut off from it", "", func(s *site) {
			s.nodes[0].links[2].cut()
			s.await(func() bool { return s.nodes[0].Status().Epoch == 0 }, time.Second, 3*time.Second)
			before := s.writes()
			s.awaitOwner(1, 0, ttl+2*time.Second)
			if w := s.writers(); !slices.Equal(w, []int{0, 1}) {
				s.Errorf("writers %v after %d writes", w, before)
			}
			s.nodes[0].links[2].heal()
			time.Sleep(time.Second)
		}, []int{0, 1}, false},
		{"owner cut off from it, with a clock that stands still", "", func(s *site) {
			s.nodes[0].stopClock()
			s.nodes[0].links[2].cut()
			s.awaitOwner(1, time.Second, ttl+2*time.Second)
			if s.nodes[0].Status().Epoch == 0 {
				s.Error("it has stopped by itself: this tests nothing")
			}
			s.nodes[0].links[2].heal()
			time.Sleep(time.Second)
		}, []int{0, 1}, false},
		{"the same, and no fence: this test can see it", "fence-spares-sessions", func(s *site) {
			s.nodes[0].stopClock()
			s.nodes[0].links[2].cut()
			s.await(func() bool { return len(s.writers()) > 2 }, 0, 2*longest)
		}, nil, true},
		{"owner cut off from the router", "", func(s *site) {
			s.nodes[0].links[0].cut()
			s.nodes[0].links[1].cut()
			s.awaitOwner(1, time.Second, longest)
			s.nodes[0].links[0].heal()
			s.nodes[0].links[1].heal()
			time.Sleep(time.Second)
		}, []int{0, 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var quirks []string
			if tt.quirk != "" {
				quirks = append(quirks, tt.quirk)
			}
			s := newSite(t, etcdserver.Start(t), 2, quirks...)
			time.Sleep(700 * time.Millisecond) // the other stands by
			tt.run(s)
			switch w := s.writers(); {
			case tt.want == nil && len(w) > 2 && tt.quirk == "", tt.want != nil && !slices.Equal(w, tt.want):
				t.Errorf("limits of %v have reached the router, want %v", w, tt.want)
			}
			if !tt.lost {
				if err := s.journal.replay(t, ha.Assumptions{Fence: fenceTime, Etcd: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// writes returns how many limits have reached the router.
func (s *site) writes() (n int) {
	for _, q := range s.router.History() {
		if q.Path == "/queue/tree/set" {
			n++
		}
	}
	return n
}

// awaitWrites waits until an owner writes again, and for another while in which nothing
// must happen.
func (s *site) awaitWrites() {
	s.Helper()
	before := s.writes()
	s.await(func() bool { return s.writes() > before }, 0, 2*longest)
	time.Sleep(time.Second)
}

// epoch returns that of the owner.
func (s *site) epoch() (highest uint64) {
	for _, n := range s.nodes {
		highest = max(highest, n.Status().Epoch)
	}
	return highest
}

// clock is a node's, which can be stopped.
type clock struct {
	began   time.Time
	stopped atomic.Int64 // at that time; 0: it goes
}

func (c *clock) now() time.Duration {
	if at := c.stopped.Load(); at != 0 {
		return time.Duration(at)
	}
	return time.Since(c.began)
}

func (n *node) stopClock() { n.clock.stopped.Store(int64(n.clock.now())) }
