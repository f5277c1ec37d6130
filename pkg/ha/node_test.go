package ha

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func at(epoch uint64, k Kind, node string) Entry {
	return Entry{Epoch: epoch, Kind: k, Format: Format, Node: node, Address: node}
}

func TestLog(t *testing.T) {
	for _, tt := range []struct {
		name     string
		log      Log
		owner    string
		free     bool
		unfenced string // by node c
	}{
		{"empty", nil, "", true, ""},
		{"claimed", Log{at(1, Claimed, "a")}, "", false, "a"},
		{"running", Log{at(1, Claimed, "a"), at(2, Running, "a")}, "a", false, "a"},
		{"renewed", Log{at(2, Running, "a"), at(3, Running, "a")}, "a", false, "a"},
		{"claim that has ended", Log{at(3, Running, "a")}, "", false, "a"},
		{"of before a reboot", Log{at(1, Claimed, "a"), at(2, Running, "a"), at(9, Running, "b")}, "", false, "a b"},
		{"released", Log{at(1, Claimed, "a"), at(2, Running, "a"), at(3, Released, "a")}, "", true, ""},
		{"claimed after it", Log{at(2, Running, "a"), at(3, Released, "a"), at(4, Claimed, "b")}, "", false, "b"},
		{"taken over by this node", Log{at(1, Claimed, "a"), at(2, Running, "a"), at(3, Claimed, "b"), at(4, Claimed, "c")}, "", false, "a b"},
		{"two entries of an epoch, unordered", Log{at(2, Running, "a"), at(1, Claimed, "a"), at(1, Claimed, "b")}, "a", false, "a"},
	} {
		l := tt.log.Sort()
		if got := strings.Join((&View{Log: l}).unfenced("c"), " "); l.Owner().Node != tt.owner || l.free() != tt.free || got != tt.unfenced {
			t.Errorf("%s: owner %q, free %v, unfenced %q", tt.name, l.Owner().Node, l.free(), got)
		}
	}
}

// Whoever is marked on the router is fenced, too: the log may have been lost.
func TestUnfenced(t *testing.T) {
	v := View{Log: Log{at(1, Claimed, "a"), at(2, Running, "a")}, Marked: []string{"a", "b", "c"}}
	if got := v.unfenced("c"); !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}

// A standby watches a log that does not change for a minute.
func TestStandby(t *testing.T) {
	running := Log{at(1, Claimed, "a"), at(2, Running, "a")}
	released := append(running[:2:2], at(3, Released, "a"))
	toC := append(running[:2:2], Entry{Epoch: 3, Kind: Released, Format: Format, Node: "a", Address: "a", For: "c"})
	newer := append(running[:2:2], Entry{Epoch: 3, Format: Format + 1, Node: "a", Address: "a"})
	for _, tt := range []struct {
		name    string
		log     Log
		self    string
		bare    bool // without the rules
		beating bool
		lost    bool // every other read is lost
		lease   Lease
		marked  []string      // on the router
		want    time.Duration // of the claim; 0: there is none
		why     string
	}{
		{name: "nobody owns it", self: "b", want: time.Second},
		{name: "silent owner", log: running, self: "b", want: 2 * time.Second},
		{name: "owner", log: running, self: "b", beating: true},
		{name: "own entry of an earlier run", log: Log{at(1, Claimed, "b"), at(2, Running, "b")}, self: "b", want: time.Millisecond},
		{name: "handed over to any", log: released, self: "b", want: 50 * time.Millisecond},
		{name: "handed over to another", log: toC, self: "b", want: 5050 * time.Millisecond},
		{name: "handed over by this node", log: Log{at(1, Claimed, "b"), at(2, Running, "b"), at(3, Released, "b")}, self: "b", want: 5 * time.Second},
		{name: "without rules", log: running, self: "b", bare: true, why: "absent or disabled"},
		{name: "behind one address", log: running, self: "a", why: "node a has the same address"},
		{name: "newer version", log: newer, self: "b", why: "newer version"},
		{name: "answers missing", log: running, self: "b", lost: true},
		{name: "lease held", log: running, self: "b", lease: LeaseHeld},
		{name: "lease ended", log: running, self: "b", lease: LeaseEnded, marked: []string{"a"}, want: time.Millisecond},
		{name: "lease ended, handed over", log: released, self: "b", lease: LeaseEnded, want: 50 * time.Millisecond},
		{name: "log lost, owner alive", self: "b", lease: LeaseEnded, marked: []string{"a"}, beating: true},
		{name: "log lost, owner silent", self: "b", lease: LeaseEnded, marked: []string{"a"}, want: 2 * time.Second},
		{name: "log lost, own mark", self: "b", lease: LeaseEnded, marked: []string{"b"}, want: time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Duration(0)
			n, act := NewNode(Config{Name: "b", Order: []string{"a", "b"}, Silence: 2 * time.Second, Poll: 500 * time.Millisecond}, now)
			for reads := uint64(0); now < time.Minute && act.Op != Append; {
				e := Event{}
				switch act.Op {
				case Wait:
					now = act.Until
				case Read:
					now += time.Millisecond
					if reads++; tt.lost && reads%2 == 0 {
						e.Outcome = Failed
						break
					}
					e.View = View{Log: tt.log, Self: tt.self, Guarded: !tt.bare, Lease: tt.lease, Marked: tt.marked}
					if tt.beating {
						e.View.Beats = reads
					}
				}
				act = n.Step(now, e)
			}
			got := now
			if act.Op != Append {
				got = 0
			}
			if got < tt.want || got > tt.want+time.Second/2+9*time.Millisecond || tt.want == 0 && got > 0 || !strings.Contains(n.Status().Blocked, tt.why) {
				t.Errorf("claims at %v, want %v; %q", got, tt.want, n.Status().Blocked)
			}
		})
	}
}

// An owner whose packets are not counted, or whose requests are not answered, stops.
func TestOwnerStops(t *testing.T) {
	for _, tt := range []struct {
		name              string
		uncounted, silent bool
		want              time.Duration
	}{
		{"uncounted", true, false, 2 * time.Second}, {"unanswered", false, true, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, log, beats, started := time.Duration(0), Log(nil), uint64(0), time.Duration(-1)
			n, act := NewNode(Config{Name: "b", Silence: 2 * time.Second, Poll: 500 * time.Millisecond}, now)
			for act.Op != Stop && now < time.Minute {
				e := Event{}
				switch {
				case act.Op == Wait:
					now = act.Until
				case act.Op == Start:
					started = now
				case started >= 0 && tt.silent:
					now = act.Until
					e.Outcome = Failed
				case act.Op == Append:
					log = append(log, act.Entry)
				case act.Op == Read:
					if started < 0 || !tt.uncounted {
						beats++
					}
					e.View = View{Log: log, Self: "b", Beats: beats, Guarded: true}
				}
				act = n.Step(now, e)
			}
			if took := now - started; started < 0 || took < tt.want || took > tt.want+time.Second/2 || n.Owner() != 0 {
				t.Fatalf("stops %v after its start at %v: %+v", took, started, n.Status())
			}
			// It is quiet after that: what it sends could count as a sign of life.
			if act = n.Step(now, Event{}); (act.Op == Wait && act.Until >= now+4*time.Second) != tt.silent {
				t.Errorf("%+v at %v", act, now)
			}
		})
	}
}

// A standby uses another configuration from its next step on.
func TestReconfigure(t *testing.T) {
	cfg := Config{Name: "b", Silence: 2 * time.Second, Poll: 500 * time.Millisecond}
	log := Log{at(1, Claimed, "a"), at(2, Running, "a")}
	now := time.Duration(0)
	n, act := NewNode(cfg, now)
	cfg.Name, cfg.Silence = "c", 7*time.Second
	n.Reconfigure(cfg)
	for act.Op != Append && now < time.Minute {
		if act.Op == Wait {
			now = act.Until
		}
		act = n.Step(now, Event{View: View{Log: log, Self: "b", Guarded: true}})
	}
	if now < 7*time.Second || now > 8*time.Second || act.Entry.Node != "b" {
		t.Errorf("%+v at %v", act, now)
	}
}

// A node that has the address of another leaves the other's mark alone, and sends so little
// that the other's silence shows.
func TestTwin(t *testing.T) {
	const silence = 2 * time.Second
	log := Log{at(1, Claimed, "a"), at(2, Running, "a")}
	now, last, reads := time.Duration(0), -time.Hour, 0
	n, act := NewNode(Config{Name: "b", Silence: silence, Poll: silence / 4}, now)
	for now < time.Minute {
		e := Event{}
		switch act.Op {
		case Wait:
			now = act.Until
		case Read:
			if now-last < 2*silence {
				t.Fatalf("reads at %v and %v", last, now)
			}
			last, reads = now, reads+1
			e.View = View{Log: log, Self: "a", Guarded: true}
		default:
			t.Fatalf("at %v it does %v", now, act.Op)
		}
		act = n.Step(now, e)
	}
	if reads < 2 || !strings.Contains(n.Status().Blocked, "same address") {
		t.Errorf("%d reads, %q", reads, n.Status().Blocked)
	}
	n.Leave()
	for range 2 {
		if act.Op != Quit {
			act = n.Step(now, Event{View: View{Log: log, Self: "a", Guarded: true}})
		}
	}
	if act.Op != Quit {
		t.Errorf("it leaves by %v", act.Op)
	}
}

// A request that was made before a node became the owner is not for it: that of its own drain,
// or of a drain of the owner before it, can still be there.
func TestEarlierRequest(t *testing.T) {
	none, drain, move := Ask{}, Ask{From: "b"}, Ask{To: "a"}
	for _, tt := range []struct {
		name  string
		asks  []Ask // the first one until the node owns the router, then one a read
		hands bool
	}{
		{"made before", []Ask{drain, drain}, false},
		{"made before, and gone", []Ask{drain, drain, none}, false},
		{"made before, and once more", []Ask{drain, none, drain}, true},
		{"made before, and another one", []Ask{drain, move}, true},
		{"made after", []Ask{none, drain}, true},
		{"to any owner, made before", []Ask{move, move}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, log, beats, started := time.Duration(0), Log(nil), uint64(0), false
			n, act := NewNode(Config{Name: "b", Silence: 2 * time.Second, Poll: 500 * time.Millisecond}, now)
			asks := tt.asks
			for act.Op != Stop && now < 10*time.Second {
				e := Event{}
				switch act.Op {
				case Wait:
					now = act.Until
				case Start:
					started = true
				case Append:
					log = append(log, act.Entry)
				case Read:
					beats++
					if started && len(asks) > 1 {
						asks = asks[1:]
					}
					e.View = View{Log: log, Self: "b", Beats: beats, Guarded: true, Ask: asks[0]}
				}
				act = n.Step(now, e)
			}
			if !started || (act.Op == Stop) != tt.hands {
				t.Errorf("at %v: %+v", now, act)
			}
		})
	}
}
