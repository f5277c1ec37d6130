package ha

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Replay runs the records of all nodes of one router, and of its reboots, through the model.
// It returns an error that names the first record of which there is no explanation: a node
// that did not do what Node.Step says, an answer that the router of the model could not give
// at any instant between request and answer, or a session that could be written to while another
// node's entry was in force.
//
// The replay keeps every state of the model that agrees with the records so far, since it is
// not known when within its time a request had its effect, and whether one without an answer had
// any. Asks, counters and rules are not compared: what nodes make of them is.
func Replay(records []Record, a Assumptions) error {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b Record) int { return cmp.Compare(a.At, b.At) })
	r := &replay{Assumptions: a, processes: map[string]*process{}, states: []state{{}}}
	r.pair(records)
	for i := range records {
		if err := r.record(i, &records[i]); err != nil {
			text := fmt.Sprintf("record %d, node %s, %v: ", i, records[i].Node, time.Unix(0, records[i].At).UTC().Format("15:04:05.000"))
			return fmt.Errorf("%s%w", text, err)
		}
	}
	return nil
}

// Assumptions are what a replay assumes of the router.
type Assumptions struct {
	Fence      time.Duration // how long a fence lasts
	Duplicates bool          // a second entry of an epoch is accepted, and the first counts
	Etcd       bool          // the log is in an etcd: it outlives reboots, and holds what matters only
}

// late is how long a request without an answer may still have its effect.
const late = int64(10 * time.Second)

type replay struct {
	Assumptions
	processes  map[string]*process
	begin, end map[int][]*request // by the record with which they begin and end
	pending    []*request
	states     []state
	requests   int
	now        int64
	why        string // the last state that was dropped could not be
}

// process is what is known of a node's process.
type process struct {
	node     *Node
	act      Action
	self     string
	sessions map[uint64]SessionState
}

// request is one to the router whose effect is at an instant that is not known.
type request struct {
	id         int
	node       string
	act        Action
	outcome    Outcome
	view       View
	began, end int64 // end: of what may be its effect
}

// state is one of the model's router.
type state struct {
	log    Log
	fences []fence
	had    []int // requests pending that have had their effect, in order
}

type fence struct {
	address string
	since   int64 // it holds for certain; 0: not yet
	until   int64
}

func (s *state) key() string { return fmt.Sprint(s.log, s.fences, s.had) }

// fenced returns the fence of an address at an instant.
func (s *state) fenced(address string, now int64) (f fence, ok bool) {
	i := slices.IndexFunc(s.fences, func(f fence) bool { return f.address == address && f.until > now })
	if i < 0 {
		return f, false
	}
	return s.fences[i], true
}

// pair finds the answers to all requests.
func (r *replay) pair(records []Record) {
	r.begin, r.end = map[int][]*request{}, map[int][]*request{}
	open, opened := map[string]*request{}, map[string]*request{}
	add := func(i int, node string, act Action) *request {
		r.requests++
		q := &request{id: r.requests, node: node, act: act, outcome: Failed, began: records[i].At, end: records[i].At + late}
		r.begin[i] = append(r.begin[i], q)
		return q
	}
	for i, c := range records {
		session := fmt.Sprint(c.Node, " ", c.Session)
		if c.Session != nil {
			session = fmt.Sprint(c.Node, " ", c.Session.Number)
		}
		switch {
		case c.Step != nil:
			if q := open[c.Node]; q != nil && c.Start == nil {
				q.outcome, q.view, q.end = c.Step.Event.Outcome, c.Step.Event.View, c.At
				if q.outcome == Failed {
					q.end += late
				} else {
					r.end[i] = append(r.end[i], q)
				}
			}
			delete(open, c.Node)
			switch c.Step.Next.Op {
			case Wait, Start, Stop, Quit:
			default:
				open[c.Node] = add(i, c.Node, c.Step.Next)
			}
		case c.Session != nil && c.Session.State == Opened:
			opened[session] = add(i, c.Node, Action{Op: Read})
		case c.Session != nil && c.Session.State == Verified && c.Session.View != nil:
			if q := opened[session]; q != nil {
				q.outcome, q.view, q.end = Done, *c.Session.View, c.At
				r.end[i] = append(r.end[i], q)
			}
		case c.Fate == Killed:
			delete(open, c.Node)
		}
	}
}

func (r *replay) record(i int, c *Record) error {
	r.now = c.At
	for k := range r.states {
		r.states[k].fences = slices.DeleteFunc(slices.Clone(r.states[k].fences), func(f fence) bool { return f.until <= r.now })
	}
	r.pending = slices.DeleteFunc(r.pending, func(q *request) bool {
		if over := q.outcome == Failed && q.end <= r.now; over {
			r.forget(q)
			return true
		}
		return false
	})
	var err error
	switch {
	case c.Fate == Rebooted:
		r.reboot()
	case c.Fate == Unfenced:
		for k := range r.states {
			r.states[k].fences = nil
		}
	case c.Fate == Killed:
		delete(r.processes, c.Node)
	case c.Step != nil:
		err = r.step(c)
	case c.Session != nil:
		err = r.session(c)
	}
	for _, q := range r.end[i] {
		err = cmp.Or(err, r.answered(q))
	}
	if err != nil {
		return err
	}
	r.pending = append(r.pending, r.begin[i]...)
	r.close()
	if len(r.states) == 0 {
		return errors.New(r.why)
	}
	return nil
}

// step compares an action with that of the protocol.
func (r *replay) step(c *Record) error {
	p := r.processes[c.Node]
	var next Action
	switch {
	case c.Start != nil:
		p = &process{sessions: map[uint64]SessionState{}}
		p.node, next = NewNode(*c.Start, c.Step.Now)
		r.processes[c.Node] = p
	case p == nil:
		return errors.New("it has not started")
	default:
		if p.act.Op == Stop && p.writes() {
			return errors.New("it has stopped its loops, but a session can still be written to")
		}
		if c.Step.Leaving {
			p.node.Leave()
		}
		if c.Step.Config != nil {
			p.node.Reconfigure(*c.Step.Config)
		}
		next = p.node.Step(c.Step.Now, c.Step.Event)
		if self := c.Step.Event.View.Self; self != "" {
			p.self = self
		}
	}
	p.act = c.Step.Next
	if next != p.act {
		return fmt.Errorf("it does %s, where the protocol says %s", asJSON(p.act), asJSON(next))
	}
	return nil
}

func asJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

func (r *replay) session(c *Record) error {
	p, s := r.processes[c.Node], c.Session
	switch {
	case p == nil && s.State == Ended: // of a process that was killed
		return nil
	case p == nil:
		return errors.New("it has not started")
	case s.State == Ended:
		delete(p.sessions, s.Number)
		return nil
	case s.State == Verified && (p.sessions[s.Number] != Opened || s.View == nil):
		return fmt.Errorf("session %d is verified, but was not opened and the log read after that", s.Number)
	case s.State == Verified && s.View.Log.Owner().Address != p.self:
		return fmt.Errorf("session %d is verified, but the owner is %q", s.Number, s.View.Log.Owner().Node)
	case s.State == Verified && p.node.Owner() == 0:
		return fmt.Errorf("session %d is verified, but this node does not own the router", s.Number)
	}
	p.sessions[s.Number] = s.State
	return nil
}

// writes reports whether a session of the process may be written to.
func (p *process) writes() bool {
	for _, s := range p.sessions {
		if s == Verified {
			return true
		}
	}
	return false
}

func (r *replay) reboot() {
	for _, p := range r.processes {
		clear(p.sessions)
	}
	if r.Etcd {
		for i := range r.states {
			r.states[i].fences = nil
		}
		return
	}
	r.states = []state{{}}
	for _, q := range r.pending { // may have had its effect before that
		if q.outcome != Failed {
			r.states[0].had = append(r.states[0].had, q.id)
		}
	}
}

// answered keeps the states in which the request has had its effect.
func (r *replay) answered(q *request) error {
	n := len(r.states)
	r.states = slices.DeleteFunc(r.states, func(s state) bool { return !slices.Contains(s.had, q.id) })
	if len(r.states) == 0 {
		return fmt.Errorf("%s: the router of the model would not answer %v with the log %s, in none of %d states", asJSON(q.act), q.outcome, asJSON(q.view.Log), n)
	}
	if q.act.Op == Fence {
		for i := range r.states {
			for k := range r.states[i].fences {
				if f := &r.states[i].fences[k]; f.address == q.act.Address && f.since == 0 {
					f.since = r.now
				}
			}
		}
	}
	r.pending = slices.DeleteFunc(r.pending, func(p *request) bool { return p == q })
	r.forget(q)
	return nil
}

// forget removes a request that is over from all states.
func (r *replay) forget(q *request) {
	for i := range r.states {
		r.states[i].had = slices.DeleteFunc(slices.Clone(r.states[i].had), func(id int) bool { return id == q.id })
	}
}

// close adds all states that follow when requests have their effect, and drops those that must
// not be.
func (r *replay) close() {
	seen := map[string]bool{}
	todo := r.states
	r.states = nil
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, q := range r.pending { // what changes nothing
			if !slices.Contains(s.had, q.id) && r.shows(&s, q) {
				s.had = add(s.had, q.id)
			}
		}
		key := s.key()
		if seen[key] {
			continue
		}
		seen[key] = true
		if why := r.violation(&s); why != "" {
			r.why = why
			continue
		}
		r.states = append(r.states, s)
		for _, q := range r.pending {
			if next, ok := r.changed(&s, q); ok {
				todo = append(todo, next)
			}
		}
	}
}

func add(had []int, id int) []int {
	had = append(slices.Clip(had), id)
	slices.Sort(had)
	return had
}

// unreachable reports whether the router drops the packets of a request as long as it lasts.
func (r *replay) unreachable(s *state, q *request) bool {
	p := r.processes[q.node]
	if p == nil || q.outcome == Failed {
		return false
	}
	f, ok := s.fenced(p.self, r.now)
	return ok && f.since > 0 && f.since <= q.began && f.until >= q.end
}

// shows reports whether a state explains the answer to a request without an effect.
func (r *replay) shows(s *state, q *request) bool {
	switch {
	case r.unreachable(s, q):
		return false
	case q.act.Op == Read:
		return q.outcome == Done && slices.Equal(s.log, q.view.Log)
	case q.act.Op == Append:
		_, ok := r.appended(s.log, q.act.Entry)
		return !ok && (q.outcome == Refused || q.outcome == Done && r.Duplicates)
	case q.act.Op == Fence:
		return false
	}
	return q.outcome == Done // a mark or a request to the owner, which the replay does not follow
}

// changed returns the state after the effect of a request that has one.
func (r *replay) changed(s *state, q *request) (next state, ok bool) {
	if slices.Contains(s.had, q.id) || q.outcome == Refused || r.unreachable(s, q) {
		return next, false
	}
	next = *s
	switch q.act.Op {
	case Append:
		if next.log, ok = r.appended(s.log, q.act.Entry); !ok {
			return next, false
		}
	case Fence:
		if _, there := s.fenced(q.act.Address, r.now); !there {
			next.fences = append(slices.Clip(s.fences), fence{q.act.Address, 0, r.now + int64(r.Fence)})
		}
	default:
		return next, false
	}
	next.had = add(s.had, q.id)
	return next, true
}

// with returns the log after the router has been asked to add an entry; not ok: it refuses.
func (l Log) with(e Entry) (Log, bool) {
	if slices.ContainsFunc(l, func(x Entry) bool { return x.Epoch == e.Epoch }) {
		return l, false
	}
	return append(slices.Clone(l), e).Sort(), true
}

// appended is Log.with for the store of the log.
func (a Assumptions) appended(l Log, e Entry) (Log, bool) {
	if !a.Etcd {
		return l.with(e)
	}
	next, latest := slices.Clone(l), l.Latest()
	if latest.Epoch+1 != e.Epoch && (len(l) > 0 || e.Kind != Claimed) {
		return l, false
	}
	if e.Kind == Running {
		next = slices.DeleteFunc(next, func(x Entry) bool { return x.Epoch < latest.Epoch })
	}
	return append(next, e), true
}

// permits reports whether a node may write while an entry is in force.
func (e Entry) permits(address string) bool { return e.Kind == Running && e.Address == address }

// violation returns what must never be: a session that may be written to and whose node is
// neither fenced nor the one whose entry is in force.
func (r *replay) violation(s *state) string {
	for name, p := range r.processes {
		if _, fenced := s.fenced(p.self, r.now); fenced || !p.writes() {
			continue
		}
		var e Entry
		if i := s.log.InForce(); i >= 0 {
			e = s.log[i]
		}
		if !e.permits(p.self) {
			return fmt.Sprintf("%s can write while in force is: %s of %q", name, e.Kind, e.Node)
		}
	}
	return ""
}
