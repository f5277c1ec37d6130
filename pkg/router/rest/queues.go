package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ros"
)

// Queues lists /queue/tree.
func (c *Client) Queues(ctx context.Context) ([]router.Queue, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.tree(ctx, ros.QueueProps)
	if err != nil {
		return nil, err
	}
	queues := make([]router.Queue, len(rows))
	for i, r := range rows {
		if queues[i], err = c.queueOf(r); err != nil {
			return nil, err
		}
	}
	return queues, nil
}

// Queue reads one queue.
func (c *Client) Queue(ctx context.Context, name string) (router.Queue, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return router.Queue{}, err
	}
	defer end()
	return c.queue(ctx, name)
}

func (c *Client) queue(ctx context.Context, name string) (router.Queue, error) {
	rows, err := c.named(ctx, ros.QueueProps, name)
	if err != nil {
		return router.Queue{}, err
	}
	delete(c.doubtful, name)
	return c.queueOf(rows[0])
}

func (c *Client) queueOf(r ros.Row) (router.Queue, error) {
	q, err := ros.Queue(r)
	if err != nil {
		return q, c.nonsense(err)
	}
	return q, nil
}

// Counters reads the counters of queues in one request.
func (c *Client) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	if len(names) == 0 {
		return nil, nil
	}
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.named(ctx, ros.CounterProps, names...)
	if err != nil {
		return nil, err
	}
	counters := make([]router.Counters, len(rows))
	for i, r := range rows {
		if counters[i], err = ros.Counters(r); err != nil {
			return nil, c.nonsense(err)
		}
	}
	return counters, nil
}

// wideTree is the length from which on asking for single queues is cheaper
// than listing all: a row of counters is some 150 bytes.
const wideTree = 32

// named reads the queues of these exact names, in that order, in one request.
//
// The whole tree is listed and compared here, which every version can do and
// which no character in a name can upset. Routers with long trees are asked
// for the names instead, where they can be.
func (c *Client) named(ctx context.Context, props []string, names ...string) ([]ros.Row, error) {
	if c.wide && !c.noQuery {
		rows, err := c.query(ctx, props, names)
		switch {
		case errors.Is(err, router.ErrUnsupported), errors.Is(err, router.ErrInvalid), errors.Is(err, router.ErrDenied):
			c.noQuery = true
		case err != nil:
			return nil, err
		default:
			if picked, err := pick(rows, names); err == nil || errors.Is(err, router.ErrAmbiguous) {
				return picked, c.located(err)
			}
			// Absent by the router's comparison: see with our own.
		}
	}
	rows, err := c.tree(ctx, props)
	if err != nil {
		return nil, err
	}
	picked, err := pick(rows, names)
	if errors.Is(err, router.ErrNotFound) {
		if starting := c.starting(ctx); starting != nil {
			return nil, starting
		}
	}
	return picked, c.located(err)
}

func pick(rows []ros.Row, names []string) ([]ros.Row, error) {
	picked := make([]ros.Row, len(names))
	for i, name := range names {
		r, err := ros.Only(rows, "queue", "name", name)
		if err != nil {
			return nil, err
		}
		picked[i] = r
	}
	return picked, nil
}

// located says which router an error is about.
func (c *Client) located(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("router %s: %w", c.cfg.addr(), err)
}

// tree lists the whole queue tree and learns the ids in passing.
func (c *Client) tree(ctx context.Context, props []string) ([]ros.Row, error) {
	a, err := c.get(ctx, "/queue/tree", props...)
	if err != nil {
		return nil, err
	}
	if err := c.sound(a.rows, props); err != nil {
		return nil, err
	}
	c.wide = len(a.rows) >= wideTree
	c.ids, c.idsOf = make(map[string]string, len(a.rows)), c.session
	c.learn(a.rows)
	return a.rows, nil
}

// query asks for the queues of these names alone.
func (c *Client) query(ctx context.Context, props, names []string) ([]ros.Row, error) {
	var words []string
	for i, name := range names {
		words = append(words, "name="+name)
		if i > 0 {
			words = append(words, "#|")
		}
	}
	a, err := c.ask(ctx, http.MethodPost, "/queue/tree/print", map[string][]string{".proplist": props, ".query": words})
	if err != nil {
		return nil, err
	}
	if err := c.sound(a.rows, props); err != nil {
		return nil, err
	}
	if c.idsOf != c.session {
		c.ids, c.idsOf = make(map[string]string, len(a.rows)), c.session
	}
	c.learn(a.rows)
	return a.rows, nil
}

// sound refuses rows that are not of the queue tree.
func (c *Client) sound(rows []ros.Row, props []string) error {
	required := []string{".id", "name"}
	for _, p := range []string{"max-limit", "bytes"} {
		if slices.Contains(props, p) {
			required = append(required, p)
		}
	}
	for _, r := range rows {
		if err := ros.Require(r, required...); err != nil {
			return c.nonsense(fmt.Errorf("answer for /queue/tree is something else: %w", err))
		}
		if !isID(r[".id"]) {
			return c.nonsense(fmt.Errorf("answer for /queue/tree has the id %s", ros.Quote(r[".id"])))
		}
	}
	return nil
}

// learn remembers ids. A name that several queues have gets none.
func (c *Client) learn(rows []ros.Row) {
	seen := make(map[string]bool, len(rows))
	for _, r := range rows {
		name := r["name"]
		if seen[name] {
			delete(c.ids, name)
		} else {
			seen[name], c.ids[name] = true, r[".id"]
		}
	}
}

// isID checks what goes into a path.
func isID(s string) bool {
	if len(s) < 2 || s[0] != '*' {
		return false
	}
	_, err := strconv.ParseUint(s[1:], 16, 64)
	return err == nil
}

// settling is how long after its start a router may not have loaded its
// configuration.
const settling = time.Minute

// starting tells a queue that is absent from a router that has just started
// and does not show its queues yet; nil when it has been up for long.
func (c *Client) starting(ctx context.Context) error {
	r, err := c.singleton(ctx, "/system/resource")
	if err != nil {
		return err
	}
	uptime, err := ros.Duration(r["uptime"])
	if err != nil {
		return c.nonsense(err)
	}
	if uptime < settling {
		return c.fail(router.ErrOutcomeUnknown, "it started "+uptime.String()+" ago and does not show the queue yet", "")
	}
	return nil
}
