package ha

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// The model is a router, three nodes and what can happen to them, in steps as small as can
// matter: a request reaches the router and its answer is acted on; a session is opened,
// and verified; a clock moves. A node that is paused is one that takes no step for a while, whether
// its clock has moved by then or stood still.

const (
	nodes = 3
	tick  = 10 * time.Second
)

var addresses = [nodes]string{"a", "b", "c"}

// Sessions of a node's loops.
const (
	noSession = iota
	opened
	verified // the node writes on it whenever it likes
)

type member struct {
	node    Node
	act     Action
	running bool // the loops have been started and not been stopped
	session int
}

type world struct {
	log     Log
	fenced  [nodes]bool
	marked  [nodes]bool
	beaten  [nodes]bool // the counter has moved since the node read it
	members [nodes]member

	faults, crashes, reboots, leaves, renewals, losses int // how many more may happen
}

// rules is what of the protocol and its assumptions holds. The zero value is how it is meant;
// each field breaks something, which the model must find.
type rules struct {
	sharedEpochs  bool // the router accepts a second entry of an epoch, and the latter counts
	noFence       bool // fenced nodes get through
	shortFence    bool // a fence can end while its node has a session from before
	unverified    bool // sessions are used as they are
	openAtRelease bool // sessions stay open when the loops are stopped
	staleSurvey   bool // who is to be fenced is decided by what was read before the claim
	alwaysInForce bool // an entry is in force whatever is before it
	keepsMark     bool // Unmark has no effect
	lazyClaim     bool // Claimed is not written
	unmarked      bool // nobody sees who is marked on the router
}

type model struct {
	rules rules
	idle  [nodes]bool // nodes that take no step, to search the others deeper
	etcd  bool        // the log is in an etcd, which may lose it, and whose leases may end at any time
}

func config(i int) Config {
	return Config{Name: addresses[i], Order: addresses[:], Silence: 19 * time.Second, Poll: tick}
}

var ops = map[Op]string{Read: "reads", Append: "appends", Mark: "marks itself", Unmark: "takes back its mark", Fence: "fences", Request: "asks"}

// start has a fresh process at node i.
func (w *world) start(i int) {
	m := &w.members[i]
	n, act := NewNode(config(i), 0)
	*m = member{node: *n, act: act}
}

// pass moves the clock of a node, whose present is always 0.
func (m *member) pass(d time.Duration) {
	for _, t := range []*time.Duration{&m.node.movedAt, &m.node.asked, &m.node.proven, &m.node.declared} {
		*t = max(*t-d, -4*tick)
	}
	m.act.Until -= d
}

func (m *member) step(e Event) {
	m.act = m.node.Step(0, e)
	m.node.status = Status{View: View{Self: m.node.status.View.Self}}
	m.node.stable = 0
	if m.act.Op != Wait {
		m.act.Until = 0
	}
}

// alone returns the node whose next step alone is searched; not ok: there is none. That is the
// end of a pause or the start of loops, which changes nothing but the node's own state and
// shows nothing: in whatever order it and the steps of others, a reboot, or what else
// befalls the node come, the state after them is the same, and no node has two of these in a row
// for ever. A crash forgets it. What it is not independent of is that the node is to leave.
// To end loops is no such step: until then, they can do harm.
func (mo model) alone(w *world) (i int, ok bool) {
	for i := range w.members {
		if op := w.members[i].act.Op; !mo.idle[i] && w.leaves == 0 && (op == Wait || op == Start) {
			return i, true
		}
	}
	return 0, false
}

// succ returns the states that can follow w.
func (mo model) succ(w *world) (all []world, names []string) {
	alone, ok := mo.alone(w)
	all, names = make([]world, 0, 8), make([]string, 0, 8)
	add := func(i int, what string, change func(*world, *member)) {
		next := *w
		change(&next, &next.members[i])
		all, names = append(all, next), append(names, addresses[i]+" "+what)
	}
	for i := range w.members {
		if mo.idle[i] || ok && i != alone {
			continue
		}
		m := &w.members[i]
		switch m.act.Op {
		case Wait:
			add(i, "waits", func(w *world, m *member) { m.pass(m.act.Until); m.step(Event{}) })
			if m.node.Owner() != 0 {
				add(i, "wakes late", func(w *world, m *member) { m.pass(m.act.Until + 2*tick); m.step(Event{}) })
			}
		case Start:
			add(i, "starts", func(w *world, m *member) { m.running = true; m.step(Event{}) })
		case Stop:
			add(i, "stops", func(w *world, m *member) {
				m.running = false
				if !mo.rules.openAtRelease {
					m.session = noSession
				}
				m.step(Event{})
			})
		case Quit:
			add(i, "quits", func(w *world, m *member) { w.start(i) })
		default:
			what := ops[m.act.Op]
			if !w.fenced[i] || mo.rules.noFence {
				add(i, what, func(w *world, m *member) { m.step(mo.apply(w, i)) })
				if mo.etcd && m.act.Op == Read {
					add(i, what+", a lease has ended", func(w *world, m *member) {
						e := mo.apply(w, i)
						e.View.Lease = LeaseEnded
						m.step(e)
					})
				}
				if w.faults > 0 && m.act.Op != Read {
					add(i, what+", answer lost", func(w *world, m *member) { w.faults--; mo.apply(w, i); m.step(Event{Outcome: Failed}) })
				}
			}
			if w.faults > 0 || w.fenced[i] {
				add(i, what+", lost", func(w *world, m *member) {
					if !w.fenced[i] {
						w.faults--
					}
					m.pass(2 * tick)
					m.step(Event{Outcome: Failed})
				})
			}
		}
		if ok {
			return all, names
		}
		reaches := !w.fenced[i] || mo.rules.noFence
		switch {
		case m.running && m.session == noSession && reaches:
			add(i, "opens a session", func(w *world, m *member) {
				m.session = opened
				if mo.rules.unverified {
					m.session = verified
				}
			})
		case m.session == opened && reaches:
			add(i, "verifies its session", func(w *world, m *member) {
				if m.session = noSession; mo.owner(w.log) == addresses[i] && mo.remembers(w, i) {
					m.session = verified
				}
			})
		}
		if w.fenced[i] && (m.session == noSession || mo.rules.shortFence) {
			add(i, "is no longer fenced", func(w *world, m *member) { w.fenced[i] = false })
		}
		if w.crashes > 0 {
			add(i, "crashes", func(w *world, m *member) { w.crashes--; w.start(i) })
		}
		if w.leaves > 0 {
			add(i, "is to leave", func(w *world, m *member) { w.leaves--; m.node.Leave() })
		}
		if w.renewals > 0 && m.node.Owner() != 0 {
			add(i, "is to renew", func(w *world, m *member) { w.renewals--; m.node.renewAt = 0 })
		}
	}
	if w.reboots > 0 {
		add(0, "and the others see the router reboot", func(w *world, _ *member) {
			w.reboots--
			w.fenced, w.marked = [nodes]bool{}, [nodes]bool{}
			if !mo.etcd {
				w.log = nil
			}
			for i := range w.members {
				w.members[i].session = noSession
			}
		})
	}
	if w.losses > 0 {
		add(0, "and the others see the etcd lose its data", func(w *world, _ *member) {
			w.losses--
			w.log = nil
		})
	}
	return all, names
}

// apply has the request of node i take effect, and returns the answer.
func (mo model) apply(w *world, i int) (e Event) {
	act := w.members[i].act
	if w.marked[i] {
		w.beaten = [nodes]bool{true, true, true}
	}
	switch act.Op {
	case Read:
		e.View = mo.view(w, i)
		if mo.rules.staleSurvey && w.members[i].node.phase == surveying { // the claim, and nothing that came since
			e.View.Log = Log{w.members[i].node.entry}
		}
	case Append:
		if mo.rules.lazyClaim && act.Entry.Kind == Claimed {
			return e
		}
		if mo.rules.sharedEpochs {
			w.log = slices.DeleteFunc(slices.Clone(w.log), func(x Entry) bool { return x.Epoch == act.Entry.Epoch })
		}
		log, ok := Assumptions{Etcd: mo.etcd}.appended(w.log, act.Entry)
		if w.log = log; !ok {
			return Event{Outcome: Refused}
		}
	case Mark:
		w.marked[i] = true
	case Unmark:
		w.marked[i] = w.marked[i] && mo.rules.keepsMark
	case Fence:
		w.fenced[slices.Index(addresses[:], act.Address)] = true
	}
	return e
}

func (mo model) view(w *world, i int) View {
	beats := w.members[i].node.beats
	if w.beaten[i] {
		beats = 1 - beats
	}
	w.beaten[i] = false
	v := View{Log: w.log, Self: addresses[i], Beats: beats, Guarded: true}
	if mo.etcd {
		v.Lease = LeaseEnded
		for k, address := range addresses {
			if w.marked[k] {
				v.Marked = append(v.Marked, address)
			}
			if address == w.log.Latest().Address && w.members[k].node.entry != (Entry{}) {
				v.Lease = LeaseHeld
			}
		}
		if mo.rules.unmarked {
			v.Marked = nil
		}
	}
	return v
}

// remembers reports whether node i may use a session that was verified.
func (mo model) remembers(w *world, i int) bool { return !mo.etcd || w.marked[i] || mo.rules.unmarked }

// inForce is Log.InForce, but for the rule that is broken.
func (mo model) inForce(l Log) Entry {
	if mo.rules.alwaysInForce {
		for _, e := range slices.Backward(l) {
			if e.Kind != Claimed {
				return e
			}
		}
		return Entry{}
	}
	if i := l.InForce(); i >= 0 {
		return l[i]
	}
	return Entry{}
}

// owner returns who may verify a session.
func (mo model) owner(l Log) string {
	if e := mo.inForce(l); e.Kind == Running && (e == l.Latest() || mo.rules.lazyClaim) {
		return e.Address
	}
	return ""
}

// violation returns what must never be: two nodes that can write, or a node that can write though the entry in force is
// another's, or says that it has ended its sessions.
func (mo model) violation(w *world) string {
	writer := -1
	for i, m := range w.members {
		if m.session != verified || w.fenced[i] && !mo.rules.noFence {
			continue
		}
		if writer >= 0 && mo.etcd {
			return fmt.Sprintf("%s and %s can write", addresses[writer], addresses[i])
		}
		writer = i
		if e := mo.inForce(w.log); !e.permits(addresses[i]) && (!mo.etcd || e != Entry{}) {
			return fmt.Sprintf("%s can write while in force is: %s of %s", addresses[i], e.Kind, e.Address)
		}
	}
	return ""
}

// seeds make hashes of states. With two of 64 bits, equal ones of two states are not to be
// expected in the lifetime of this project.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// hash identifies a state.
func (w *world) hash(b []byte) ([2]uint64, []byte) {
	b = append(b[:0], byte(w.faults), byte(w.crashes), byte(w.reboots), byte(w.leaves), byte(w.renewals), byte(w.losses), byte(len(w.log)))
	for _, e := range w.log {
		b = appendEntry(b, e)
	}
	for i := range w.members {
		m := &w.members[i]
		n := &m.node
		b = append(b, byte(m.session), byte(n.phase), byte(m.act.Op), byte(n.beats), byte(len(n.targets)))
		for _, t := range n.targets {
			b = append(b, t...)
		}
		for _, f := range [...]bool{w.fenced[i], w.marked[i], w.beaten[i], m.running, n.sleep, n.seen, n.leaving, n.told, n.release, n.quiet, n.uncounted, n.renewAt > 0, n.status.View.Self != ""} {
			if f {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		}
		for _, e := range [...]Entry{n.latest, n.entry, m.act.Entry} {
			b = appendEntry(b, e)
		}
		b = append(b, m.act.Address...)
		for _, t := range [...]time.Duration{n.movedAt, n.asked, n.proven, n.declared, m.act.Until} {
			b = binary.AppendVarint(b, int64(t))
		}
	}
	return [2]uint64{maphash.Bytes(seeds[0], b), maphash.Bytes(seeds[1], b)}, b
}

func appendEntry(b []byte, e Entry) []byte {
	b = append(b, byte(e.Epoch), byte(e.Kind), byte(len(e.Address)))
	return append(b, e.Address...)
}

// trace is how a state was reached.
type trace struct {
	from int32
	what string
}

// search visits every state that can be reached in depth steps, and returns how many there
// are, and the way to the first that check objects to.
func (mo model) search(start world, depth int, check func(*world) string) (states int, way string) {
	id, buf := start.hash(nil)
	seen := map[[2]uint64]struct{}{id: {}}
	level, traces := []world{start}, []trace{{from: -1}}
	first := 0
	explain := func(id int, why string) string {
		var steps []string
		for ; traces[id].from >= 0; id = int(traces[id].from) {
			steps = append(steps, traces[id].what)
		}
		slices.Reverse(steps)
		return why + "\n\t" + strings.Join(steps, "\n\t")
	}
	for range depth {
		var next []world
		for i := range level {
			all, names := mo.succ(&level[i])
			for k := range all {
				if id, buf = all[k].hash(buf); !added(seen, id) {
					continue
				}
				next = append(next, all[k])
				traces = append(traces, trace{int32(first + i), names[k]})
				if why := check(&all[k]); why != "" {
					return len(seen), explain(len(traces)-1, why)
				}
			}
		}
		first = len(traces) - len(next)
		level = next
	}
	return len(seen), ""
}

// added reports whether key has not been in the set.
func added(set map[[2]uint64]struct{}, key [2]uint64) bool {
	before := len(set)
	set[key] = struct{}{}
	return len(set) > before
}

// settle has every node but those that are dead run without further faults, and returns why they
// do not agree in the end.
func (mo model) settle(w world, dead ...int) string {
	for _, i := range dead {
		w.members[i].running, w.members[i].session, w.members[i].node.entry = false, noSession, Entry{}
	}
	owner, since := -1, 0
	for round := range 60 {
		for i := range w.members {
			if slices.Contains(dead, i) {
				continue
			}
			for range 4 { // requests take less time than pauses
				m := &w.members[i]
				if m.act.Op == Wait {
					break
				}
				w = mo.one(&w, i)
			}
			if m := &w.members[i]; m.running {
				if m.session == noSession && !w.fenced[i] {
					m.session = opened
				}
				if m.session == opened && !w.fenced[i] && mo.owner(w.log) == addresses[i] && mo.remembers(&w, i) {
					m.session = verified
				}
			}
			w.fenced[i] = w.fenced[i] && (round%8 != 7 || w.members[i].session != noSession)
		}
		now := -1
		for i, m := range w.members {
			switch {
			case slices.Contains(dead, i) || m.node.Owner() == 0 || m.session != verified || w.fenced[i]:
			case now >= 0:
				return "two owners"
			default:
				now = i
			}
		}
		if now != owner || now < 0 {
			owner, since = now, round
		}
		if round-since >= 8 {
			return ""
		}
		for i := range w.members {
			if m := &w.members[i]; m.act.Op == Wait && !slices.Contains(dead, i) {
				w = mo.one(&w, i)
			}
		}
	}
	return "no owner in the end"
}

// one returns the state after the one step of node i that is no fault.
func (mo model) one(w *world, i int) world {
	next := *w
	m := &next.members[i]
	switch m.act.Op {
	case Wait:
		m.pass(m.act.Until)
		m.step(Event{})
	case Start:
		m.running = true
		m.step(Event{})
	case Stop:
		m.running, m.session = false, noSession
		m.step(Event{})
	case Quit:
		next.start(i)
	default:
		if next.fenced[i] {
			m.pass(2 * tick)
			m.step(Event{Outcome: Failed})
		} else {
			m.step(mo.apply(&next, i))
		}
	}
	return next
}
