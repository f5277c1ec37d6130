package run

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// lookInterval is the time between two looks at the directory. A change is in use after
// two to four seconds, and at once on SIGHUP.
const lookInterval = 2 * time.Second

// manager keeps the loops of the process what the files of a directory say.
type manager struct {
	*daemon.Process
	options   Options
	log       *slog.Logger
	listeners *daemon.LoopSet
	front     daemon.Front            // of everything
	fronts    map[string]daemon.Front // of each steering, by name
	nodes     *nodes                  // nil unless this is one of several nodes
	sockets   probe.Sockets           // of all loops
	routers   *routerdial.Pool        // of all loops, unless nodes has them

	changing sync.Mutex // held by update: one change at a time
	dir      directory
	node     *nodeFile // nil in a trial run

	mu    sync.Mutex // protects the following field: health requests read it
	units map[string]*unit
}

// unit is a configuration file with its loop.
type unit struct {
	path  string
	file  configdir.File[steer.Config] // as last read
	inUse *setting                     // what the loop has; nil: there is no loop
	kept  *daemon.KeptConfig           // why that is not what the file says
	err   error                        // why the file is not what the loop has
	gone  bool                         // there is no file any more
	// awaited says that the loop runs once this node owns the router.
	awaited bool
}

func newManager(p *daemon.Process, o Options) *manager {
	m := &manager{
		Process: p, options: o, log: p.Logs.Main(), units: map[string]*unit{}, fronts: map[string]daemon.Front{},
		listeners: daemon.NewLoopSet(p.Logs.Main()), routers: routerdial.NewPool(nil, p.Logs.Main()),
		dir: directory{path: o.Dir, last: map[string]stamp{}, used: map[string]stamp{}},
	}
	p.Others = m.unusable
	m.front = p.Front(m.hostHealth)
	return m
}

// watch looks at the directory until ctx ends.
func (m *manager) watch(ctx context.Context) error {
	alive := m.Notifier.NewWatchdogSource() // there may be no loop that pings
	defer alive.Close()
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	last := ""
	for {
		alive.Watchdog()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		switch err := m.update(false); {
		case err == nil:
			last = ""
		case err.Error() != last:
			last = err.Error()
			m.log.Error("the configurations cannot be read: the loops go on as they are", "error", err)
		}
	}
}

// update makes the loops what the files say: of those that have changed, or of all.
func (m *manager) update(all bool) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	m.reloadNode(all)
	changed, err := m.dir.changes(all)
	if err != nil || len(changed) == 0 && !all {
		return err
	}
	m.read(changed)
	m.apply(m.decide())
	m.listen()
	m.options.TuneProcessors(len(m.Set.States()))
	if all {
		m.Set.Retry()
	}
	if len(m.units) == 0 {
		m.log.Warn("there is no configuration yet: waiting for one", "directory", m.options.Dir, "hint", "wanctl config init")
	}
	return nil
}

// read reads the files that have changed, and those of steering, which refer to others.
// Steering does not follow a WAN whose file has become bad: its loop keeps the old one.
func (m *manager) read(changed []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, path := range changed {
		if m.units[path] == nil {
			m.units[path] = &unit{path: path, kept: new(daemon.KeptConfig)}
		}
		m.readFile(m.units[path], true)
	}
	broken := func(u *unit) bool { return u.inUse != nil && u.file.Err != nil }
	if slices.ContainsFunc(slices.Collect(maps.Values(m.units)), broken) {
		return
	}
	for path, u := range m.units {
		if u.file.Steering != nil && !slices.Contains(changed, path) {
			m.readFile(u, false)
		}
	}
}

// readFile is called with mu held. With log, it logs what there is to say of the file.
func (m *manager) readFile(u *unit, log bool) {
	if u.gone = m.dir.used[u.path] == (stamp{}); u.gone {
		return
	}
	expected := u.inUse != nil || u.file.Err != nil
	file, foreign := configdir.Read(u.path, expected, m.options.Config, steer.Load)
	u.file = file
	if foreign {
		delete(m.units, u.path)
		m.log.Info("not a configuration of a WAN or of steering: left out", "file", u.path)
		return
	}
	if !log {
		return
	}
	if file.WAN != nil && !file.WAN.Enabled {
		m.log.Info("continuous_monitoring.enabled is false: left out", "file", u.path)
	}
	for _, w := range file.Warnings {
		m.log.Warn("configuration", "warning", w.String())
	}
}

// unusable returns the files without a loop that cannot be used, for health and status.
func (m *manager) unusable() (wans []telemetry.Source, steering []telemetry.SteeringSource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(m.units)) {
		u := m.units[path]
		switch {
		case u.standsBy() && u.file.Steering != nil:
			steering = append(steering, standbySteering{m.newStandby(u.fresh())})
		case u.standsBy():
			wans = append(wans, standbyWAN{m.newStandby(u.fresh())})
		case u.inUse != nil || u.err == nil:
		case u.file.Kind == config.KindSteering:
			steering = append(steering, daemon.AbsentSteering{Name: filepath.Base(path), Why: u.problem()})
		default:
			wans = append(wans, daemon.AbsentWAN{Name: filepath.Base(path), Why: u.problem()})
		}
	}
	return wans, steering
}

// listen starts and stops listeners, so that they are those the configurations in use
// ask for; while there is none, that of a configuration without such settings. So it does
// with what stands for the loops of other nodes.
func (m *manager) listen() {
	var shown []daemon.Shown
	for _, path := range slices.Sorted(maps.Keys(m.units)) {
		s := m.units[path].inUse
		if s == nil && m.units[path].standsBy() {
			s = m.units[path].fresh()
		}
		switch {
		case s == nil:
		case s.wan != nil:
			shown = append(shown, daemon.Shown{Config: &s.wan.Base, Front: m.front})
		default:
			front, known := m.fronts[s.steering.Name]
			if !known {
				front = m.Front(m.steeringHealth(s.steering.Name))
				m.fronts[s.steering.Name] = front
			}
			shown = append(shown, daemon.Shown{Config: &s.steering.Base, Front: front})
		}
	}
	if shown == nil {
		shown = []daemon.Shown{{Config: &config.Base{Health: config.Endpoint{Enabled: true, Host: "127.0.0.1", Port: 9101}}, Front: m.front}}
	}
	// WANs first: what shows everything beats what shows steering alone.
	slices.SortStableFunc(shown, func(a, b daemon.Shown) int {
		switch {
		case a.Front == m.front && b.Front != m.front:
			return -1
		case a.Front != m.front && b.Front == m.front:
			return 1
		}
		return 0
	})
	wanted := map[string]daemon.Loop{}
	for _, l := range m.Listeners(shown...) {
		wanted[l.Name()] = l
	}
	for name, s := range m.standbys() {
		wanted[name] = s
	}
	for _, st := range m.listeners.States() {
		name := st.Loop.Name()
		if wanted[name] == nil {
			_ = m.listeners.Stop(name) // it never fails
		}
		delete(wanted, name)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		l := wanted[name]
		if err := m.listeners.Start(name, func() daemon.Loop { return l }); err != nil && !errors.Is(err, context.Canceled) {
			m.log.Warn("listener", "listener", name, "error", err)
		}
	}
}
