package ha

import (
	"flag"
	"strings"
	"testing"
)

var depth = flag.Int("ha.depth", 0, "how many steps the model is searched; 0: as many as are quick")

// owned returns the state in which node a owns the router and the others stand by.
func owned(t *testing.T, mo model) world {
	t.Helper()
	var w world
	for i := range nodes {
		w.start(i)
		for range 40 {
			w = mo.one(&w, i)
			if m := &w.members[i]; m.running && m.act.Op == Wait || i > 0 && m.act.Op == Wait {
				break
			}
		}
	}
	w.members[0].session = verified
	if mo.owner(w.log) != "a" {
		t.Fatalf("%+v", w)
	}
	return w
}

// budget is how many faults may happen on the way.
type budget struct{ crashes, reboots, faults, leaves, renewals, losses int }

func (b budget) set(w *world) {
	w.crashes, w.reboots, w.faults, w.leaves, w.renewals, w.losses = b.crashes, b.reboots, b.faults, b.leaves, b.renewals, b.losses
}

// Every order of events up to a depth. A few faults at a time: more of them together are more
// states at the same depth.
func TestEveryOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		budget budget
		idle   [nodes]bool
		depth  int
		etcd   bool
	}{
		{"pauses", budget{}, [nodes]bool{}, 14, false},
		{"a crash", budget{crashes: 1}, [nodes]bool{}, 11, false},
		{"a reboot", budget{reboots: 1}, [nodes]bool{}, 11, false},
		{"lost answers", budget{faults: 2}, [nodes]bool{}, 11, false},
		{"a drain", budget{leaves: 1}, [nodes]bool{}, 11, false},
		{"renewal and crash", budget{renewals: 1, crashes: 1}, [nodes]bool{}, 10, false},
		{"two nodes, a reboot and a crash", budget{reboots: 1, crashes: 1}, [nodes]bool{2: true}, 16, false},
		{"everything at once", budget{1, 1, 1, 1, 1, 0}, [nodes]bool{}, 6, false},
		{"etcd, leases that end early", budget{}, [nodes]bool{}, 10, true},
		{"etcd, its data lost", budget{losses: 1}, [nodes]bool{2: true}, 15, true},
		{"etcd, its data lost, a crash and a reboot", budget{losses: 1, crashes: 1, reboots: 1}, [nodes]bool{2: true}, 11, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			steps, sample := tt.depth, 64
			if *depth > 0 {
				steps, sample = tt.depth+*depth, 4
				if tt.budget == (budget{1, 1, 1, 1, 1, 0}) { // ten times as many states a step
					steps -= *depth / 2
				}
			}
			mo := model{idle: tt.idle, etcd: tt.etcd}
			start := owned(t, mo)
			tt.budget.set(&start)
			n := 0
			states, why := mo.search(start, steps, func(w *world) string {
				why := mo.violation(w)
				if n++; why != "" || n%sample > 0 {
					return why
				}
				if dead := n / sample % (nodes + 1); dead < nodes {
					return mo.settle(*w, dead)
				}
				return mo.settle(*w)
			})
			if why != "" {
				t.Fatal(why)
			}
			t.Logf("%d states in %d steps", states, steps)
		})
	}
}

// Each rule of the protocol, and each assumption, is needed: the model finds what happens
// without it.
func TestBrokenProtocols(t *testing.T) {
	two := [nodes]bool{2: true} // nodes are enough
	for _, tt := range []struct {
		name string
		rules
		budget budget
		idle   [nodes]bool
		dead   []int // for good: who remains must own the router in the end
		want   string
	}{
		{"fences do nothing", rules{noFence: true}, budget{}, two, nil, "a can write while in force is: running of b"},
		{"fences end too early", rules{shortFence: true}, budget{}, two, nil, "a can write while in force is: running of b"},
		{"sessions are not verified", rules{unverified: true}, budget{}, two, nil, "a can write while in force is: running of b"},
		{"epochs are shared", rules{sharedEpochs: true}, budget{}, [nodes]bool{0: true}, nil, "can write while in force is: running of"},
		{"a drain leaves sessions open", rules{openAtRelease: true}, budget{leaves: 1}, two, nil, "a can write while in force is: released of a"},
		{"nobody reads again after the claim", rules{staleSurvey: true}, budget{}, two, nil, "a can write while in force is: running of b"},
		{"every entry is in force", rules{alwaysInForce: true}, budget{reboots: 1}, two, nil, "b can write while in force is: running of a"},
		{"marks stay", rules{keepsMark: true}, budget{}, two, []int{1}, "no owner in the end"},
		{"marks on the router are not seen, and the data of the etcd is lost", rules{unmarked: true}, budget{losses: 1}, two, nil, "a can write while in force is: running of b"},
		{"claims are not written", rules{lazyClaim: true}, budget{}, two, []int{0}, "no owner in the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mo := model{rules: tt.rules, idle: tt.idle, etcd: tt.unmarked}
			start := owned(t, model{etcd: mo.etcd})
			tt.budget.set(&start)
			states, why := mo.search(start, 30, func(w *world) string {
				if tt.dead != nil {
					return mo.settle(*w, tt.dead...)
				}
				return mo.violation(w)
			})
			if !strings.Contains(why, tt.want) || why == "" {
				t.Fatalf("%q, want %q", why, tt.want)
			}
			t.Logf("%d states, %d steps: %s", states, strings.Count(why, "\n"), why)
		})
	}
}
