//go:build linux

package halab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is something that happens to a site.
type fault struct {
	name  string
	nodes int
	wans  int // 0: 1
	short bool
	// spares has the rule of the fence drop nothing.
	spares bool
	// unmodelled: the model assumes that this does not happen. What reaches the router counts.
	unmodelled bool
	run        func(s *site, r *result)
}

// nobody is no node's address.
var nobody = netip.Addr{}

// faults are those of which the table is.
var faults = []fault{
	{name: "owner killed", nodes: 2, short: true, run: func(s *site, r *result) { kills(s, r, *killed) }},
	{name: "owner paused and resumed", nodes: 2, wans: 5, run: func(s *site, r *result) {
		pause(s, r, 30*time.Second)
	}},
	{name: "owner paused for longer than its fence", nodes: 2, unmodelled: true, run: func(s *site, r *result) {
		pause(s, r, 75*time.Second)
	}},
	{name: "owner cut off from the router", nodes: 2, run: func(s *site, r *result) { cut(s, r, both, 100) }},
	{name: "owner is not heard by the router", nodes: 2, run: func(s *site, r *result) { cut(s, r, toRouter, 100) }},
	{name: "owner does not hear the router", nodes: 2, run: func(s *site, r *result) { cut(s, r, fromRouter, 100) }},
	{name: "standby cut off from the router", nodes: 2, run: func(s *site, r *result) {
		other := s.other(s.owner())
		s.harmed(other, both, 100)
		time.Sleep(8 * time.Second)
		s.harmed(other, both, 0)
		time.Sleep(4 * time.Second)
		r.owners(s, 1)
	}},
	{name: "both cut off from the router", nodes: 2, run: func(s *site, r *result) {
		at := time.Now()
		for _, m := range s.members {
			s.harmed(m, both, 100)
		}
		time.Sleep(6 * time.Second)
		before := time.Now()
		if w, ok := s.watch.firstWrite(before.Add(-3*time.Second), nobody); ok {
			r.problemf("%v writes %v after the cut", w.from, w.at.Sub(at))
		}
		for _, m := range s.members {
			s.harmed(m, both, 0)
		}
		r.gaps = append(r.gaps, s.awaitWrite(before, nobody, 30*time.Second).at.Sub(before))
		time.Sleep(4 * time.Second)
		r.owners(s, 2)
	}},
	{name: "30 % of the packets lost", nodes: 2, run: func(s *site, r *result) {
		for _, m := range s.members {
			s.harmed(m, both, 30)
		}
		const minutes = 2
		time.Sleep(minutes * time.Minute)
		r.owners(s, 1+minutes)
	}},
	{name: "three standbys at once", nodes: 4, run: func(s *site, r *result) {
		kills(s, r, 3)
		r.owners(s, 4)
	}},
	{name: "drain under load", nodes: 2, short: true, run: func(s *site, r *result) {
		for range *drained {
			old := s.owner()
			time.Sleep(2 * time.Second)
			old.signal(syscall.SIGTERM)
			w := s.awaitWrite(time.Now(), address(old.node), 10*time.Second)
			r.gaps = append(r.gaps, w.at.Sub(s.watch.lastWrite(address(old.node))))
			<-old.done
			s.start(old)
			time.Sleep(3 * time.Second)
		}
	}},
	{name: "router reboots", nodes: 2, run: func(s *site, r *result) {
		s.reboot(3 * time.Second)
		up := time.Now().Add(3 * time.Second)
		r.gaps = append(r.gaps, s.awaitWrite(up, nobody, 40*time.Second).at.Sub(up))
		time.Sleep(6 * time.Second)
		r.owners(s, 3) // the reboot is one
	}},
	{name: "rules deleted", nodes: 2, run: func(s *site, r *result) {
		old := s.owner()
		s.run(`/ip firewall raw remove [find]`)
		time.Sleep(6 * time.Second)
		at := s.kill(old)
		time.Sleep(8 * time.Second)
		if w, ok := s.watch.firstWrite(at.Add(time.Second), nobody); ok {
			r.problemf("%v writes though nobody can be fenced", w.from)
		}
		back := time.Now()
		s.run(strings.SplitN(rules, "\n", 2)[0])
		r.gaps = append(r.gaps, s.awaitWrite(back, nobody, 20*time.Second).at.Sub(back))
	}},
	{name: "two nodes behind one address", nodes: 2, run: func(s *site, r *result) {
		twin := s.newMember("n3", s.owner().node)
		s.start(twin)
		time.Sleep(6 * time.Second)
		if text := s.logOf(twin); !strings.Contains(text, "has the same address") {
			r.problemf("it does not say that another node has its address: %.300s", text)
		}
		at := s.kill(s.owner())
		w := s.awaitWrite(at.Add(100*time.Millisecond), nobody, 20*time.Second)
		r.gaps = append(r.gaps, w.at.Sub(at))
		if w.from == address(twin.node) {
			r.problemf("the twin writes: it could not have been fenced")
		}
	}},
	{name: "a fence that drops nothing: this table can see it", nodes: 2, spares: true, run: func(s *site, r *result) {
		pause(s, r, 10*time.Second)
		if _, err := s.replay(); err == nil {
			r.problemf("a fenced node was answered, and the model explains that")
		}
	}},
}

// kills kills the owner again and again, and measures until its successor writes.
func kills(s *site, r *result, times int) {
	for range times {
		old := s.owner()
		at := s.kill(old)
		w := s.awaitWrite(at.Add(50*time.Millisecond), address(old.node), 20*time.Second)
		r.gaps = append(r.gaps, w.at.Sub(at))
		s.unfence()
		s.start(old)
		time.Sleep(2500 * time.Millisecond)
	}
	r.owners(s, times+1)
}

// pause stops the owner's process and has it go on.
func pause(s *site, r *result, d time.Duration) {
	old := s.owner()
	at := time.Now()
	old.signal(syscall.SIGSTOP)
	w := s.awaitWrite(at.Add(50*time.Millisecond), address(old.node), 20*time.Second)
	r.gaps = append(r.gaps, w.at.Sub(at))
	time.Sleep(time.Until(at.Add(d)))
	old.signal(syscall.SIGCONT)
	time.Sleep(8 * time.Second)
	r.owners(s, 2)
}

// cut cuts the owner off for a while.
func cut(s *site, r *result, directions, percent int) {
	old := s.owner()
	at := time.Now()
	s.harmed(old, directions, percent)
	w := s.awaitWrite(at, address(old.node), 20*time.Second)
	r.gaps = append(r.gaps, w.at.Sub(at))
	time.Sleep(6 * time.Second)
	s.harmed(old, directions, 0)
	time.Sleep(8 * time.Second)
	r.owners(s, 2)
}

// result is what came of a fault.
type result struct {
	Fault    string   `json:"fault"`
	Held     bool     `json:"held"`
	Problems []string `json:"problems"`
	Tries    int      `json:"tries"`
	// From the fault to the first write of a successor, or the end of the hindrance to it; of a
	// drain from the last write before it.
	Median float64 `json:"gap_median_seconds"`
	Most   float64 `json:"gap_max_seconds"`
	Writes int     `json:"writes"`
	Stale  int     `json:"stale_writes"`
	Owners int     `json:"owners"`
	WANs   int     `json:"wans"`
	Record int     `json:"records_replayed"`
	Load   string  `json:"load_average"`

	gaps []time.Duration
}

func (r *result) problemf(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// owners expects that the router has had at most so many owners in turn.
func (r *result) owners(s *site, most int) {
	if _, _, n := s.watch.counts(); n > most {
		r.problemf("%d owners in turn, more than %d", n, most)
	}
}

// limits bounds the gaps of some faults, where nothing else is to be done on the machine.
var limits = map[string]struct{ median, most time.Duration }{
	"owner killed":     {3 * time.Second, 5 * time.Second},
	"drain under load": {500 * time.Millisecond, 500 * time.Millisecond},
}

// finish sums up.
func (r *result) finish(s *site) {
	r.Writes, r.Stale, r.Owners = s.watch.counts()
	for _, text := range s.watch.stale {
		r.problemf("stale: %s", text)
	}
	var err error
	if r.Record, err = s.replay(); err != nil && !s.fault.spares && !s.fault.unmodelled {
		r.problemf("the model does not explain it: %v", err)
	}
	r.Tries = len(r.gaps)
	if r.Tries > 0 {
		slices.Sort(r.gaps)
		median, most := r.gaps[r.Tries/2], r.gaps[r.Tries-1]
		r.Median, r.Most = median.Seconds(), most.Seconds()
		if l, ok := limits[r.Fault]; ok && *all && (median > l.median || most > l.most) {
			r.problemf("gaps of %v at the median, %v at most: they should be %v and %v", median, most, l.median, l.most)
		}
	}
	r.Held = len(r.Problems) == 0
}
