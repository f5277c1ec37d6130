package run

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
)

// setting is a configuration that a loop can have; one of the fields is set.
type setting struct {
	wan      *config.WAN
	steering *steer.Config
}

func (s *setting) claim(c *config.Claims) error {
	if s.wan != nil {
		return c.WAN(s.wan)
	}
	return c.Steering(s.steering.Steering)
}

// base returns what the configurations of a WAN and of steering have in common.
func (s *setting) base() *config.Base {
	if s.wan != nil {
		return &s.wan.Base
	}
	return &s.steering.Base
}

// name returns the name of the WAN or of steering.
func (s *setting) name() string {
	if s.wan != nil {
		return s.wan.Name
	}
	return s.steering.Name
}

// same reports whether a loop with the setting s has nothing to change for other.
func (s *setting) same(other *setting) bool { return reflect.DeepEqual(s, other) }

// reconfigure has the running loop l of the setting s use other, and reports whether
// that was possible.
func (s *setting) reconfigure(l daemon.Loop, other *setting) bool {
	switch l := l.(type) {
	case *shape.WANController:
		if other.wan == nil || !shape.CanReconfigure(s.wan, other.wan) {
			return false
		}
		l.Reconfigure(other.wan)
	case *steer.Controller:
		if other.steering == nil || !steer.CanReconfigure(s.steering, other.steering) {
			return false
		}
		l.Reconfigure(other.steering)
	}
	return true
}

// fresh returns what the file says; nil where it cannot be used, or is not to be.
func (u *unit) fresh() *setting {
	switch {
	case u.gone || u.file.Err != nil || u.file.WAN != nil && !u.file.WAN.Enabled:
		return nil
	case u.file.WAN != nil || u.file.Steering != nil:
		return &setting{u.file.WAN, u.file.Steering}
	}
	return nil
}

// problem is why the file cannot be used, for people.
func (u *unit) problem() error {
	why := u.err
	var invalid *config.Error
	if errors.As(why, &invalid) {
		why = errors.New(invalid.Problems[0].String())
	}
	return fmt.Errorf("its configuration cannot be used: %w", why)
}

// decide returns what each file's loop is to have, by path. A file that cannot be used,
// or wants what another loop has, leaves its own loop as it is. What runs unchanged comes
// first, then what runs, then what is new: nobody takes from a loop what it has.
func (m *manager) decide() map[string]*setting {
	wanted := m.usable()
	if m.nodes == nil {
		return wanted
	}
	maps.DeleteFunc(wanted, func(_ string, s *setting) bool { return s == nil }) // its loop goes
	m.nodes.follow(slices.Collect(maps.Values(wanted)))
	m.mu.Lock()
	defer m.mu.Unlock()
	for path, u := range m.units {
		s := wanted[path]
		if u.awaited = s != nil && !m.nodes.owns(s); u.awaited {
			delete(wanted, path)
		}
	}
	return wanted
}

// apportion starts and stops the loops of routers that this node has come to own, or does not
// own any more.
func (m *manager) apportion() {
	m.changing.Lock()
	defer m.changing.Unlock()
	m.apply(m.decide())
	m.listen()
	m.options.TuneProcessors(len(m.Set.States()))
}

// usable returns what each file's loop can have, by path.
func (m *manager) usable() map[string]*setting {
	rank := func(u *unit) int {
		switch {
		case u.inUse == nil:
			return 2
		case !u.inUse.same(u.fresh()):
			return 1
		}
		return 0
	}
	units := slices.SortedFunc(maps.Values(m.units), func(a, b *unit) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.path, b.path))
	})
	var claims config.Claims
	wanted := map[string]*setting{}
	for _, u := range units {
		fresh, err := u.fresh(), u.file.Err
		if fresh != nil {
			err = fresh.claim(&claims)
		}
		switch {
		case err == nil:
			wanted[u.path] = fresh
		case u.gone: // whatever was wrong with it
			err = nil
		case u.inUse != nil && u.inUse.claim(&claims) == nil:
			wanted[u.path] = u.inUse
		}
		m.report(u, err)
	}
	return wanted
}

// report records why the file of u cannot be used; nil: it can.
func (m *manager) report(u *unit, err error) {
	same := err == u.err || err != nil && u.err != nil && err.Error() == u.err.Error()
	m.mu.Lock()
	u.err = err
	m.mu.Unlock()
	if u.inUse != nil {
		u.kept.Set(m.Past.Feed(u.inUse.name(), nil), err)
	} else {
		u.kept.Set(nil, nil)
	}
	if same || u.gone {
		return
	}
	what := "a configuration cannot be used: its loop is not started"
	if u.inUse != nil {
		what = "a configuration cannot be used: its loop keeps the old one"
	}
	if err == nil {
		m.log.Info("the configuration can be used again", "file", u.path)
	}
	m.Complain(err, what)
}

// apply makes the loops what is wanted: what goes is stopped before anything starts, so
// that what it had is free.
func (m *manager) apply(wanted map[string]*setting) {
	var starting []*unit
	var stopping sync.WaitGroup
	for _, path := range slices.Sorted(maps.Keys(m.units)) {
		u, want := m.units[path], wanted[path]
		if u.inUse != nil && want != nil && m.keeps(u, want) {
			continue
		}
		if u.inUse != nil {
			stopping.Go(func() { _ = m.Set.Stop(path) }) // its errors are logged
		}
		if want != nil {
			starting = append(starting, u)
		}
	}
	stopping.Wait()
	for _, u := range starting {
		if m.nodes != nil {
			_ = m.listeners.Stop(standbyName(wanted[u.path])) // its socket is the loop's
		}
		m.start(u, wanted[u.path])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for path, u := range m.units {
		if wanted[path] == nil && u.inUse != nil {
			m.log.Info("the loop has been stopped", "file", path, "removed", u.gone)
			u.inUse = nil
		}
		if u.gone {
			delete(m.units, path)
		}
	}
}

// keeps reports whether the loop of u goes on, with the settings that can change while
// it runs. One that does not run is not kept: it is tried with the new ones at once.
func (m *manager) keeps(u *unit, want *setting) bool {
	old := u.inUse
	if old.same(want) {
		return true
	}
	m.setInUse(u, want) // first: from now on, another life of the loop begins with it
	st, ok := m.Set.State(u.path)
	return ok && st.Open && old.reconfigure(st.Loop, want)
}

func (m *manager) setInUse(u *unit, s *setting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u.inUse = s
}

// start adds the loop of u. Each of its lives has the setting that is in use then.
func (m *manager) start(u *unit, s *setting) {
	m.setInUse(u, s)
	m.log.Info("the loop is started", "file", u.path, "name", s.name())
	err := m.Set.Start(u.path, func() daemon.Loop {
		m.mu.Lock()
		s := u.inUse
		m.mu.Unlock()
		node, routers := m.nodes.node(s), m.routers
		if m.nodes != nil {
			routers = m.nodes.sessions(s)
		}
		if s.wan != nil {
			return shape.NewWANController(m.Process, s.wan, shape.Mode{DryRun: m.options.DryRun, Many: true, Kept: u.kept, Sockets: &m.sockets, Routers: routers, Node: node})
		}
		return steer.NewController(m.Process, s.steering, steer.Mode{DryRun: m.options.DryRun, Many: true, Kept: u.kept, Routers: routers, Node: node})
	})
	if err != nil {
		m.log.Warn("the loop cannot be started", "file", u.path, "error", err)
	}
}
