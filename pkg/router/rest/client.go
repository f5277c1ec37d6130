// Package rest talks to RouterOS over its REST interface (RouterOS 7.1 over
// https, 7.9 over http), on one kept-alive connection: a router answers requests
// one after the other, and a TLS handshake costs it more than a hundred of them.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ros"
)

// Client is a router.Client over REST. It connects when first used, and again
// by itself after a connection is lost.
type Client struct {
	// configuration
	cfg  Config
	base string // "https://host:port/rest"
	tls  *tls.Config

	// turn is held by the call in progress and protects what follows.
	turn chan struct{}

	session *session
	closed  bool

	// ids of queues by name, valid on the session they were read on: a router
	// may number its rows anew when it restarts, and a stale id can then mean
	// another queue.
	ids   map[string]string
	idsOf *session

	doubtful map[string]bool // queues with a write whose outcome is unknown
	wide     bool            // the queue tree is long: ask for single queues
	noQuery  bool            // this version cannot be asked for single queues
	barred   time.Time       // no attempt before this: the credentials were refused
}

var _ router.Client = (*Client)(nil)

// New checks cfg and returns a Client that has not connected yet: a router that
// is down is an error of the first call, not of New.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	scheme := "https"
	if cfg.Plain {
		scheme = "http"
	}
	return &Client{
		cfg: cfg, base: scheme + "://" + cfg.addr() + "/rest", tls: cfg.tls(),
		turn: make(chan struct{}, 1), doubtful: make(map[string]bool),
	}, nil
}

// String names the router and the user, and nothing else.
func (c *Client) String() string { return c.cfg.User + "@" + c.base }

// GoString keeps %#v as discreet as %v.
func (c *Client) GoString() string { return c.String() }

// Close ends the session, after the call in progress.
func (c *Client) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.closed = true
	return c.hangUp()
}

func (c *Client) hangUp() error {
	s := c.session
	if s == nil {
		return nil
	}
	c.session = nil
	return s.close()
}

type startKey struct{}

// begin starts a call: it waits for its turn and bounds the time of everything
// the call does. The caller must call end.
func (c *Client) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, startKey{}, time.Now()), c.cfg.Timeout)
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		cancel()
		e := c.fail(router.ErrOutcomeUnknown, "gave up waiting for an earlier request", "")
		e.cause = ctx.Err()
		return nil, nil, e
	}
	end = func() {
		<-c.turn
		cancel()
	}
	if c.closed {
		end()
		return nil, nil, c.fail(router.ErrUnreachable, "this client is closed", "")
	}
	if wait := c.barred.Sub(c.cfg.Now()); wait > 0 {
		end()
		return nil, nil, c.fail(router.ErrAuth, "user or password refused for "+ros.Quote(c.cfg.User),
			fmt.Sprintf("not trying again for %s, so that the router does not take this for an attack", wait.Round(time.Second)))
	}
	return ctx, end, nil
}

// connected makes sure there is a session on which a request can go out.
func (c *Client) connected(ctx context.Context) error {
	if c.session != nil && c.session.usable() {
		return nil
	}
	_ = c.hangUp()
	s, err := dial(ctx, c.cfg.addr(), c.tls)
	if err != nil {
		return c.broken(ctx, err)
	}
	c.session = s
	return nil
}

// answer is a decoded reply.
type answer struct {
	rows   []ros.Row
	single bool // an object rather than an array
}

// ask reads something. When the connection turns out to have died, it asks
// once more on a new one.
func (c *Client) ask(ctx context.Context, method, path string, body any) (answer, error) {
	if err := c.connected(ctx); err != nil {
		return answer{}, err
	}
	served := c.session.served
	a, err := c.send(ctx, method, path, body)
	if served > 0 && died(err) {
		if err := c.connected(ctx); err != nil {
			return answer{}, err
		}
		a, err = c.send(ctx, method, path, body)
	}
	return a, c.worded(ctx, err)
}

// died reports whether the connection ended under a request, as opposed to
// time running out on it.
func died(err error) bool {
	var at *phaseError
	return errors.As(err, &at) && !errors.Is(err, errTooLarge) &&
		!errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// tell changes something: one attempt, on the session at hand.
func (c *Client) tell(ctx context.Context, method, path string, body any) (answer, error) {
	a, err := c.send(ctx, method, path, body)
	return a, c.worded(ctx, err)
}

func (c *Client) worded(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return c.broken(ctx, err)
}

// send makes one exchange on the session. Failures of the connection are
// *phaseError, and the session is gone; everything else is worded already.
func (c *Client) send(ctx context.Context, method, path string, body any) (answer, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return answer{}, fmt.Errorf("encoding request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return answer{}, fmt.Errorf("making request: %w", err)
	}
	req.SetBasicAuth(c.cfg.User, c.cfg.Password())
	req.Header.Set("User-Agent", "wanctl")
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, reply, err := c.session.exchange(ctx, req)
	if err != nil {
		_ = c.hangUp()
		return answer{}, err
	}
	if resp.Close {
		_ = c.hangUp()
	}
	return c.understand(resp.StatusCode, reply)
}

func (c *Client) understand(status int, reply []byte) (answer, error) {
	rows, single, err := decode(reply)
	if status < 200 || status > 299 {
		var body ros.Row
		if err == nil && single {
			body = rows[0]
		}
		refusal := c.refusal(status, body, err)
		if errors.Is(refusal, router.ErrAuth) {
			c.barred = c.cfg.Now().Add(c.cfg.AuthBackoff)
			_ = c.hangUp()
		}
		return answer{}, refusal
	}
	if err != nil {
		return answer{}, c.nonsense(err)
	}
	return answer{rows: rows, single: single}, nil
}

// get lists a menu, restricted to the properties named.
func (c *Client) get(ctx context.Context, menu string, props ...string) (answer, error) {
	path := menu
	if len(props) > 0 {
		path += "?.proplist=" + strings.Join(props, ",")
	}
	return c.ask(ctx, http.MethodGet, path, nil)
}

// Info reads /system/resource and /system/identity.
func (c *Client) Info(ctx context.Context) (router.Info, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return router.Info{}, err
	}
	defer end()
	resource, err := c.singleton(ctx, "/system/resource")
	if err != nil {
		return router.Info{}, err
	}
	identity, err := c.singleton(ctx, "/system/identity")
	if err != nil {
		return router.Info{}, err
	}
	info, err := ros.Info(resource, identity)
	if err != nil {
		return router.Info{}, c.nonsense(err)
	}
	return info, nil
}

// singleton reads a menu of one row. Old versions put it into an array.
func (c *Client) singleton(ctx context.Context, menu string) (ros.Row, error) {
	a, err := c.get(ctx, menu)
	if err != nil {
		return nil, err
	}
	if len(a.rows) != 1 {
		return nil, c.nonsense(fmt.Errorf("answer for %s has %d rows", menu, len(a.rows)))
	}
	return a.rows[0], nil
}

// QueueTypes lists /queue/type.
func (c *Client) QueueTypes(ctx context.Context) ([]router.QueueType, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	a, err := c.get(ctx, "/queue/type")
	if err != nil {
		return nil, err
	}
	types := make([]router.QueueType, len(a.rows))
	for i, r := range a.rows {
		if types[i], err = ros.QueueType(r); err != nil {
			return nil, c.nonsense(err)
		}
	}
	return types, nil
}
