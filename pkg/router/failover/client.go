package failover

import (
	"context"

	"github.com/wanctl/wanctl/pkg/router"
)

// nothing is the result of calls without one.
type nothing struct{}

// Info implements router.Client.
func (c *Client) Info(ctx context.Context) (router.Info, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) (router.Info, error) { return s.Info(ctx) })
}

// Queues implements router.Client.
func (c *Client) Queues(ctx context.Context) ([]router.Queue, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Queue, error) { return s.Queues(ctx) })
}

// Queue implements router.Client.
func (c *Client) Queue(ctx context.Context, name string) (router.Queue, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) (router.Queue, error) { return s.Queue(ctx, name) })
}

// Counters implements router.Client.
func (c *Client) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Counters, error) { return s.Counters(ctx, names...) })
}

// SimpleQueues implements router.Client.
func (c *Client) SimpleQueues(ctx context.Context) ([]router.SimpleQueue, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.SimpleQueue, error) { return s.SimpleQueues(ctx) })
}

// SimpleQueue implements router.Client.
func (c *Client) SimpleQueue(ctx context.Context, name string) (router.SimpleQueue, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) (router.SimpleQueue, error) { return s.SimpleQueue(ctx, name) })
}

// SetSimpleQueue implements router.Client.
func (c *Client) SetSimpleQueue(ctx context.Context, name string, set router.SimpleSettings) (router.SimpleQueue, error) {
	return call(ctx, c, change, func(ctx context.Context, s *session) (router.SimpleQueue, error) {
		return s.SetSimpleQueue(ctx, name, set)
	})
}

// SimpleCounters implements router.Client.
func (c *Client) SimpleCounters(ctx context.Context, name string) ([2]router.Counters, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([2]router.Counters, error) { return s.SimpleCounters(ctx, name) })
}

// Interfaces implements router.Client.
func (c *Client) Interfaces(ctx context.Context) ([]router.Interface, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Interface, error) { return s.Interfaces(ctx) })
}

// QueueTypes implements router.Client.
func (c *Client) QueueTypes(ctx context.Context) ([]router.QueueType, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.QueueType, error) { return s.QueueTypes(ctx) })
}

// Rules implements router.Client.
func (c *Client) Rules(ctx context.Context) ([]router.Rule, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Rule, error) { return s.Rules(ctx) })
}

// Rule implements router.Client.
func (c *Client) Rule(ctx context.Context, comment string) (router.Rule, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) (router.Rule, error) { return s.Rule(ctx, comment) })
}

// SetRule implements router.Client.
func (c *Client) SetRule(ctx context.Context, comment string, enabled bool) (router.Rule, error) {
	return call(ctx, c, change, func(ctx context.Context, s *session) (router.Rule, error) { return s.SetRule(ctx, comment, enabled) })
}

// Addresses implements router.Client.
func (c *Client) Addresses(ctx context.Context, list string) ([]router.Address, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Address, error) { return s.Addresses(ctx, list) })
}

// AddAddress implements router.Client.
func (c *Client) AddAddress(ctx context.Context, a router.Address) (router.Address, error) {
	return call(ctx, c, change, func(ctx context.Context, s *session) (router.Address, error) { return s.AddAddress(ctx, a) })
}

// RemoveAddress implements router.Client.
func (c *Client) RemoveAddress(ctx context.Context, list, address string) error {
	_, err := call(ctx, c, change, func(ctx context.Context, s *session) (nothing, error) {
		return nothing{}, s.RemoveAddress(ctx, list, address)
	})
	return err
}

// Scripts implements router.Client.
func (c *Client) Scripts(ctx context.Context) ([]router.Script, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Script, error) { return s.Scripts(ctx) })
}

// RunScript implements router.Client. A script may use all the time of the call.
func (c *Client) RunScript(ctx context.Context, name string) error {
	_, err := call(ctx, c, script, func(ctx context.Context, s *session) (nothing, error) {
		return nothing{}, s.RunScript(ctx, name)
	})
	return err
}

// Routes implements router.Client.
func (c *Client) Routes(ctx context.Context) ([]router.Route, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Route, error) { return s.Routes(ctx) })
}

// DefaultRoutes implements router.Client.
func (c *Client) DefaultRoutes(ctx context.Context) ([]router.Route, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]router.Route, error) { return s.DefaultRoutes(ctx) })
}

// Rows implements router.Client.
func (c *Client) Rows(ctx context.Context, menu string) ([]map[string]string, error) {
	return call(ctx, c, read, func(ctx context.Context, s *session) ([]map[string]string, error) { return s.Rows(ctx, menu) })
}
