// Package router describes a MikroTik router in wanctl's words: queues and
// their limits, counters, and what the router says of itself. It knows no
// protocol; the packages below it (rest, ...) implement Client, and simrouter
// is a RouterOS to test them against.
//
// Queues are named, never numbered: RouterOS ids change over reboots and
// imports, so an implementation may cache them but resolves them again when
// the router no longer knows them. Names are compared exactly, on our side.
package router

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Client talks to one router. It connects when first used, and again by itself
// after a connection is lost. Implementations are safe for concurrent use and
// serialise their requests: RouterOS answers them one after the other anyway.
// Every call ends by ctx's deadline or the client's own timeout, whichever is
// earlier. Errors are classified by the sentinels of this package.
type Client interface {
	// Info reads identity, version, board and load.
	Info(ctx context.Context) (Info, error)

	// Queues lists the queue tree in the router's order.
	Queues(ctx context.Context) ([]Queue, error)

	// Queue reads the one queue of that exact name.
	// ErrNotFound when there is none, ErrAmbiguous when there are several.
	Queue(ctx context.Context, name string) (Queue, error)

	// SetQueue changes the one queue of that exact name and returns it as the
	// router reports it afterwards. A result that differs from what was asked
	// is ErrNotApplied. It writes even when nothing would change; a caller that
	// wants to spare the router's flash compares first.
	SetQueue(ctx context.Context, name string, set QueueSettings) (Queue, error)

	// Counters reads the counters of several queues in as few round trips as
	// the protocol allows, in the order of names.
	Counters(ctx context.Context, names ...string) ([]Counters, error)

	// QueueTypes lists the queue types.
	QueueTypes(ctx context.Context) ([]QueueType, error)

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

// QueueType is one row of /queue/type. Params holds the fields of its kind
// under RouterOS's names, for example "cake-rtt".
type QueueType struct {
	Name    string
	Kind    string
	Default bool
	Params  map[string]string
}

// Info is what a router says of itself.
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
