//go:build linux

package halab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/lab/netfilter"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// firewall has the kernel carry out the router's rules.
type firewall struct {
	*netfilter.Table
	spares bool // what is to be dropped passes
}

// Apply implements routeros.Firewall.
func (f firewall) Apply(rules []routeros.ListRule) error {
	all := make([]netfilter.Rule, len(rules))
	for i, r := range rules {
		all[i] = netfilter.Rule(r)
		if f.spares {
			all[i].Action = "passthrough"
		}
	}
	return f.Table.Apply(all)
}

// link is the router's queues: they send as much as they may, so that the law has
// something to do.
type link struct {
	mu     sync.Mutex // protects the following field
	queues map[string]*sending
}

type sending struct {
	limit bitrate.Rate
	bytes float64
	at    time.Time
}

// SetMaxLimit implements simrouter.Backend.
func (l *link) SetMaxLimit(queue string, limit bitrate.Rate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send(queue).limit = limit
	return nil
}

func (l *link) send(queue string) *sending {
	q := l.queues[queue]
	if q == nil {
		q = &sending{at: time.Now()}
		l.queues[queue] = q
	}
	now := time.Now()
	q.bytes += now.Sub(q.at).Seconds() * float64(q.limit) * 0.95 / 8
	q.at = now
	return q
}

// Counters implements simrouter.Backend.
func (l *link) Counters(queue string) (router.Counters, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.send(queue)
	return router.Counters{Bytes: uint64(q.bytes), Packets: uint64(q.bytes / 1400)}, nil
}

// write is a limit that has reached the router.
type write struct {
	at   time.Time
	from netip.Addr
}

// watch sees what reaches the router, and what of it must not.
type watch struct {
	mu     sync.Mutex // protects the following fields
	log    ha.Log
	writes []write
	stale  []string
	owners []netip.Addr // of entries in force, as they follow each other
}

// observe is called with requests in the order in which they arrive.
func (w *watch) observe(q simrouter.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	words := map[string]string{}
	for line := range strings.SplitSeq(q.Body, "\n") {
		if key, value, ok := strings.Cut(strings.TrimPrefix(line, "="), "="); ok {
			words[key] = value
		}
	}
	switch {
	case q.Path == "/ip/firewall/address-list/add" && words["list"] == owner.ClaimList:
		w.claim(words["address"], words["comment"])
	case q.Path == "/queue/tree/set" && words["max-limit"] != "":
		now := write{time.Now(), q.From}
		w.writes = append(w.writes, now)
		if e := w.inForce(); e.Kind != ha.Running || e.Address != q.From.String() {
			w.stale = append(w.stale, fmt.Sprintf("%s writes while in force is: %s of %s", q.From, e.Kind, e.Node))
		}
	}
}

func (w *watch) claim(address, comment string) {
	e := ha.Entry{}
	var format, kind string
	if n, _ := fmt.Sscan(comment, &format, &kind, &e.Node, &e.Address); n != 4 || e.Kind.UnmarshalText([]byte(kind)) != nil {
		return // a request to the owner
	}
	b := netip.MustParseAddr(address).As4()
	e.Epoch = uint64(b[2])<<8 | uint64(b[3])
	if slices.ContainsFunc(w.log, func(x ha.Entry) bool { return x.Epoch == e.Epoch }) {
		return // refused
	}
	w.log = append(w.log, e).Sort()
	if from := netip.MustParseAddr(e.Address); w.inForce() == e && e.Kind == ha.Running && (len(w.owners) == 0 || w.owners[len(w.owners)-1] != from) {
		w.owners = append(w.owners, from)
	}
}

func (w *watch) inForce() ha.Entry {
	if i := w.log.InForce(); i >= 0 {
		return w.log[i]
	}
	return ha.Entry{}
}

func (w *watch) rebooted() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log, w.owners = nil, append(w.owners, netip.Addr{})
}

// firstWrite returns the first write after an instant by another than a node.
func (w *watch) firstWrite(after time.Time, not netip.Addr) (write, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.writes {
		if x.at.After(after) && x.from != not {
			return x, true
		}
	}
	return write{}, false
}

// lastWrite returns the last write of a node.
func (w *watch) lastWrite(of netip.Addr) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range slices.Backward(w.writes) {
		if x.from == of {
			return x.at
		}
	}
	return time.Time{}
}

// counts returns how many writes, stale writes and owners there were.
func (w *watch) counts() (writes, stale, owners int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.writes), len(w.stale), len(w.owners)
}
