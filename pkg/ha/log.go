package ha

import (
	"cmp"
	"slices"
	"time"
)

// Format is the number of the format that this program writes and understands.
const Format = 1

// Kind says what an entry of the log means.
type Kind uint8

// The kinds.
const (
	Claimed  Kind = iota + 1 // its node is about to own the router
	Running                  // its node owns the router: all before it are fenced
	Released                 // its node owned the router and has ended its sessions
)

func (k Kind) String() string { return kindNames[k] }

// ParseKind returns the kind that an entry names; not ok: this program does not understand it.
func ParseKind(text string) (k Kind, ok bool) {
	err := k.UnmarshalText([]byte(text))
	return k, err == nil && k != 0
}

// Entry is an entry of the log. A node is identified by its address, which is what the
// router can fence; its name is for people.
type Entry struct {
	Epoch   uint64 `json:"epoch"` // from 1; each exists once
	Kind    Kind   `json:"kind"`  // unknown to this program if Format is newer
	Format  int    `json:"format"`
	Node    string `json:"node"`
	Address string `json:"address"`       // of the node, as the router sees it
	For     string `json:"for,omitempty"` // Released: the node that is to follow; "" any
}

// Log is the entries of a log by epoch.
type Log []Entry

// Sort orders the entries by epoch. Of several with the same epoch the first counts,
// in the order that the log's keeper has for all nodes.
func (l Log) Sort() Log {
	slices.SortStableFunc(l, func(a, b Entry) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return slices.CompactFunc(l, func(a, b Entry) bool { return a.Epoch == b.Epoch })
}

// Latest returns the entry with the highest epoch; the zero Entry if there is none.
func (l Log) Latest() Entry {
	if len(l) == 0 {
		return Entry{}
	}
	return l[len(l)-1]
}

// InForce returns the index of the latest entry Running or Released that is in force; -1
// if there is none.
func (l Log) InForce() int {
	for i := len(l) - 1; i > 0; i-- {
		e, before := l[i], l[i-1]
		if (e.Kind == Running || e.Kind == Released) && before.Epoch+1 == e.Epoch && before.Address == e.Address {
			return i
		}
	}
	return -1
}

// Owner returns the entry of the node that owns the router: only its sessions may be used.
// It is the zero Entry if there is none, as while a claim has not come into force.
func (l Log) Owner() Entry {
	if i := l.InForce(); i >= 0 && i == len(l)-1 && l[i].Kind == Running {
		return l[i]
	}
	return Entry{}
}

// free reports whether the router has no owner who would have to fall silent first.
func (l Log) free() bool {
	return len(l) == 0 || l.InForce() == len(l)-1 && l.Latest().Kind == Released
}

// unfenced returns the addresses of other nodes that may have sessions from before the
// latest entry.
func (v *View) unfenced(self string) []string {
	addresses := v.Log.unfenced(self)
	for _, address := range v.Marked {
		if address != self && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// unfenced returns the addresses other than self of nodes that may have sessions from before
// the latest entry, by the log.
func (l Log) unfenced(self string) (addresses []string) {
	from := l.InForce()
	if from >= 0 && l[from].Kind == Released {
		from++
	}
	for _, e := range l[max(from, 0):] {
		if e.Address != self && !slices.Contains(addresses, e.Address) {
			addresses = append(addresses, e.Address)
		}
	}
	return addresses
}

// View is what a read of the log has shown.
type View struct {
	Log  Log    `json:"log"`
	Self string `json:"self"` // the address of this node, as the router sees it
	// Beats changes when the router receives packets of a node that has marked its
	// address: the owner's sign of life.
	Beats uint64 `json:"beats"`
	// Guarded says that the rules are there which count these packets and which
	// drop those of fenced nodes.
	Guarded bool `json:"guarded"`
	// Ask is a request to the owner.
	Ask Ask `json:"ask,omitzero"`

	// Where the log is not on the router, it may be lost while sessions go on:

	// Lease is the owner's sign of life that the log's keeper knows of.
	Lease Lease `json:"lease,omitempty"`
	// Marked is the addresses that are marked on the router.
	Marked []string `json:"marked,omitempty"`
	// Base is an epoch after which the first entry of an empty log may be.
	Base uint64 `json:"base,omitempty"`
}

// Lease is the state of the lease that the owner's claim is tied to.
type Lease uint8

// The states.
const (
	NoLease    Lease = iota // there is none: silence is the sign
	LeaseHeld               // the owner has renewed it
	LeaseEnded              // the owner has stopped or is gone: nobody waits for silence
)

// alive reports whether the owner has given a sign of life since the counter was beats.
func (v *View) alive(beats uint64) bool { return v.Lease == LeaseHeld || v.Beats != beats }

// Remembered reports whether who claims the router next will know of the node with an address: by
// the log, or where that can be lost by its mark. Only then it may use a session.
func (v *View) Remembered(address string) bool {
	return v.Lease == NoLease || slices.Contains(v.Marked, address)
}

// foreign returns an address that is marked on the router, and whose node the log does not
// know; "" there is none.
func (v *View) foreign() string {
	for _, address := range v.Marked {
		if address != v.Self && !slices.ContainsFunc(v.Log, func(e Entry) bool { return e.Address == address }) {
			return address
		}
	}
	return ""
}

// Ask is a request to the owner to hand over. The zero Ask is none.
type Ask struct {
	From string `json:"from,omitempty"` // the node that is to hand over; "" whichever owns the router
	To   string `json:"to,omitempty"`   // the node that is to follow; "" any
}

// Config of a Node.
type Config struct {
	Name     string        `json:"name"`
	Order    []string      `json:"order,omitempty"`       // names of nodes: who is to claim a free router first
	Silence  time.Duration `json:"silence_ns"`            // without a sign of life or an answer
	Poll     time.Duration `json:"poll_ns"`               // between two reads of the log
	Format   int           `json:"format,omitempty"`      // of its entries, and the newest that it understands; 0: the constant
	Failback time.Duration `json:"failback_ns,omitempty"` // after so long, a node asks one that is behind it in Order to hand over; 0: never
}

func (c *Config) format() int { return cmp.Or(c.Format, Format) }

// rank returns the position of a node in Order.
func (c *Config) rank(name string) int {
	if i := slices.Index(c.Order, name); i >= 0 {
		return i
	}
	return len(c.Order)
}
