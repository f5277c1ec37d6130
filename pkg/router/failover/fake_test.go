package failover

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// clientTimeout is that of every client: what a noAnswer router costs.
const clientTimeout = 3 * time.Second

// box is the router behind all endpoints.
type box struct {
	mu     sync.Mutex
	queues map[string]bitrate.Rate
	writes int
}

// service is one endpoint as the router has it.
type service struct {
	name string
	box  *box

	mu              sync.Mutex
	err             error // every call fails with it, at once
	mute            bool  // requests are taken and never answered
	deaf            bool  // a connection attempt is never answered
	lost            bool  // changes take effect and are not answered
	opened          int
	closed          int
	callsAfterClose int // calls on a client that was closed
	calls           []string
}

func (s *service) set(change func(*service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *service) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.calls = nil }()
	return s.calls
}

func (s *service) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened - s.closed
}

// do is one call.
func (f *fake) do(ctx context.Context, name string) error {
	s := f.s
	s.mu.Lock()
	if f.closed {
		s.callsAfterClose++
	}
	s.calls = append(s.calls, name)
	err, mute, deaf := s.err, s.mute, s.deaf
	s.mu.Unlock()
	if !mute && !deaf {
		return err
	}
	class := router.ErrOutcomeUnknown
	if deaf {
		class = router.ErrUnreachable
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	<-ctx.Done()
	return fmt.Errorf("%s: %w: %w", s.name, class, ctx.Err())
}

// fake is a client of a service.
type fake struct {
	s      *service
	closed bool
}

func (s *service) endpoint() Endpoint {
	return Endpoint{Label: s.name, Open: func() (router.Client, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opened++
		return &fake{s: s}, nil
	}}
}

func (f *fake) Close() error {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.closed = true
	f.s.closed++
	return nil
}

func (f *fake) Info(ctx context.Context) (router.Info, error) {
	return router.Info{Identity: f.s.name}, f.do(ctx, "Info")
}

func (f *fake) Queues(ctx context.Context) ([]router.Queue, error) {
	f.s.box.mu.Lock()
	defer f.s.box.mu.Unlock()
	var queues []router.Queue
	for name, limit := range f.s.box.queues {
		queues = append(queues, router.Queue{Name: name, MaxLimit: limit})
	}
	return queues, f.do(ctx, "Queues")
}

func (f *fake) Queue(ctx context.Context, name string) (router.Queue, error) {
	if err := f.do(ctx, "Queue "+name); err != nil {
		return router.Queue{}, err
	}
	return f.s.box.queue(name), nil
}

func (b *box) queue(name string) router.Queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	return router.Queue{Name: name, MaxLimit: b.queues[name]}
}

func (f *fake) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	names := ""
	for _, ch := range changes {
		names += " " + ch.Name
	}
	err := f.do(ctx, "SetQueues"+names)
	f.s.mu.Lock()
	lost := f.s.lost
	f.s.mu.Unlock()
	if err != nil && !lost {
		return queues, err
	}
	for i, ch := range changes {
		f.s.box.mu.Lock()
		f.s.box.queues[ch.Name] = *ch.MaxLimit
		f.s.box.writes++
		f.s.box.mu.Unlock()
		if err == nil {
			queues[i] = f.s.box.queue(ch.Name)
		}
	}
	return queues, err
}

func (f *fake) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	return make([]router.Counters, len(names)), f.do(ctx, "Counters")
}
func (f *fake) QueueTypes(ctx context.Context) ([]router.QueueType, error) {
	return nil, f.do(ctx, "QueueTypes")
}
func (f *fake) Rules(ctx context.Context) ([]router.Rule, error) { return nil, f.do(ctx, "Rules") }
func (f *fake) Rule(ctx context.Context, comment string) (router.Rule, error) {
	return router.Rule{Comment: comment}, f.do(ctx, "Rule")
}
func (f *fake) SetRule(ctx context.Context, comment string, _ bool) (router.Rule, error) {
	return router.Rule{Comment: comment}, f.do(ctx, "SetRule")
}
func (f *fake) Addresses(ctx context.Context, _ string) ([]router.Address, error) {
	return nil, f.do(ctx, "Addresses")
}
func (f *fake) AddAddress(ctx context.Context, a router.Address) (router.Address, error) {
	return a, f.do(ctx, "AddAddress")
}
func (f *fake) RemoveAddress(ctx context.Context, _, _ string) error {
	return f.do(ctx, "RemoveAddress")
}
func (f *fake) Scripts(ctx context.Context) ([]router.Script, error) {
	return nil, f.do(ctx, "Scripts")
}
func (f *fake) RunScript(ctx context.Context, _ string) error { return f.do(ctx, "RunScript") }
func (f *fake) Rows(ctx context.Context, menu string) ([]map[string]string, error) {
	return nil, f.do(ctx, "Rows "+menu)
}

func (f *fake) Routes(ctx context.Context) ([]router.Route, error) {
	return nil, f.do(ctx, "Routes")
}

func (f *fake) DefaultRoutes(ctx context.Context) ([]router.Route, error) {
	return nil, f.do(ctx, "DefaultRoutes")
}
func (f *fake) SimpleQueues(ctx context.Context) ([]router.SimpleQueue, error) {
	return nil, f.do(ctx, "SimpleQueues")
}
func (f *fake) SimpleQueue(ctx context.Context, name string) (router.SimpleQueue, error) {
	return router.SimpleQueue{Name: name}, f.do(ctx, "SimpleQueue")
}
func (f *fake) SetSimpleQueue(ctx context.Context, name string, _ router.SimpleSettings) (router.SimpleQueue, error) {
	return router.SimpleQueue{Name: name}, f.do(ctx, "SetSimpleQueue")
}
func (f *fake) SimpleCounters(ctx context.Context, _ string) ([2]router.Counters, error) {
	return [2]router.Counters{}, f.do(ctx, "SimpleCounters")
}
func (f *fake) Interfaces(ctx context.Context) ([]router.Interface, error) {
	return nil, f.do(ctx, "Interfaces")
}
