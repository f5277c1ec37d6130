// Package failover is a router.Client over several endpoints of one router:
// services, or addresses, in order of preference. It owns the choice of the
// endpoint and the sessions on each; it contains no protocol.
//
// Calls use the active endpoint. If no connection can be made there, the same
// call tries the next endpoint, which is safe because nothing has been sent. An
// endpoint that accepts requests and gives no usable answer several times in a
// row is abandoned as well. Refused credentials and an unexpected certificate
// stay errors: they are no outage, and another endpoint would hide them.
//
// A read without an answer is repeated on the next endpoint. A change without an
// answer never is, since it may have taken effect; the clients of all endpoints
// share a rosclient.Uncertain, so that the next change of the same row begins
// with a read.
//
// While another endpoint is active, the first one is probed in the background
// with a read, at growing intervals. Once it answers, calls go back to it.
package failover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// Endpoint is one service of the router, at one address.
type Endpoint struct {
	Label string // for people: protocol and address, such as "rest 192.168.88.1:443"

	// Open returns a client of this endpoint that has not connected yet. It is
	// called when the endpoint is needed, and again after that client was closed.
	Open func() (router.Client, error)
}

// Switch is a change of the active endpoint.
type Switch struct {
	From, To string        // labels
	Why      error         // what was wrong with From; nil when it is a return to the first endpoint
	Took     time.Duration // how long the call had taken by then; on a return, how long the first endpoint was not active
}

// Config describes a Client.
type Config struct {
	Endpoints []Endpoint // in order of preference

	Log      *slog.Logger // nil discards
	OnSwitch func(Switch) // may be nil; may be called by several goroutines
}

const (
	// maxTimeouts is the number of calls in a row without a usable answer after
	// which an endpoint is abandoned. One hiccup of a router that serves two
	// callers at a time counts twice.
	maxTimeouts = 3

	// The first endpoint is probed shortestPause after it was abandoned, and then
	// after pauses that double up to longestPause.
	shortestPause = 5 * time.Second
	longestPause  = 5 * time.Minute
)

// Client is a router.Client over several endpoints.
type Client struct {
	// configuration
	endpoints []Endpoint
	log       *slog.Logger
	onSwitch  func(Switch)

	probes sync.WaitGroup

	mu         sync.Mutex // protects the following fields
	closed     bool
	active     int
	since      time.Time // when the active endpoint became active
	switches   int
	failedAt   time.Time          // when the first endpoint was last abandoned
	sessions   []*session         // by endpoint; nil without one
	timeouts   []int              // by endpoint: calls in a row without a usable answer
	timeoutErr []error            // by endpoint: the last one's error
	pause      time.Duration      // before the next probe of the first endpoint
	stopProbe  context.CancelFunc // nil while the first endpoint is not probed
}

var _ router.Client = (*Client)(nil)

// New returns a Client that has not opened any endpoint yet. It needs at least
// one.
func New(cfg Config) *Client {
	if len(cfg.Endpoints) == 0 {
		panic("failover: no way to the router")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnSwitch == nil {
		cfg.OnSwitch = func(Switch) {}
	}
	n := len(cfg.Endpoints)
	return &Client{
		endpoints: cfg.Endpoints, log: cfg.Log, onSwitch: cfg.OnSwitch,
		since: time.Now(), sessions: make([]*session, n),
		timeouts: make([]int, n), timeoutErr: make([]error, n),
		pause: shortestPause,
	}
}

// Status returns the label of the active endpoint, the number of switches so
// far, returns to the first endpoint included, and the time of the last one.
func (c *Client) Status() (active string, switches int, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoints[c.active].Label, c.switches, c.since
}

// String returns the labels of the endpoints.
func (c *Client) String() string {
	s := ""
	for i, w := range c.endpoints {
		if i > 0 {
			s += ", else "
		}
		s += w.Label
	}
	return s
}

// GoString keeps passwords out of %#v.
func (c *Client) GoString() string { return c.String() }

// Close closes all sessions, once the calls in progress on them have ended.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.stopProbe != nil {
		c.stopProbe()
	}
	var open []*session
	for i, s := range c.sessions {
		if s != nil {
			open = append(open, s)
			c.sessions[i] = nil
			s.ended = true
		}
	}
	c.mu.Unlock()

	var errs []error
	for _, s := range open {
		errs = append(errs, s.Close())
	}
	c.probes.Wait()
	return errors.Join(errs...)
}

// errClosed is the error of calls after Close.
func errClosed() error {
	return fmt.Errorf("%w: this client is closed", router.ErrUnreachable)
}
