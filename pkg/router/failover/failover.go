// Package failover keeps a router within reach over several endpoints: services of
// one router, or addresses of it, in the order in which they are preferred.
//
// Calls go over the active endpoint. When no connection can be made there, the next
// endpoint is tried within the same call, which is safe because nothing has left. A
// endpoint that takes requests and gives no usable answer several times in a row is
// left as well. What is no outage is not answered by going elsewhere: refused
// credentials and a certificate that is not the expected one stay errors, since
// another endpoint would hide them.
//
// A read without an answer is repeated on the next endpoint. A change without one is
// not: it may have taken effect. The next change of the same queues on another
// session begins with a read instead, and leaves out what is as wanted.
//
// Away from the first endpoint, that one is asked in the background, less and less
// often, with a read. Once it answers, calls go back to it.
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

// Endpoint is one endpoint to the router.
type Endpoint struct {
	Label string // for people: protocol and address, such as "rest 192.168.88.1:443"

	// Open makes the client of this endpoint, which connects when first used. It is
	// called when the endpoint is needed, and again after the client was closed.
	Open func() (router.Client, error)
}

// Switch is a change of the active endpoint.
type Switch struct {
	From, To string        // labels
	Why      error         // what was wrong with From; nil on the endpoint back to the first
	Took     time.Duration // what the call that found out had lost by then; on the endpoint back, how long the first was away
}

// Config describes a Client.
type Config struct {
	Endpoints []Endpoint // in order of preference

	Log      *slog.Logger // nil discards
	OnSwitch func(Switch) // nil: nobody listens. May be called by several goroutines
}

const (
	// maxTimeouts is how many calls in a row a endpoint may leave without a usable
	// answer. One hiccup of a router that serves two callers at a time counts
	// twice.
	maxTimeouts = 3

	// The first endpoint is asked again this long after it was left, twice as long
	// after that, and so on.
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

	mu         sync.Mutex // protects what follows
	closed     bool
	active     int
	since      time.Time // when active became so
	switches   int
	failedAt   time.Time          // when the first endpoint was left last
	sessions   []*session         // by endpoint, nil where there is none
	timeouts   []int              // by endpoint: calls in a row without a usable answer
	timeoutErr []error            // by endpoint: the last one's error
	pause      time.Duration      // before the first endpoint is asked the next time
	stopProbe  context.CancelFunc // nil while nobody asks the first endpoint
}

var _ router.Client = (*Client)(nil)

// New returns a Client that has not opened any endpoint yet. With a single endpoint there
// is nothing to fall back to: use its client itself.
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

// Status tells the label of the active endpoint, how many switches there have been,
// those back to the first endpoint included, and since when the endpoint is active.
func (c *Client) Status() (active string, switches int, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoints[c.active].Label, c.switches, c.since
}

// String names the endpoints, and nothing else.
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

// GoString keeps %#v as discreet as %v.
func (c *Client) GoString() string { return c.String() }

// Close ends all sessions, after the calls in progress.
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

// errClosed is what calls after Close get.
func errClosed() error {
	return fmt.Errorf("%w: this client is closed", router.ErrUnreachable)
}
