package probe

import (
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// selector runs the selection of ICMP hosts and assigns roles to their targets. Its
// methods may be called by any goroutine.
type selector struct {
	log      *slog.Logger
	replaced func(Replacement)

	targets []*target
	hosts   []string
	domains []string // of hosts

	addrsMu sync.Mutex // protects addrs; taken before mu
	addrs   []netip.Addr

	mu        sync.Mutex // protects selection, which every reply and every tick needs
	selection *rtt.Selection
}

// Replacement is a reflector that was replaced by another one.
type Replacement struct {
	Old, New string // hosts as configured
	Reason   rtt.Fault
	Quality  rtt.Quality // of the old one
}

// newSelector returns a selector of use of the targets, and sets their roles.
func newSelector(targets []*target, use int, c *Config) *selector {
	s := &selector{log: c.Logger, replaced: c.OnReplace, targets: targets}
	for _, t := range targets {
		addr, _ := netip.ParseAddr(t.host) // invalid for a name, until it is resolved
		s.hosts, s.domains, s.addrs = append(s.hosts, t.host), append(s.domains, domain(t.host)), append(s.addrs, addr.Unmap())
	}
	s.selection = rtt.NewSelection(operators(s.hosts, s.domains, s.addrs), use, c.Interval)
	for i, t := range targets {
		t.selector = s
		t.setRole(s.selection.Role(i))
	}
	return s
}

// observe adds an event of a target.
func (s *selector) observe(e rtt.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.selection.Observe(e)
}

// resolved records the address of a host, which may reveal its operator.
func (s *selector) resolved(i int, addr netip.Addr) {
	s.addrsMu.Lock()
	defer s.addrsMu.Unlock()
	if s.addrs[i] == addr {
		return
	}
	s.addrs[i] = addr
	names := operators(s.hosts, s.domains, s.addrs) // before mu, so that no reply waits for it
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, operator := range names {
		s.selection.SetOperator(i, operator)
	}
}

func (s *selector) quality(i int) rtt.Quality {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.selection.Quality(i)
}

func (s *selector) echoLimit(now time.Duration) rtt.EchoLimit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.selection.EchoLimit(now)
}

// review updates the roles at now.
func (s *selector) review(now time.Duration) {
	s.mu.Lock()
	changes := s.selection.Review(now)
	for _, c := range changes {
		s.targets[c.Reflector].setRole(c.Role)
	}
	s.mu.Unlock()
	for _, c := range changes {
		name, q := s.targets[c.Reflector].name, c.Quality
		switch {
		case c.Role == rtt.InUse:
			r := Replacement{Old: s.targets[c.Other].name, New: name, Reason: c.Fault, Quality: q}
			s.log.Warn("reflector replaced", "reflector", r.Old, "by", r.New, "reason", r.Reason.String(),
				slog.Group("old", figures(q)...))
			if s.replaced != nil {
				s.replaced(r)
			}
		case c.Role == rtt.OnTrial:
			s.log.Debug("spare reflector on trial", "reflector", name, "for", s.targets[c.Other].name, "reason", c.Fault.String())
		case c.Fault == rtt.FailedTrial:
			s.log.Debug("spare reflector failed its trial", "reflector", name, slog.Group("trial", figures(q)...))
		}
	}
}

// figures returns the attributes of q.
func figures(q rtt.Quality) []any {
	ms := func(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / float64(time.Millisecond) }
	return []any{
		slog.Float64("answer_ratio", math.Round(1000*q.AnswerRate)/1000), slog.Float64("baseline_rtt_ms", ms(q.Baseline)),
		slog.Float64("noise_ms", ms(q.Noise)), slog.Float64("disagreement_ms", ms(q.Disagreement)),
	}
}

// setRole sets the role of t and wakes up its worker.
func (t *target) setRole(r rtt.Role) {
	t.role.Store(uint32(r))
	t.reschedule()
}

// reschedule wakes up the worker of t, since its next probe is due at another time.
func (t *target) reschedule() {
	select {
	case t.roleChanged <- struct{}{}:
	default: // a change is waiting already
	}
}

func (t *target) inUse() bool { return rtt.Role(t.role.Load()) == rtt.InUse }

func (t *target) standby() bool { return rtt.Role(t.role.Load()) == rtt.Standby }

// slowly reports whether t is in use and probed slowly.
func (t *target) slowly() bool { return t.slow.Load() && t.inUse() }

// currentInterval returns the time between two probes of t in its present role. It
// may be called at any time, unlike current, whose schedules Run sets.
func (t *target) currentInterval() time.Duration {
	switch {
	case t.standby():
		return t.spareInterval
	case t.slowly():
		return max(t.slowInterval, t.interval)
	}
	return t.interval
}

// current returns the schedule of t in its present role.
func (t *target) current() rtt.Schedule {
	return rtt.ScheduleOf(rtt.Role(t.role.Load()), t.slow.Load(), t.schedule, t.spareSchedule, t.slowSchedule)
}
