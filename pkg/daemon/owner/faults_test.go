package owner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/sim/etcdserver"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// longest is what a take-over may take.
const longest = 5 * time.Second

// What happens to an owner, wherever the claims are, and that no limit of a node reaches the router after the first of
// its successor.
func TestFaults(t *testing.T) {
	t.Run("router", func(t *testing.T) { testFaults(t, nil) })
	t.Run("etcd", func(t *testing.T) { testFaults(t, etcdserver.Start(t)) })
}

func testFaults(t *testing.T, server *etcdserver.Server) {
	for _, tt := range []struct {
		name  string
		nodes int
		quirk string
		run   func(s *site)
		want  []int // whose limits reach the router, in order
	}{
		{"killed", 2, "", func(s *site) {
			s.nodes[0].end()
			s.awaitOwner(1, time.Second, longest)
		}, []int{0, 1}},
		{"killed and started again", 2, "", func(s *site) {
			s.nodes[0].end()
			s.start(0)
			s.await(func() bool { return s.nodes[0].Status().Epoch != 0 }, 0, time.Second)
			time.Sleep(3 * time.Second)
		}, []int{0}},
		{"paused", 2, "", func(s *site) {
			s.nodes[0].pause()
			s.awaitOwner(1, time.Second, longest)
			s.nodes[0].resume()
			time.Sleep(time.Second)
		}, []int{0, 1}},
		{"paused, and no fence: this test can see it", 2, "fence-spares-sessions", func(s *site) {
			s.nodes[0].pause()
			s.awaitOwner(1, time.Second, longest)
			s.nodes[0].resume()
			s.await(func() bool { return len(s.writers()) > 2 }, 0, longest)
		}, nil},
		{"drained", 2, "", func(s *site) {
			s.nodes[0].leave()
			s.await(func() bool { return s.nodes[0].Status().Epoch == 0 }, 0, 2*time.Second)
			s.awaitOwner(1, 0, 500*time.Millisecond)
			<-s.nodes[0].ended
		}, []int{0, 1}},
		{"three standbys at once", 4, "", func(s *site) {
			s.nodes[0].end()
			s.await(func() bool { return s.limitBy() > 0 }, time.Second, longest)
			time.Sleep(3 * time.Second)
			if w := s.writers(); len(w) != 2 {
				s.Errorf("writers %v", w)
			}
		}, nil},
		{"two entries of an epoch", 4, "duplicate-addresses", func(s *site) {
			s.nodes[0].end()
			s.await(func() bool { return s.limitBy() > 0 }, time.Second, longest)
			time.Sleep(3 * time.Second)
			if w := s.writers(); len(w) != 2 {
				s.Errorf("writers %v", w)
			}
		}, nil},
		{"late counters", 2, "late-counters", func(s *site) {
			time.Sleep(3 * time.Second)
			s.nodes[0].end()
			s.awaitOwner(1, time.Second, 2*longest)
		}, []int{0, 1}},
		{"the router reboots", 2, "", func(s *site) {
			s.reboot()
			before := len(s.router.History())
			s.await(func() bool {
				return slices.ContainsFunc(s.router.History()[before:], func(q simrouter.Request) bool { return q.Path == "/queue/tree/set" })
			}, time.Second, 15*time.Second)
			time.Sleep(2 * time.Second)
			if w := s.writers(); len(w) > 2 {
				s.Errorf("writers %v", w)
			}
		}, nil},
		{"the rule of the fence is removed", 2, "", func(s *site) {
			if err := s.router.Run(`/ip firewall raw remove [find comment="` + FenceRule + `"]`); err != nil {
				s.Fatal(err)
			}
			s.await(func() bool { return strings.Contains(s.nodes[1].Status().Blocked, "rules") }, 0, rulesAge+longest)
			s.nodes[0].end()
			time.Sleep(3500 * time.Millisecond)
		}, []int{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && tt.name != "killed" && tt.name != "drained" {
				t.Skip("it takes seconds")
			}
			var quirks []string
			if tt.quirk != "" {
				quirks = append(quirks, tt.quirk)
			}
			s := newSite(t, server, tt.nodes, quirks...)
			time.Sleep(700 * time.Millisecond) // the others stand by
			tt.run(s)
			if got := s.writers(); tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("limits of %v have reached the router, want %v", got, tt.want)
			}
			if err := s.journal.replay(t, ha.Assumptions{Fence: fenceTime, Duplicates: server == nil && tt.quirk == "duplicate-addresses", Etcd: server != nil}); err != nil {
				t.Error(err)
			}
		})
	}
}

// An upgrade of one node after the other, to a version with another format of claims, while
// the owner writes. The older version leaves the newer one's claims alone.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	s := newSite(t, nil, 2)
	replace := func(i, format int) {
		s.nodes[i].leave()
		<-s.nodes[i].ended
		s.format = format
		s.start(i)
	}
	replace(1, 2)
	s.await(func() bool { return s.nodes[1].Status().Owner != (ha.Entry{}) }, 0, longest) // it stands by
	s.nodes[0].leave()
	s.awaitOwner(1, 0, longest)
	replace(0, 1) // an old version comes once more
	s.await(func() bool { return strings.Contains(s.nodes[0].Status().Blocked, "newer version") }, 0, longest)
	s.nodes[1].end()
	time.Sleep(3500 * time.Millisecond)
	if got := s.writers(); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("limits of %v have reached the router", got)
	}
	s.nodes[0].end()
	s.format = 2
	s.start(0)
	s.awaitOwner(0, 0, 2*longest)
	if got := s.writers(); !slices.Equal(got, []int{0, 1, 0}) {
		t.Errorf("limits of %v have reached the router", got)
	}
}
