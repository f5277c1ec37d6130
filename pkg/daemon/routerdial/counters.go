package routerdial

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// gather is how long a read waits for others to join it: loops that tick together ask
// within this time.
const gather = time.Millisecond

// counterReads reads counters for several callers at once: those who ask while a read
// is under way share the next one. No reading is older than its question.
type counterReads struct {
	client router.Client

	mu      sync.Mutex // protects the following fields
	next    *counterRead
	running bool
}

// counterRead is one read. Its results are set before done is closed.
type counterRead struct {
	names    []string
	counters map[string]router.Counters
	errs     map[string]error // of single queues
	err      error            // of all others
	done     chan struct{}
}

// Counters returns the counters of queues, in the order of names.
func (c *counterReads) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	c.mu.Lock()
	if c.next == nil {
		c.next = &counterRead{done: make(chan struct{}), counters: map[string]router.Counters{}, errs: map[string]error{}}
	}
	r := c.next
	r.names = append(r.names, names...)
	if !c.running {
		c.running = true
		go c.run()
	}
	c.mu.Unlock()
	select {
	case <-r.done:
		return r.result(names)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: gave up waiting for the counters: %w", router.ErrOutcomeUnknown, ctx.Err())
	}
}

// run reads until nobody waits. It belongs to no caller, so that none ends it for others.
func (c *counterReads) run() {
	for {
		time.Sleep(gather)
		c.mu.Lock()
		r := c.next
		c.next, c.running = nil, r != nil
		c.mu.Unlock()
		if r == nil {
			return
		}
		r.read(c.client)
		close(r.done)
	}
}

// read reads, again without each queue that cannot be read: the others are not to suffer
// for it.
func (r *counterRead) read(client router.Client) {
	names := r.missing()
	for len(names) > 0 {
		read, err := client.Counters(context.Background(), names...)
		if err == nil {
			for i, name := range names {
				r.counters[name] = read[i]
			}
			return
		}
		var item *router.ItemError
		if r.err = err; !errors.As(err, &item) || r.errs[item.Name] != nil {
			return
		}
		r.errs[item.Name], r.err = err, nil
		names = r.missing()
	}
}

// missing returns the names that have no result, each once.
func (r *counterRead) missing() (names []string) {
	seen := map[string]bool{}
	for _, name := range r.names {
		if !seen[name] && r.errs[name] == nil {
			names = append(names, name)
		}
		seen[name] = true
	}
	return names
}

// result returns what one caller asked for.
func (r *counterRead) result(names []string) ([]router.Counters, error) {
	list := make([]router.Counters, len(names))
	for i, name := range names {
		if err := r.errs[name]; err != nil {
			return nil, err
		}
		list[i] = r.counters[name]
	}
	return list, r.err
}
