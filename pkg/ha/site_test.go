package ha

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// site is nodes and a router in virtual time: what happens is drawn, and recorded as nodes
// record it.
type site struct {
	rng     *rand.Rand
	now     time.Duration
	events  []event
	log     Log
	fences  map[string]time.Duration // by address: until
	nodes   []*siteNode
	records []Record
	broken  string // what the router or a node does wrong
	loss    float64
}

type event struct {
	at   time.Duration
	node *siteNode // paused: it is late
	do   func()
}

type siteNode struct {
	site     *site
	name     string
	node     *Node
	process  int // events of earlier ones are void
	began    time.Duration
	act      Action
	paused   time.Duration // until
	running  bool
	sessions []uint64
	number   uint64
	beats    uint64
	leaving  bool
}

const siteFence = time.Minute

func newSite(seed uint64, nodes int, broken string) *site {
	s := &site{rng: rand.New(rand.NewPCG(seed, 1)), fences: map[string]time.Duration{}, broken: broken}
	for i := range nodes {
		n := &siteNode{site: s, name: addresses[i]}
		s.nodes = append(s.nodes, n)
		s.after(nil, time.Duration(i)*100*time.Millisecond, n.start)
	}
	return s
}

func (s *site) after(n *siteNode, d time.Duration, do func()) {
	s.events = append(s.events, event{s.now + d, n, do})
}

// run runs the site for a time.
func (s *site) run(d time.Duration) {
	for end := s.now + d; ; {
		slices.SortStableFunc(s.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
		if len(s.events) == 0 || s.events[0].at > end {
			s.now = end
			return
		}
		e := s.events[0]
		s.events = s.events[1:]
		s.now = e.at
		if e.node != nil && e.node.paused > s.now {
			s.after(e.node, e.node.paused-s.now, e.do)
			continue
		}
		e.do()
	}
}

func (s *site) delay() time.Duration { return time.Duration(1+s.rng.IntN(20)) * time.Millisecond }

func (n *siteNode) record(r Record) {
	r.Node, r.At = n.name, int64(n.site.now)
	n.site.records = append(n.site.records, r)
}

// later runs do unless the process has been killed by then.
func (n *siteNode) later(d time.Duration, do func()) {
	process := n.process
	n.site.after(n, d, func() {
		if n.process == process {
			do()
		}
	})
}

func (n *siteNode) start() {
	n.process++
	n.began, n.running, n.sessions, n.leaving = n.site.now, false, nil, false
	cfg := Config{Name: n.name, Order: addresses[:], Silence: 2 * time.Second, Poll: 500 * time.Millisecond}
	n.node, n.act = NewNode(cfg, 0)
	n.record(Record{Start: &cfg, Step: &Step{Next: n.act}})
	n.do()
}

func (n *siteNode) kill() {
	n.record(Record{Fate: Killed})
	n.process++
	n.later(n.site.delay()*10, n.start)
}

func (n *siteNode) leave() { n.leaving = true }

func (n *siteNode) step(e Event) {
	left := n.leaving && n.act.Op == Wait
	if left {
		n.leaving = false
		n.node.Leave()
	}
	now := n.site.now - n.began
	n.act = n.node.Step(now, e)
	if n.site.broken == "nobody is fenced" && n.act.Op == Fence {
		for n.act.Op == Fence {
			n.act = n.node.Step(now, Event{})
		}
	}
	n.record(Record{Step: &Step{Now: now, Leaving: left, Event: e, Next: n.act}})
	n.do()
}

// do has the present action take its course.
func (n *siteNode) do() {
	s := n.site
	left := n.act.Until - (s.now - n.began)
	switch n.act.Op {
	case Quit:
		n.process++
	case Wait:
		n.later(max(left, 0), func() { n.step(Event{}) })
	case Start:
		n.running = true
		n.later(0, func() { n.step(Event{}) })
		n.later(s.delay(), n.open)
	case Stop:
		n.running = false
		for s.broken != "sessions stay open" && len(n.sessions) > 0 {
			n.end(n.sessions[0])
		}
		n.later(0, func() { n.step(Event{}) })
	default:
		process, act := n.process, n.act
		there, back := s.rng.Float64() >= s.loss, s.rng.Float64() >= s.loss
		s.after(nil, s.delay(), func() { // on the wire even if its node is killed
			e, ok := Event{}, there && s.reaches(n)
			if ok {
				e = s.apply(n, act)
			}
			if n.process != process {
				return
			}
			if ok && back {
				n.later(s.delay(), func() { n.step(e) })
			} else {
				n.later(max(left, 0), func() { n.step(Event{Outcome: Failed}) })
			}
		})
	}
}

func (s *site) reaches(n *siteNode) bool {
	return s.fences[n.name] <= s.now || s.broken == "fences do nothing"
}

// apply is what the router does.
func (s *site) apply(n *siteNode, act Action) (e Event) {
	switch act.Op {
	case Read:
		if n.node.phase != watching || s.beating() {
			n.beats++
		}
		e.View = View{Log: slices.Clone(s.log), Self: n.name, Beats: n.beats, Guarded: true}
		if s.broken == "the router forgets an entry" && len(e.View.Log) > 1 && s.rng.IntN(20) == 0 {
			e.View.Log = e.View.Log[:len(e.View.Log)-1]
		}
	case Append:
		log, ok := s.log.with(act.Entry)
		if !ok && s.broken == "the router replaces an entry" {
			i := slices.IndexFunc(s.log, func(x Entry) bool { return x.Epoch == act.Entry.Epoch })
			log, ok = slices.Clone(s.log), true
			log[i] = act.Entry
		}
		if s.log = log; !ok {
			e.Outcome = Refused
		}
	case Fence:
		if s.fences[act.Address] <= s.now {
			s.fences[act.Address] = s.now + siteFence
		}
	}
	return e
}

// beating reports whether an owner is at work.
func (s *site) beating() bool {
	return slices.ContainsFunc(s.nodes, func(n *siteNode) bool { return n.running && n.paused <= s.now && s.reaches(n) })
}

// open opens a session, and again some time after its end.
func (n *siteNode) open() {
	s := n.site
	if !n.running {
		return
	}
	if len(n.sessions) > 0 || !s.reaches(n) {
		n.later(time.Second, n.open)
		return
	}
	n.number++
	number := n.number
	n.record(Record{Session: &Session{Number: number, State: Opened}})
	read := func() {
		v := s.apply(n, Action{Op: Read}).View
		n.later(s.delay(), func() {
			if n.running && (v.Log.Owner().Address == n.name || s.broken == "sessions are not verified") {
				n.sessions = append(n.sessions, number)
				n.record(Record{Session: &Session{Number: number, State: Verified, View: &v}})
				n.later(time.Duration(s.rng.IntN(20))*time.Second, func() {
					if slices.Contains(n.sessions, number) {
						n.end(number)
					}
				})
			}
			n.later(time.Second, n.open)
		})
	}
	n.later(s.delay(), read)
}

func (n *siteNode) end(number uint64) {
	n.sessions = slices.DeleteFunc(n.sessions, func(x uint64) bool { return x == number })
	n.record(Record{Session: &Session{Number: number, State: Ended}})
}

func (s *site) reboot() {
	s.log, s.fences = nil, map[string]time.Duration{}
	s.records = append(s.records, Record{At: int64(s.now), Fate: Rebooted})
	for _, n := range s.nodes {
		n.sessions = nil
	}
}

// fault has something happen to a node or the router.
func (s *site) fault() string {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	switch s.rng.IntN(6) {
	case 0:
		n.kill()
		return n.name + " is killed"
	case 1:
		s.reboot()
		return "reboot"
	case 2:
		n.leave()
		return n.name + " leaves"
	case 3:
		s.loss = []float64{0, 0.1, 0.3}[s.rng.IntN(3)]
		return fmt.Sprint("loss ", s.loss)
	default:
		d := time.Duration(s.rng.IntN(50)) * time.Second
		n.paused = s.now + d
		return fmt.Sprint(n.name, " is paused for ", d)
	}
}
