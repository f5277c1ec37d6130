package ha

import "time"

// Op is what a node is to do.
type Op uint8

// The operations. All but Wait, Stop, Start and Quit are requests to the router, which fail
// when it does not answer.
const (
	Wait    Op = iota // until Action.Until
	Read              // the log
	Append            // Action.Entry, unless the log has an entry of that epoch
	Mark              // have the packets of this node counted as the owner's sign of life
	Unmark            // not any more
	Fence             // have the packets from Action.Address dropped
	Request           // Action.Ask to the owner
	Start             // the loops, under the epoch of Action.Entry
	Stop              // the loops, with all their sessions, before anything else is done; at once, unless Action.Entry is handed over
	Quit              // the node has handed over and is not needed any more
)

// Action is what a node is to do next.
type Action struct {
	Op      Op            `json:"op"`
	Until   time.Duration `json:"until_ns,omitempty"` // Wait: at the latest then. Requests: the latest answer that is of use
	Entry   Entry         `json:"entry,omitzero"`
	Address string        `json:"address,omitempty"`
	Ask     Ask           `json:"ask,omitzero"`
}

// Outcome is what became of an action.
type Outcome uint8

// The outcomes.
const (
	Done    Outcome = iota
	Refused         // Append: the epoch exists
	Failed          // no answer; the request may have had its effect
)

// Event is the end of an action.
type Event struct {
	Outcome Outcome `json:"outcome"`
	View    View    `json:"view,omitzero"` // Read
}

type phase uint8

const (
	arriving   phase = iota // reading whether another node has this address
	resetting               // taking back the mark of an earlier run
	watching                // a standby
	claiming                // appending Claimed
	marking                 // marking the own address
	surveying               // reading who is to be fenced
	fencing                 // fencing them
	declaring               // appending Running
	confirming              // reading the log once more
	owning                  // an owner
	renewing                // appending Running, so that the entries do not expire
	remarking               // marking the own address again, for the same reason
	announcing              // saying that it will hand over, so that standbys read more often
	asking                  // a standby that asks the owner to hand over
	stopping                // ending the loops
	releasing               // appending Released
)

// RenewAfter is the age from which on an owner renews its entry.
const RenewAfter = time.Hour

// Lifetime is how long an entry lasts at least.
const Lifetime = 24 * time.Hour

// Node is one node's part of the protocol for one router. Each Step returns the action
// whose end the next Step is for.
type Node struct {
	cfg   Config
	phase phase
	sleep bool // the present action is Wait

	latest  Entry         // of the log when last read
	beats   uint64        // when last read
	seen    bool          // latest and beats are of an unbroken row of reads
	movedAt time.Duration // when one of them had last changed

	entry    Entry         // the own one
	targets  []string      // still to be fenced
	declared time.Duration // when Running was appended
	renewAt  time.Duration // the entry's end is nearer then
	asked    time.Duration // when the present read was sent
	proven   time.Duration // when a read was sent that showed this node as the owner

	leaving   bool          // it hands over and quits
	earlier   Ask           // made before this node became the owner: it has had its effect
	told      bool          // it has said so
	release   bool          // after the loops have stopped, the entry is released
	next      string        // to this node; "" any
	quiet     bool          // nothing is to be sent for a while
	uncounted bool          // the router does not count the packets from the address that this node has
	stable    time.Duration // since when a node behind this one has been the owner

	status Status
}

// NewNode returns a node, and its first action.
func NewNode(cfg Config, now time.Duration) (*Node, Action) {
	n := &Node{cfg: cfg}
	return n, n.reset(now)
}

// Owner returns the epoch under which the loops are to run; 0: they are not to run.
func (n *Node) Owner() uint64 {
	if n.owns() {
		return n.entry.Epoch
	}
	return 0
}

func (n *Node) owns() bool {
	return n.phase == owning || n.phase == renewing || n.phase == remarking || n.phase == announcing
}

// Leave has the node hand over what it owns, and quit.
func (n *Node) Leave() { n.leaving = true }

// Reconfigure has the node use another configuration from the next step on. Its name stays.
func (n *Node) Reconfigure(cfg Config) {
	cfg.Name = n.cfg.Name
	n.cfg = cfg
}

// Step returns the action after an event. A Wait may end early.
func (n *Node) Step(now time.Duration, e Event) Action {
	if n.sleep {
		n.sleep = false
		return n.woken(now)
	}
	if e.Outcome == Failed {
		return n.failed(now)
	}
	refused := e.Outcome == Refused
	switch n.phase {
	case arriving:
		return n.arrive(now, e.View)
	case resetting:
		n.phase = watching
		return n.read(now)
	case watching:
		return n.watch(now, e.View)
	case claiming:
		if refused {
			return n.reset(now)
		}
		n.phase = marking
		return Action{Op: Mark, Entry: n.entry, Until: n.patience(now)}
	case marking:
		n.phase = surveying
		return n.read(now)
	case surveying:
		if e.View.Log.Latest() != n.entry {
			return n.reset(now) // another node was faster
		}
		n.targets, n.beats = e.View.unfenced(n.entry.Address), e.View.Beats
		return n.fence(now)
	case fencing:
		n.targets = n.targets[1:]
		return n.fence(now)
	case declaring:
		if refused {
			return n.reset(now)
		}
		n.phase, n.declared = confirming, now
		return n.read(now)
	case confirming:
		if e.View.Log.Owner() != n.entry {
			return n.reset(now)
		}
		if !e.View.alive(n.beats) { // the own requests are not counted, or not yet
			if n.uncounted = now-n.declared >= n.cfg.Silence; n.uncounted {
				return n.reset(now)
			}
			return n.wait(now + n.cfg.Poll/4)
		}
		n.earlier = e.View.Ask
		n.phase, n.proven, n.renewAt, n.seen, n.told = owning, n.asked, now+RenewAfter, false, false
		n.sleep = true // the next step begins with a read
		return Action{Op: Start, Entry: n.entry}
	case owning:
		return n.own(now, e.View)
	case renewing:
		if refused {
			return n.stop("another node has claimed the router")
		}
		n.phase = remarking
		return Action{Op: Mark, Entry: n.entry, Until: n.patience(now)}
	case remarking:
		n.phase = owning
		return n.read(now)
	case announcing:
		n.phase = owning
		return n.wait(min(now+n.cfg.Poll, n.proven+n.cfg.Silence))
	case asking:
		n.phase = watching
		return n.wait(now + n.cfg.Poll)
	case stopping:
		if n.release {
			n.phase = releasing
			return n.append(now, Released, n.entry.Epoch+1)
		}
		return n.reset(now)
	}
	return n.reset(now) // releasing
}

// woken returns the action after a pause.
func (n *Node) woken(now time.Duration) Action {
	switch {
	case n.phase == owning && n.leaving && n.told:
		return n.handOver("")
	case n.phase == owning && now-n.proven >= n.cfg.Silence:
		return n.silenced()
	case n.phase == resetting:
		return Action{Op: Unmark, Until: n.patience(now)}
	case n.phase == watching && n.leaving:
		return Action{Op: Quit}
	}
	return n.read(now)
}

// failed returns the action after a request without an answer.
func (n *Node) failed(now time.Duration) Action {
	switch n.phase {
	case owning, renewing, remarking, announcing:
		n.phase = owning
		if now-n.proven >= n.cfg.Silence {
			return n.silenced()
		}
		return n.wait(min(now+n.cfg.Poll/2, n.proven+n.cfg.Silence))
	case watching, asking:
		n.phase, n.seen = watching, false
		return n.wait(now + n.cfg.Poll)
	}
	n.quiet = true
	return n.reset(now)
}

// silenced stops an owner that the router does not answer. It is quiet for a while: what
// it sends may arrive though no answer does, and would be a sign of life.
func (n *Node) silenced() Action {
	n.quiet = true
	return n.stop("the router has not answered")
}

func (n *Node) stop(why string) Action {
	n.phase, n.release = stopping, false
	n.status.Lost = why
	return Action{Op: Stop}
}

// handOver stops an owner that another node is to follow; "" any.
func (n *Node) handOver(to string) Action {
	n.phase, n.release, n.next = stopping, true, to
	n.status.Lost = HandedOver
	return Action{Op: Stop, Entry: n.entry}
}

// reset begins anew, as a standby.
func (n *Node) reset(now time.Duration) Action {
	leased := n.status.View.Lease != NoLease // which packets do not renew
	withdraws := leased && n.entry != (Entry{})
	n.phase, n.entry, n.targets, n.seen, n.release = arriving, Entry{}, nil, false, false
	if withdraws { // whether or not the router answers
		n.phase = resetting
	}
	switch {
	case n.quiet && leased:
		n.quiet = false
		return n.wait(now + n.cfg.Poll)
	case n.quiet:
		n.quiet = false
		return n.wait(now + 2*n.cfg.Silence)
	case withdraws:
		return Action{Op: Unmark, Until: n.patience(now)}
	}
	return n.read(now)
}

// arrive returns what a node does when it has read the log for the first time. Where another
// node has the same address, its mark is left alone, and little is sent: it would count as the
// other's sign of life.
func (n *Node) arrive(now time.Duration, v View) Action {
	why := twin(n.cfg.Name, v)
	n.status.View, n.status.Blocked = v, why
	switch {
	case why == "":
		n.phase = resetting
		return Action{Op: Unmark, Until: n.patience(now)}
	case n.leaving:
		return Action{Op: Quit}
	}
	return n.wait(now + twinPause*n.cfg.Silence)
}

// twinPause is how many times Silence a node waits between two reads that has the address of
// another: the latter's own silence shows in between.
const twinPause = 5

// twin returns why a node cannot take part whose address another one has.
func twin(name string, v View) string {
	for _, e := range v.Log {
		if e.Format <= Format && e.Node != name && e.Address == v.Self {
			return "node " + e.Node + " has the same address, " + v.Self + ": neither could be fenced"
		}
	}
	return ""
}

// watch returns what a standby does after a read.
func (n *Node) watch(now time.Duration, v View) Action {
	if twin(n.cfg.Name, v) != "" {
		n.phase = arriving
		return n.arrive(now, v)
	}
	latest, free := v.Log.Latest(), v.Log.free()
	if !n.seen || latest.Address != n.latest.Address || n.cfg.rank(latest.Node) <= n.cfg.rank(n.cfg.Name) {
		n.stable = now
	}
	if !n.seen || latest != n.latest || v.alive(n.beats) && !free || v.Beats != n.beats && v.foreign() != "" {
		n.seen, n.movedAt = true, now
	}
	n.latest, n.beats = latest, v.Beats
	pause, why := n.pause(v, free)
	n.status.View, n.status.Blocked = v, why
	switch {
	case n.leaving:
		return Action{Op: Quit}
	case why == "" && now-n.movedAt >= pause:
		n.status.Taken = taken(v, free, now-n.movedAt)
		n.phase = claiming
		return n.append(now, Claimed, max(latest.Epoch, v.Base)+1)
	case why == "" && n.cfg.Failback > 0 && now-n.stable >= n.cfg.Failback:
		n.phase, n.stable = asking, now
		return Action{Op: Request, Ask: Ask{From: latest.Node, To: n.cfg.Name}, Until: n.patience(now)}
	case v.Ask != (Ask{}):
		return n.wait(now + n.cfg.Poll/8)
	case why == "":
		return n.wait(min(now+n.cfg.Poll, n.movedAt+pause))
	}
	return n.wait(now + n.cfg.Poll)
}

const (
	// rankPause is how much longer a node waits for each node before it, with a router that
	// nobody owns.
	rankPause = time.Second
	// followPause is the same with a router that was handed over.
	followPause = 50 * time.Millisecond
	// offerPause is how long a router that was handed over is left to others.
	offerPause = 5 * time.Second
)

// pause returns how long the log and the owner must have been silent for this node to
// claim the router; or why it must not.
func (n *Node) pause(v View, free bool) (pause time.Duration, why string) {
	latest, rank := v.Log.Latest(), time.Duration(n.cfg.rank(n.cfg.Name))
	for _, e := range v.Log {
		if e.Format > n.cfg.format() {
			return 0, "a node with a newer version of wanctl takes part, whose claims this one leaves alone: upgrade this node; or, once none runs that version any more, remove them: /ip firewall address-list remove [find list=wanctl-claim]"
		}
	}
	switch {
	case !v.Guarded:
		return 0, "the rules that count and fence nodes are absent or disabled"
	case n.uncounted:
		return 0, uncounted(v.Self)
	case v.foreign() != "": // of a log that was lost, or of another one
		return n.cfg.Silence, ""
	case len(v.Log) == 0:
		return rank * rankPause, ""
	case free && latest.Address == v.Self:
		return offerPause, ""
	case free && latest.For == n.cfg.Name:
		return 0, ""
	case free && latest.For != "":
		return offerPause + rank*followPause, ""
	case free:
		return rank * followPause, ""
	case latest.Address == v.Self: // of an earlier run of this node
		return 0, ""
	case v.Lease == LeaseEnded:
		return 0, ""
	}
	return n.cfg.Silence, ""
}

func uncounted(address string) string {
	return "the router does not count the packets from " + address + ": it sees another address, or the rule does not match"
}

// fence fences the next target; the last is followed by the entry in force.
func (n *Node) fence(now time.Duration) Action {
	if len(n.targets) > 0 {
		n.phase = fencing
		return Action{Op: Fence, Address: n.targets[0], Until: n.patience(now)}
	}
	n.phase = declaring
	return n.append(now, Running, n.entry.Epoch+1)
}

// own returns what an owner does after a read.
func (n *Node) own(now time.Duration, v View) Action {
	owner := v.Log.Owner()
	n.status.View = v
	if owner.Address != n.entry.Address || owner.Epoch < n.entry.Epoch {
		return n.stop("another node has claimed the router, or it has rebooted")
	}
	n.entry, n.proven = owner, n.asked
	if !n.seen || v.alive(n.beats) {
		n.seen, n.movedAt = true, now
	}
	n.beats = v.Beats
	if v.Ask != n.earlier {
		n.earlier = Ask{} // it has ended
	}
	switch {
	case now-n.movedAt >= n.cfg.Silence:
		return n.stop(uncounted(n.entry.Address))
	case n.leaving && !n.told:
		n.told, n.phase = true, announcing
		return Action{Op: Request, Ask: Ask{From: n.cfg.Name}, Until: n.patience(now)}
	case n.leaving:
		return n.handOver("")
	case v.Ask != n.earlier && (v.Ask.From == "" || v.Ask.From == n.cfg.Name) && v.Ask.To != n.cfg.Name:
		return n.handOver(v.Ask.To)
	case !v.Remembered(v.Self): // the router has rebooted
		n.phase = remarking
		return Action{Op: Mark, Entry: n.entry, Until: n.patience(now)}
	case now >= n.renewAt:
		n.phase, n.renewAt = renewing, now+RenewAfter
		return n.append(now, Running, n.entry.Epoch+1)
	}
	return n.wait(min(now+n.cfg.Poll, n.proven+n.cfg.Silence))
}

// append adds an entry of this node. That of a take-over is the own entry from then on; a
// renewal is when it has been read.
func (n *Node) append(now time.Duration, kind Kind, epoch uint64) Action {
	e := Entry{Epoch: epoch, Kind: kind, Format: n.cfg.format(), Node: n.cfg.Name, Address: n.status.View.Self}
	switch {
	case kind == Released:
		e.For = n.next
	case n.phase != renewing:
		n.entry = e
	}
	return Action{Op: Append, Entry: e, Until: n.patience(now)}
}

func (n *Node) read(now time.Duration) Action {
	n.asked = now
	return Action{Op: Read, Until: n.patience(now)}
}

// patience is how long to wait for the answer to a request that is sent now.
func (n *Node) patience(now time.Duration) time.Duration {
	if n.owns() {
		return n.proven + n.cfg.Silence
	}
	return now + n.cfg.Silence
}

func (n *Node) wait(until time.Duration) Action {
	n.sleep = true
	return Action{Op: Wait, Until: until}
}

// HandedOver is the Status.Lost of a node that was asked to hand over, or that quits.
const HandedOver = "it has handed over"

// Status is what a node last saw and why it acts as it does.
type Status struct {
	View    View
	Blocked string   // why a standby must not take the router over
	Lost    string   // why the loops were last stopped
	Taken   Takeover // as which this node last claimed the router
}

// Status returns what the node last saw.
func (n *Node) Status() Status { return n.status }
