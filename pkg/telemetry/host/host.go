// Package host is everything that runs on one host, seen through the sockets
// of its daemons: their health, what they did, and their metrics, together.
// What does not run is told from its state file, and marked so.
package host

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/local"
)

// WAN is one WAN of the host.
type WAN struct {
	Name    string
	Loop    *local.Client                       // nil when there is a Problem
	State   func() (telemetry.WANHealth, error) // reads its state file; fs.ErrNotExist without one
	Problem string                              // why nothing is known: its configuration is bad
}

// Steering is one steering daemon of the host.
type Steering struct {
	Name    string // of its configuration
	Primary string // name of the primary WAN
	Daemon  *local.Client
	State   func() (telemetry.SteeringHealth, error)
	Problem string
}

// keep is how long an answer serves everybody who asks: many browsers and
// monitors cost a loop no more than one.
const keep = 500 * time.Millisecond

// Host asks the daemons. Its methods may be called from several goroutines.
type Host struct {
	version string
	started time.Time
	now     func() time.Time

	look    cached[survey]
	past    cached[struct{}]
	metrics cached[gathered]

	// mu protects the following field; the list is replaced, never changed.
	mu      sync.Mutex
	members []*member
}

// member is a WAN or a steering daemon.
type member struct {
	wan      *WAN
	steering *Steering

	kept *kept
}

func (m *member) client() *local.Client {
	if m.wan != nil {
		return m.wan.Loop
	}
	return m.steering.Daemon
}

// label is the WAN that the metrics of m are of.
func (m *member) label() string {
	if m.wan != nil {
		return m.wan.Name
	}
	return m.steering.Primary
}

// New returns a Host without daemons. Its uptime counts from now on.
func New(version string) *Host {
	return &Host{
		version: version, started: time.Now(), now: time.Now,
		look: newCached[survey](), past: newCached[struct{}](), metrics: newCached[gathered](),
	}
}

// Set says which daemons there are. What is known of those that stay is kept.
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
	add := func(m *member) {
		m.kept = newKept()
		if c := m.client(); c != nil {
			if old := before[c.Path()]; old != nil && old.label() == m.label() {
				m.kept = old.kept
			}
		}
		members = append(members, m)
	}
	for i := range wans {
		add(&member{wan: &wans[i]})
	}
	for i := range steering {
		add(&member{steering: &steering[i]})
	}
	h.members = members
	h.look.forget()
	h.past.forget()
	h.metrics.forget()
}

func (h *Host) list() []*member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members
}

// survey is what one look at all daemons found, in the order of the members.
type survey struct {
	at    time.Time
	views []view
}

// view is one daemon at one moment.
type view struct {
	member   *member
	wan      telemetry.WANHealth
	steering telemetry.SteeringHealth
	running  bool
	saved    *time.Time // when its state file was written; nil: unknown
}

// answering are the daemons that answered. Asking the others for more would
// only take time, of everybody who looks on.
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
	return h.look.get(ctx, func(ctx context.Context) survey {
		members := h.list()
		s := survey{views: make([]view, len(members))}
		var wg sync.WaitGroup
		for i, m := range members {
			wg.Go(func() {
				if m.wan != nil {
					s.views[i] = m.lookWAN(ctx, h.now)
				} else {
					s.views[i] = m.lookSteering(ctx, h.now)
				}
			})
		}
		wg.Wait()
		s.at = h.now()
		return s
	})
}

func (m *member) lookWAN(ctx context.Context, now func() time.Time) view {
	w := m.wan
	if w.Problem != "" {
		h := telemetry.WANHealth{Name: w.Name}.FromStateFile(now(), w.Problem)
		h.Source = ""
		return view{member: m, wan: h}
	}
	left, stateErr := w.State()
	left.Name = w.Name
	h, err := w.health(ctx)
	if err != nil {
		h = left.FromStateFile(now(), why("no loop runs for this WAN", "the loop of this WAN does not answer", err, stateErr))
	}
	return view{member: m, wan: h, running: err == nil, saved: left.At}
}

func (m *member) lookSteering(ctx context.Context, now func() time.Time) view {
	s := m.steering
	if s.Problem != "" {
		h := telemetry.NewSteeringHealth("", "", time.Time{}).FromStateFile(now(), s.Problem)
		h.Source, h.Detail.Name = "", s.Name
		return view{member: m, steering: h}
	}
	left, stateErr := s.State()
	left.Detail.Name, left.Congestion.Primary.WAN = s.Name, s.Primary
	h, err := s.Daemon.SteeringHealth(ctx)
	if err != nil {
		h = left.FromStateFile(now(), why("the steering daemon does not run", "the steering daemon does not answer", err, stateErr))
	}
	return view{member: m, steering: h, running: err == nil, saved: left.At}
}

// health asks the running loop.
func (w *WAN) health(ctx context.Context) (telemetry.WANHealth, error) {
	h, err := w.Loop.Health(ctx)
	if err != nil {
		return telemetry.WANHealth{}, err
	}
	for _, one := range h.WANs {
		if one.Name == w.Name {
			return one, nil
		}
	}
	return telemetry.WANHealth{}, errors.New("the daemon that answers controls another WAN")
}

// why says why values are not of now, and whether there are any.
func why(none, mute string, err, stateErr error) string {
	text := none
	if !errors.Is(err, local.ErrNotRunning) {
		text = mute + ": " + err.Error()
	}
	switch {
	case stateErr == nil:
		return text + "; the values are from its state file"
	case errors.Is(stateErr, fs.ErrNotExist):
		return text + ", and there is no state file"
	}
	return text + "; " + stateErr.Error()
}

// Host is the health document of the host.
func (h *Host) Host(ctx context.Context) telemetry.Host {
	s := h.survey(ctx)
	var wans []telemetry.WANHealth
	var steering []telemetry.SteeringHealth
	for _, v := range s.views {
		if v.member.wan != nil {
			wans = append(wans, v.wan)
		} else {
			steering = append(steering, v.steering)
		}
	}
	return telemetry.NewHost(h.version, s.at, s.at.Sub(h.started), wans, steering)
}

// Count tells how many daemons there are, and how many of them run.
func (h *Host) Count(ctx context.Context) (running, all int) {
	s := h.survey(ctx)
	return len(s.answering()), len(s.views)
}
