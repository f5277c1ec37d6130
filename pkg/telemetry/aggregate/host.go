// Package aggregate combines everything that runs on one host over the sockets of
// its daemons: their health, their history and their metrics. The values of a
// daemon that does not run come from its state file and are marked as such. It
// only reads; it never changes what a daemon does.
package aggregate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// cacheTime is how long an answer serves everybody who asks: many browsers and
// monitors cost a loop no more than one.
const cacheTime = 500 * time.Millisecond

// Host asks the daemons. Its methods may be called from several goroutines.
type Host struct {
	version string
	started time.Time
	now     func() time.Time

	surveys cached[survey]
	history cached[struct{}]
	metrics cached[gathered]

	// mu protects the following field; the list is replaced, never changed.
	mu      sync.Mutex
	members []*member
}

// member is a daemon and its history, which outlives the daemon.
type member struct {
	daemon
	past *past
}

// New returns a Host without daemons, whose uptime starts now.
func New(version string) *Host {
	return &Host{
		version: version, started: time.Now(), now: time.Now,
		surveys: newCached[survey](), history: newCached[struct{}](), metrics: newCached[gathered](),
	}
}

// Set replaces the daemons of the host. The history of those that stay is kept.
func (h *Host) Set(wans []WAN, steering []Steering) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := map[string]*member{}
	for _, m := range h.members {
		if c := m.client(); c != nil {
			before[c.Path()] = m
		}
	}
	var members []*member
	add := func(d daemon) {
		m := &member{d, newPast()}
		if c := d.client(); c != nil {
			if old := before[c.Path()]; old != nil && old.label() == d.label() {
				m.past = old.past
			}
		}
		members = append(members, m)
	}
	for i := range wans {
		add(&wans[i])
	}
	for i := range steering {
		add(&steering[i])
	}
	h.members = members
	h.surveys.forget()
	h.history.forget()
	h.metrics.forget()
}

func (h *Host) list() []*member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members
}

// survey is the result of asking all daemons once, in the order of the members.
type survey struct {
	at    time.Time
	views []view
}

// view is one daemon at one moment. Either wan or steering is set.
type view struct {
	member   *member
	wan      *telemetry.WANHealth
	steering *telemetry.SteeringHealth
	running  bool
	saved    *time.Time // when its state file was written; nil: unknown
}

// ha returns how this node stands with the daemon's router; nil: it is none of several.
func (v *view) ha() *telemetry.RouterOwner {
	if v.wan != nil {
		return v.wan.HA
	}
	return v.steering.HA
}

// nodes returns how this node stands with all routers; nil: it is none of several.
func (s survey) nodes() *telemetry.HA {
	var ha *telemetry.HA
	for i := range s.views {
		r := s.views[i].ha()
		switch {
		case r == nil:
			continue
		case ha == nil:
			ha = &telemetry.HA{Node: r.Node}
		}
		if !slices.ContainsFunc(ha.Routers, func(x telemetry.RouterOwner) bool { return x.Router == r.Router }) {
			ha.Routers = append(ha.Routers, *r)
		}
	}
	return ha
}

// answering returns the daemons that answered. Asking the others for more would
// only take time.
func (s survey) answering() []*member {
	var members []*member
	for _, v := range s.views {
		if v.running {
			members = append(members, v.member)
		}
	}
	return members
}

// survey asks all daemons at once.
func (h *Host) survey(ctx context.Context) survey {
	return h.surveys.get(ctx, func(ctx context.Context) survey {
		members := h.list()
		s := survey{views: make([]view, len(members))}
		var wg sync.WaitGroup
		for i, m := range members {
			wg.Go(func() {
				s.views[i] = m.observe(ctx, h.now)
				s.views[i].member = m
			})
		}
		wg.Wait()
		s.at = h.now()
		return s
	})
}

// Host returns the health document of the host.
func (h *Host) Host(ctx context.Context) telemetry.Host {
	s := h.survey(ctx)
	var wans []telemetry.WANHealth
	var steering []telemetry.SteeringHealth
	for _, v := range s.views {
		if v.wan != nil {
			wans = append(wans, *v.wan)
		} else {
			steering = append(steering, *v.steering)
		}
	}
	host := telemetry.NewHost(h.version, s.at, s.at.Sub(h.started), wans, steering)
	host.HA = s.nodes()
	return host
}

// Count returns how many daemons run, and how many there are.
func (h *Host) Count(ctx context.Context) (running, all int) {
	s := h.survey(ctx)
	return len(s.answering()), len(s.views)
}
