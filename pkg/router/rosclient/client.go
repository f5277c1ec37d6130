// Package rosclient implements router.Client over any protocol that can print and
// change rows of RouterOS's menus (Transport). It owns the rules that hold for
// every protocol: names are compared exactly and by the client, a row is changed
// only if it had its name when it was last read on this session, a change of
// unknown outcome is read back before it is repeated, and refused credentials are
// not tried again for a while. It never touches a connection itself.
package rosclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Config is the configuration of a Client. The defaults are for zero fields.
type Config struct {
	Transport   Transport
	User        string           // for errors
	Timeout     time.Duration    // of one call with all its requests; default rosconn.DefaultTimeout
	AuthBackoff time.Duration    // pause after refused credentials; default 60 s
	Now         func() time.Time // default time.Now
}

// Client is a router.Client over a Transport.
type Client struct {
	// configuration
	cfg       Config
	transport Transport
	target    *rosconn.Target

	// turn is held by the call in progress and protects the following fields.
	turn chan struct{}

	closed      bool
	authRetryAt time.Time // after refused credentials; zero: at once
	loginAt     time.Time // of the present session
	denied      bool      // on the present session: the user lacked a policy
	renewedAt   time.Time // when a change after a denial last made a new session

	serial int                               // of the present session
	seen   map[string]map[string]rosdata.Row // by menu and name, read on session serial
	fresh  map[string]bool                   // menus that the call in progress has listed
	readAt map[string]time.Time              // when rows of a menu were last read
	noName bool                              // this router does not change rows by name

	redial    *Redial         // nil: every call may connect
	uncertain *Uncertain      // rows with a change of unknown outcome
	long      map[string]bool // menus with so many rows that single ones are queried
	noQuery   bool            // this router does not support queries
	noIPv6    bool            // on this session: there are no menus for IPv6
}

var _ router.Client = (*Client)(nil)

// New returns a Client that has not connected yet: a router that is down is an
// error of the first call.
func New(cfg Config) *Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = rosconn.DefaultTimeout
	}
	if cfg.AuthBackoff <= 0 {
		cfg.AuthBackoff = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{
		cfg: cfg, transport: cfg.Transport, target: cfg.Transport.Target(),
		turn: make(chan struct{}, 1), seen: make(map[string]map[string]rosdata.Row), fresh: make(map[string]bool), readAt: make(map[string]time.Time),
		uncertain: new(Uncertain), long: make(map[string]bool),
	}
}

// String returns the user, the protocol and the address.
func (c *Client) String() string { return c.transport.String() }

// GoString keeps passwords out of %#v.
func (c *Client) GoString() string { return c.String() }

// Close ends the session, once the call in progress has ended.
func (c *Client) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.closed = true
	return c.transport.Close()
}

// begin starts a call: it waits for its turn and returns a context with the
// timeout of the call. The caller must call end.
func (c *Client) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	ctx, cancel := context.WithTimeout(rosconn.Started(ctx, time.Now()), c.cfg.Timeout)
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		cancel()
		e := c.target.Fail(router.ErrOutcomeUnknown, "gave up waiting for an earlier request", "")
		e.Cause = ctx.Err()
		return nil, nil, e
	}
	end = func() {
		<-c.turn
		cancel()
	}
	if c.closed {
		end()
		return nil, nil, c.target.Fail(router.ErrUnreachable, "this client is closed", "")
	}
	if wait := c.authRetryAt.Sub(c.cfg.Now()); wait > 0 {
		end()
		return nil, nil, c.target.Fail(router.ErrAuth, "user or password refused for "+rosdata.Quote(c.cfg.User),
			fmt.Sprintf("not trying again for %s, so that the router does not take this for an attack", wait.Round(time.Second)))
	}
	clear(c.fresh)
	if c.denied && c.cfg.Now().Sub(c.loginAt) >= c.cfg.AuthBackoff {
		_ = c.transport.Close() // see beginChange
	}
	return ctx, end, nil
}

// policyAge is the age of a session from which on its policies may be outdated:
// nobody changes a group faster.
const policyAge = time.Second / 2

// beginChange is begin for a call that changes something. A user keeps the policies
// of the login when the group is changed. After a denial, a change therefore begins
// with a new login, at most once in AuthBackoff, and any call does so on a session
// older than that.
func (c *Client) beginChange(ctx context.Context) (context.Context, func(), error) {
	ctx, end, err := c.begin(ctx)
	now := c.cfg.Now()
	if err == nil && c.denied && now.Sub(c.loginAt) >= policyAge && now.Sub(c.renewedAt) >= c.cfg.AuthBackoff {
		c.renewedAt = now
		_ = c.transport.Close()
	}
	return ctx, end, err
}

// connect makes sure that there is a session. On a new one it drops the rows of
// the last.
func (c *Client) connect(ctx context.Context) error {
	if err := c.redial.pausing(c.cfg.Now()); err != nil {
		return err
	}
	serial, err := c.transport.Connect(ctx)
	c.redial.note(ctx, c.cfg.Now(), err)
	if err != nil {
		return c.noteAuth(err)
	}
	if serial != c.serial {
		c.serial, c.noIPv6 = serial, false
		c.loginAt, c.denied = c.cfg.Now(), false
		clear(c.seen)
	}
	return nil
}

// noteAuth returns err. If the router refused the credentials, the next attempt is
// delayed; if it denied permission, a later call logs in again.
func (c *Client) noteAuth(err error) error {
	c.denied = c.denied || errors.Is(err, router.ErrDenied)
	if errors.Is(err, router.ErrAuth) {
		c.authRetryAt = c.cfg.Now().Add(c.cfg.AuthBackoff)
		_ = c.transport.Close()
	}
	return err
}

// print reads rows. If the connection was lost during the request, it repeats the
// read once on a new one.
func (c *Client) print(ctx context.Context, q Query) ([]rosdata.Row, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	rows, err := c.transport.Print(ctx, q)
	var e *rosdata.Error
	if errors.As(err, &e) && e.ConnReset {
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
		rows, err = c.transport.Print(ctx, q)
	}
	return rows, c.noteAuth(err)
}

// query reads rows, and all rows of the menu where the router does not support the
// conditions: the caller compares again.
func (c *Client) query(ctx context.Context, q Query) ([]rosdata.Row, error) {
	if c.noQuery {
		q.Where = nil
	}
	rows, err := c.print(ctx, q)
	if len(q.Where) > 0 && (errors.Is(err, router.ErrUnsupported) || errors.Is(err, router.ErrInvalid) || errors.Is(err, router.ErrDenied)) {
		q.Where = nil
		rows, err = c.print(ctx, q)
		c.noQuery = err == nil // otherwise the router lacks the menu
	}
	return rows, err
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
	info, err := rosdata.Info(resource, identity)
	if err != nil {
		return router.Info{}, c.malformed(err)
	}
	return info, nil
}

// singleton reads a menu of one row.
func (c *Client) singleton(ctx context.Context, menu string) (rosdata.Row, error) {
	rows, err := c.print(ctx, Query{Menu: menu})
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, c.malformed(fmt.Errorf("answer for %s has %d rows", menu, len(rows)))
	}
	return rows[0], nil
}

// malformed returns the error about an answer that does not fit the request.
func (c *Client) malformed(err error) error {
	return c.target.Malformed(err.Error())
}

// list reads all rows of a menu and converts them to types of package router.
func list[T any](c *Client, ctx context.Context, q Query, read func(rosdata.Row) (T, error)) ([]T, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.print(ctx, q)
	if err != nil {
		return nil, err
	}
	return items(c, rows, read)
}

func items[T any](c *Client, rows []rosdata.Row, read func(rosdata.Row) (T, error)) ([]T, error) {
	all := make([]T, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = read(r); err != nil {
			return nil, c.malformed(err)
		}
	}
	return all, nil
}
