package router

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// RouterOS writes two-way values of a simple queue as A/B. These are their indices.
const (
	SideA = 0 // what the target sends: the upload, seen from the target
	SideB = 1 // what the target receives
)

// SimpleQueue is one row of /queue/simple. Values of both sides are by SideA and
// SideB.
type SimpleQueue struct {
	Name           string
	Target         []string // addresses, prefixes and interfaces
	Parent         string   // another simple queue, whose limit holds as well; "" none
	Type           [2]string
	MaxLimit       [2]bitrate.Rate // 0: unlimited
	LimitAt        [2]bitrate.Rate
	BurstLimit     [2]bitrate.Rate // 0: no bursts above MaxLimit
	BurstThreshold [2]bitrate.Rate
	BurstTime      [2]time.Duration
	TotalMaxLimit  bitrate.Rate // of both sides together; 0: unlimited
	PacketMarks    string
	Comment        string
	Disabled       bool
	Invalid        bool // target, parent or queue type vanished
	Dynamic        bool // made by the router itself; cannot be changed
	Counters       [2]Counters
}

// SimpleSettings is a change to one simple queue; nil sides stay as they are.
type SimpleSettings struct {
	MaxLimit [2]*bitrate.Rate
	Type     [2]*string
}

// Interface is one row of /interface.
type Interface struct {
	Name     string
	Type     string // "ether", "bridge", "vlan", "pppoe-out"
	Disabled bool
	Running  bool
	Received uint64 // bytes since the router booted
	Sent     uint64
}

// DownloadSide returns the side of a simple queue that is the download of the line,
// and why. It is an error if the target does not tell.
//
// What the target sends is the line's upload if the target is the LAN, and its
// download if the target is the port to the provider: an interface of an active
// default route.
func (q SimpleQueue) DownloadSide(routes []Route, interfaces []Interface) (side int, why string, err error) {
	var lan, wan []string
	for _, t := range q.Target {
		switch {
		case slices.ContainsFunc(routes, func(r Route) bool { return r.Default() && r.Active && !r.Disabled && r.Interface == t }):
			wan = append(wan, t)
		case isPrivate(t), slices.ContainsFunc(interfaces, func(i Interface) bool { return i.Name == t && i.Type == "bridge" }):
			lan = append(lan, t)
		}
	}
	targets := strings.Join(q.Target, ",")
	switch n := len(q.Target); {
	case n > 0 && len(wan) == n:
		return SideA, "target " + targets + " is the interface of a default route, and what it sends comes from the Internet", nil
	case n > 0 && len(lan) == n:
		return SideB, "target " + targets + " is a LAN, and what it receives comes from the Internet", nil
	}
	return 0, "", fmt.Errorf("simple queue %q: its target %s is neither an interface of a default route nor clearly a LAN, so it does not tell which number of max-limit is the download", q.Name, targets)
}

// Side returns one side of a simple queue as a queue.
func (q SimpleQueue) Side(side int) Queue {
	return Queue{
		Name: q.Name, Parent: q.Parent, Type: q.Type[side], MaxLimit: q.MaxLimit[side], LimitAt: q.LimitAt[side],
		BurstLimit: q.BurstLimit[side], BurstTime: q.BurstTime[side],
		Comment: q.Comment, Disabled: q.Disabled, Invalid: q.Invalid, Counters: q.Counters[side],
	}
}

// Overrides returns what keeps the queue's own limits from being what holds, one
// sentence each. parent is the queue above, nil where it is not known.
func (q SimpleQueue) Overrides(parent *SimpleQueue) []string {
	var all []string
	for side, name := range []string{"A", "B"} {
		var above []Queue
		if parent != nil {
			above = []Queue{parent.Side(side)}
		}
		all = append(all, q.Side(side).Overrides(" for "+name, 0, q.MaxLimit[side], above...)...)
	}
	return append(all, q.TotalOverrides(q.MaxLimit)...)
}

// TotalOverrides returns whether the limit of both sides together keeps limits up to
// highest from being what holds, in a sentence.
func (q SimpleQueue) TotalOverrides(highest [2]bitrate.Rate) []string {
	if total := q.TotalMaxLimit; total != 0 && (highest[0] == 0 || highest[1] == 0 || total < highest[0]+highest[1]) {
		return []string{fmt.Sprintf("total-max-limit=%s holds for both sides together", total)}
	}
	return nil
}

// Default reports whether the route is a default route.
func (r Route) Default() bool { return r.Destination == "0.0.0.0/0" || r.Destination == "::/0" }

// isPrivate reports whether a target is an address or a prefix for private use.
func isPrivate(target string) bool {
	p, err := netip.ParsePrefix(target)
	if err != nil {
		a, err := netip.ParseAddr(target)
		if err != nil {
			return false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	for _, private := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} {
		if all := netip.MustParsePrefix(private); all.Contains(p.Addr()) && p.Bits() >= all.Bits() {
			return true
		}
	}
	return false
}
