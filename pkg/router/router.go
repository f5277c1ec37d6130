// Package router defines Client, the interface to a MikroTik router, and its
// types: queues and their limits, counters, rules, address lists and system
// information. It contains no protocol: packages rest, api and ssh below it
// implement Client, and package failover combines several.
//
// Queues are identified by name, never by id: ids change over reboots and imports,
// and names change hands. A limit is written only to a queue that had its name when
// it was last read on the present session. The write itself names the queue where
// that is safe: over REST in the path and over the binary API as numbers=NAME, if
// the name is plain; over SSH the script compares it. Otherwise, and with a router
// that does not find rows by name, the write follows a read and goes by id; the name
// in its answer is checked before anything else is written, and a limit that reached
// another queue is put back. Names are compared exactly, by the client.
package router

import (
	"context"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Client is a connection to one router. It connects on first use and reconnects
// after a connection was lost. Implementations are safe for concurrent use and
// serialise their requests: RouterOS answers them one after the other anyway.
// Every call ends by the deadline of ctx or by the client's own timeout,
// whichever is earlier. Errors are classified by the sentinels of this package.
type Client interface {
	// Info reads identity, version, board and load.
	Info(ctx context.Context) (Info, error)

	// Queues lists the queue tree in the router's order.
	Queues(ctx context.Context) ([]Queue, error)

	// Queue reads the one queue of that exact name.
	// ErrNotFound when there is none, ErrAmbiguous when there are several.
	Queue(ctx context.Context, name string) (Queue, error)

	// SetQueues changes queues by their exact names, in one round trip where
	// the protocol allows it, and returns them as the router reports them
	// afterwards, in the order of changes. A result that differs from what was
	// asked is ErrNotApplied. It writes even when nothing would change; a caller
	// that wants to spare the router's flash compares first.
	//
	// With an error, the queues that were changed and confirmed are in the
	// result all the same; those that were not have no name there. ErrorOf finds
	// the error of one queue.
	SetQueues(ctx context.Context, changes ...QueueChange) ([]Queue, error)

	// Counters reads the counters of several queues in as few round trips as
	// the protocol allows, in the order of names.
	Counters(ctx context.Context, names ...string) ([]Counters, error)

	// SimpleQueues lists the simple queues in the router's order, which is the order
	// in which packets meet them.
	SimpleQueues(ctx context.Context) ([]SimpleQueue, error)

	// SimpleQueue reads the one simple queue of that exact name.
	// ErrNotFound when there is none, ErrAmbiguous when there are several.
	SimpleQueue(ctx context.Context, name string) (SimpleQueue, error)

	// SetSimpleQueue changes the one simple queue of that exact name in one write,
	// and returns it as the router reports it afterwards. Where only one side is
	// given, the other keeps the value it had when it was last read, at most a
	// second ago. For the rest it is like SetQueues.
	SetSimpleQueue(ctx context.Context, name string, set SimpleSettings) (SimpleQueue, error)

	// SimpleCounters reads the counters of one simple queue.
	SimpleCounters(ctx context.Context, name string) ([2]Counters, error)

	// Interfaces lists the interfaces.
	Interfaces(ctx context.Context) ([]Interface, error)

	// QueueTypes lists the queue types.
	QueueTypes(ctx context.Context) ([]QueueType, error)

	// Rules lists the mangle rules in the router's order.
	Rules(ctx context.Context) ([]Rule, error)

	// Rule reads the one mangle rule of that exact comment.
	// ErrNotFound when there is none, ErrAmbiguous when there are several.
	Rule(ctx context.Context, comment string) (Rule, error)

	// SetRule enables or disables the one mangle rule of that exact comment,
	// and returns it as the router reports it afterwards. A dynamic rule is
	// ErrDynamic, a rule that does not change ErrNotApplied.
	SetRule(ctx context.Context, comment string, enabled bool) (Rule, error)

	// Addresses lists the entries of an address list, or of all for "".
	Addresses(ctx context.Context, list string) ([]Address, error)

	// AddAddress adds an entry. When the router has one for that list and
	// address, it returns that one and ErrExists.
	AddAddress(ctx context.Context, a Address) (Address, error)

	// RemoveAddress removes the entry of that list and address.
	// ErrNotFound when there is none.
	RemoveAddress(ctx context.Context, list, address string) error

	// Scripts lists the scripts, without their sources.
	Scripts(ctx context.Context) ([]Script, error)

	// RunScript runs the one script of that exact name and waits for its end.
	// What it prints is lost; its error is ErrInvalid with the router's text.
	// It is never repeated when its outcome is unknown.
	RunScript(ctx context.Context, name string) error

	// Routes lists the IPv4 routes.
	Routes(ctx context.Context) ([]Route, error)

	// DefaultRoutes lists the IPv4 default routes only: a router that speaks BGP has
	// too many others.
	DefaultRoutes(ctx context.Context) ([]Route, error)

	// Rows lists a menu, such as "/queue/type", as the router prints it: property to
	// value, for comparisons with what somebody else wrote.
	Rows(ctx context.Context, menu string) ([]map[string]string, error)

	// Close ends the session. The Client is not used afterwards.
	Close() error
}

// Queue is one row of /queue/tree.
type Queue struct {
	Name     string
	Parent   string
	Type     string       // the queue type, such as "cake-down-spectrum"
	MaxLimit bitrate.Rate // 0: unlimited
	LimitAt  bitrate.Rate
	Comment  string
	Disabled bool
	Invalid  bool // parent or queue type vanished
	Counters Counters

	BurstLimit bitrate.Rate
	BurstTime  time.Duration // 0: no bursts
}

// Overrides returns what keeps limits of the queue from lowest to highest, 0 for none,
// from being what holds, one sentence each. Of stands behind a limit in them, such as
// " for A". above are the queues that the queue hangs under, the nearest first.
func (q Queue) Overrides(of string, lowest, highest bitrate.Rate, above ...Queue) (all []string) {
	for _, p := range above {
		if p.MaxLimit != 0 && !p.Disabled && (highest == 0 || p.MaxLimit < highest) {
			all = append(all, fmt.Sprintf("its parent %q has the lower limit %s%s, which holds", p.Name, p.MaxLimit, of))
		}
	}
	if q.LimitAt > lowest {
		all = append(all, fmt.Sprintf("limit-at=%s: no lower limit can be set%s", q.LimitAt, of))
	}
	if q.BurstLimit > lowest && q.BurstTime > 0 {
		all = append(all, fmt.Sprintf("burst-limit=%s: lower limits%s can be exceeded for a while", q.BurstLimit, of))
	}
	return all
}

// Counters of one queue since the router booted or somebody reset them.
type Counters struct {
	Bytes         uint64
	Packets       uint64
	Dropped       uint64 // packets
	QueuedBytes   uint64 // backlog now
	QueuedPackets uint64
	Rate          bitrate.Rate // the router's own average
}

// QueueSettings is a change to one queue; nil fields stay as they are.
type QueueSettings struct {
	MaxLimit *bitrate.Rate
	Type     *string
}

// QueueChange is new settings for the one queue of that exact name.
type QueueChange struct {
	Name string
	QueueSettings
}

// QueueType is one row of /queue/type. Params holds the fields of its kind
// under RouterOS's names, for example "cake-rtt".
type QueueType struct {
	Name    string
	Kind    string
	Default bool
	Params  map[string]string
}

// Rule is one row of /ip/firewall/mangle. Its comment is what identifies it to
// wanctl, though RouterOS allows several rules to have the same.
type Rule struct {
	Comment  string
	Chain    string
	Action   string
	Disabled bool
	Dynamic  bool // made by the router itself; cannot be changed
	Invalid  bool
	Bytes    uint64
	Packets  uint64
	Params   map[string]string // matchers and arguments under RouterOS's names, such as "new-routing-mark"
}

// Address is one row of /ip/firewall/address-list.
type Address struct {
	List     string
	Address  string // address, prefix, range or host name, as RouterOS writes it
	Comment  string
	Timeout  time.Duration // what is left of it; 0: stays, also over a reboot
	Created  string        // as the router writes times
	Disabled bool
	Dynamic  bool // with a timeout, or resolved from a host name
}

// Script is one row of /system/script.
type Script struct {
	Name        string
	Owner       string
	Comment     string
	Policies    []string
	RunCount    uint64
	LastStarted string // as the router writes times; "" never
	Invalid     bool
}

// Route is one row of /ip/route.
type Route struct {
	Destination string // prefix
	Gateway     string // address or interface
	Interface   string // by which the gateway is reached; "" when not reported
	Table       string
	Distance    int
	Comment     string
	Active      bool
	Dynamic     bool
	Disabled    bool
	Blackhole   bool
}

// Info is the system information of a router.
type Info struct {
	Identity    string
	Version     string // "7.22.1 (stable)"
	Board       string
	Arch        string
	Uptime      time.Duration
	CPULoad     int // percent
	CPUCount    int
	FreeMemory  uint64 // bytes
	TotalMemory uint64 // bytes
	WriteSects  uint64 // flash sectors written since reboot; 0 where not reported
}
