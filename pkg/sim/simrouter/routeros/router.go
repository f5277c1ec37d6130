// Package routeros is the configuration and state of one simulated router: its
// menus with their rows, the commands that read and change them, its users and
// policies, and what it forgets in a reboot. The menus_*.go files declare the
// menus as data: path, fields with their types and defaults, and rare rules.
//
// It speaks no protocol. A protocol turns requests into Commands and Results into
// bytes, so that REST, the binary API and SSH agree on what a command does and on
// the words of a failure.
package routeros

import (
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Quirks are points where RouterOS's behaviour is not published. The zero value
// of each is the likelier behaviour.
type Quirks struct {
	// KeepsTimeout: setting the timeout of an address list entry to what it
	// was set to does not start it anew.
	KeepsTimeout bool
	// EqualWritesFlash: setting a value to what it already is costs a sector.
	EqualWritesFlash bool
	// CountsLeafDrops: queues count the drops inside of a CAKE or FQ-CoDel leaf.
	CountsLeafDrops bool
	// DuplicateQueueNames: a second queue of the same name is accepted.
	DuplicateQueueNames bool
	// ResolvesNames: the router has a resolver, so that host names in address
	// lists have dynamic rows with their addresses beside them.
	ResolvesNames bool
	// NoIPv6: its menus are missing, as on RouterOS 6 while the package is
	// disabled.
	NoIPv6 bool
	// DuplicateAddresses: a second entry of the same list and address is accepted.
	DuplicateAddresses bool
	// FenceSparesSessions: rules in raw do not drop what comes on connections that are
	// established.
	FenceSparesSessions bool
	// LateCounters: the counters of firewall rules are up to a second old.
	LateCounters bool

	// OtherErrors: errors at the command line end in their place, as in
	// "no such item (/queue/tree/get; line 1)", below 7.16 and not from then on.
	OtherErrors bool
}

// Config of a Router. Zero fields have defaults.
type Config struct {
	Version Version          // 7.24.4
	Uptime  time.Duration    // at the start; 2d20h
	Now     func() time.Time // time.Now
	Backend Backend          // of the tree; nil: counters stay as they are set
	Simple  SimpleBackend    // of simple queues; nil: counters stay as they are set
	Quirks  Quirks
	Logger  *slog.Logger // failures of the backend; nil discards

	Firewall Firewall // nil: rules about address lists are simulated

	// Reboot is called when a command asks for a restart, with the router locked:
	// it must not call back. nil: nothing happens.
	Reboot func()
}

// Router is one router. It is safe for concurrent use.
type Router struct {
	// configuration
	version Version
	now     func() time.Time
	backend Backend
	simple  SimpleBackend
	quirks  Quirks
	log     *slog.Logger
	reboot  func()

	firewall Firewall

	listRules atomic.Bool // there has been a firewall rule about the members of an address list

	mu sync.Mutex // protects the following fields

	menus         map[string]*menu // by path
	ordered       []*menu          // those that others refer to first
	booted        time.Time
	sectors       int
	sectorsAtBoot int
	writes        int
	added         map[string]bool // queues that ever were, by menu and first name
}

// sectorsBefore is the number of flash sectors written before this start.
const sectorsBefore = 572180

// maxLog bounds /log, as the router's memory does.
const maxLog = 1000

// New returns a router with built-in queue types, the default groups, and
// nothing else: no users, no queues.
func New(cfg Config) *Router {
	m := &Router{
		version: cfg.Version, now: cfg.Now, backend: cfg.Backend, simple: cfg.Simple, quirks: cfg.Quirks, log: cfg.Logger, reboot: cfg.Reboot, firewall: cfg.Firewall,
		menus: make(map[string]*menu), added: make(map[string]bool),
		sectors: sectorsBefore, sectorsAtBoot: sectorsBefore,
	}
	if m.version == (Version{}) {
		m.version = Version{7, 24, 4}
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Uptime == 0 {
		cfg.Uptime = 68 * time.Hour
	}
	m.booted = m.now().Add(-cfg.Uptime)
	m.ordered = m.newMenus()
	for _, mn := range m.ordered {
		m.menus[mn.path] = mn
	}
	builtinTypes(m.menus[typePath])
	for _, g := range []struct{ name, policy string }{
		{"read", "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,sensitive,api,romon,rest-api"},
		{"write", "local,telnet,ssh,reboot,read,write,test,winbox,password,web,sniff,sensitive,api,romon,rest-api"},
		{"full", strings.Join(policies, ",")},
	} {
		m.addRow("/user/group", map[string]string{"name": g.name, "policy": g.policy})
	}
	return m
}

// newMenus returns the menus of this version.
func (m *Router) newMenus() []*menu {
	menus := []*menu{
		interfaces(), queueType(), queueTree(), queueSimple(), queueInterface(), routingTable(), routingRule(), ipService(m.version),
		userGroups(), users(), scripts(), files(), system(), identity(), resource(), logMenu(),
	}
	if m.version.AtLeast(7, 24) {
		menus = append(menus, webserver())
	}
	families := []string{ipv4, ipv6}
	if m.quirks.NoIPv6 {
		families = []string{ipv4}
	}
	for _, family := range families {
		menus = append(menus, firewall(family, "mangle", m.version), firewall(family, "filter", m.version), firewall(family, "raw", m.version), addressList(family), routes(family))
	}
	return menus
}

// addRow adds a row as it is, without the checks of add.
func (m *Router) addRow(path string, values map[string]string) {
	mn := m.menus[path]
	r := mn.newRow()
	r.id = mn.newID()
	maps.Copy(r.values, values)
	mn.rows, mn.byKey = append(mn.rows, r), nil
}

// Version returns the simulated RouterOS version.
func (m *Router) Version() Version { return m.version }

// WriteSectors counts the flash sectors written since New.
func (m *Router) WriteSectors() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sectors - sectorsBefore
}

// Writes counts the commands since New that tried to change something,
// whether or not anything changed.
func (m *Router) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Row returns the shown values of the one row of a menu whose field has that
// value; false when there is none, or more than one.
func (m *Router) Row(path, field, value string) (map[string]string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mn := m.menus[path]
	if mn == nil {
		return nil, false
	}
	var found map[string]string
	for _, r := range mn.rows {
		if r.values[field] == value {
			if found != nil {
				return nil, false
			}
			found = m.show(mn, r, nil)
		}
	}
	return found, found != nil
}

// SetDynamic marks the rows of a menu whose field has that value as made by the
// router itself.
func (m *Router) SetDynamic(path, field, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.menus[path].rows {
		if r.values[field] == value {
			r.values["dynamic"], r.dynamic = "true", true
		}
	}
}

// Log appends a line to /log.
func (m *Router) Log(topics, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logLine(topics, message)
}

func (m *Router) logLine(topics, message string) {
	mn := m.menus["/log"]
	mn.rows = append(mn.rows, &row{id: mn.newID(), values: map[string]string{
		"time": m.stamp(m.now()), "topics": topics, "message": message,
	}})
	if len(mn.rows) > maxLog {
		mn.rows = mn.rows[len(mn.rows)-maxLog:]
	}
}

// Reboot clears counters, dynamic rows, the log and the uptime, as a restart
// does. With renumber, rows also get new ids, as after an import.
func (m *Router) Reboot(renumber bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.booted = m.now()
	m.sectorsAtBoot = m.sectors
	for _, mn := range m.menus {
		kept := mn.rows[:0]
		for _, r := range mn.rows {
			if r.dynamic || mn.path == "/log" {
				continue
			}
			m.clearCounters(mn, r)
			kept = append(kept, r)
		}
		if len(kept) < len(mn.rows) {
			mn.byKey = nil
		}
		clear(mn.rows[len(kept):])
		mn.rows, mn.byKey = kept, nil
		if renumber {
			m.renumber(mn)
		}
	}
	m.resolveNames()
	m.applyRules()
	m.logLine("system,info", "router rebooted")
}

// renumber rotates the ids among the rows of a menu: every old id still exists,
// and identifies another row.
func (m *Router) renumber(mn *menu) {
	if len(mn.rows) < 2 {
		for _, r := range mn.rows {
			r.id = mn.newID()
		}
		return
	}
	first := mn.rows[0].id
	for i := range len(mn.rows) - 1 {
		mn.rows[i].id = mn.rows[i+1].id
	}
	mn.rows[len(mn.rows)-1].id = first
}

func (m *Router) uptime() time.Duration { return m.now().Sub(m.booted).Truncate(time.Second) }

// stamp writes a time as this version does.
func (m *Router) stamp(t time.Time) string {
	if m.version.AtLeast(7, 10) {
		return t.Format("2006-01-02 15:04:05")
	}
	return strings.ToLower(t.Format("Jan/02/2006 15:04:05"))
}

// updateRows drops rows whose timeout has passed and updates those that follow rows
// of other menus.
func (m *Router) updateRows() {
	m.listInterfaceQueues()
	m.readRules()
	for _, mn := range m.menus {
		if !mn.expires {
			continue
		}
		kept := mn.rows[:0]
		for _, r := range mn.rows {
			if r.expires.IsZero() || m.now().Before(r.expires) {
				kept = append(kept, r)
			}
		}
		if len(kept) < len(mn.rows) {
			mn.byKey = nil
		}
		clear(mn.rows[len(kept):])
		mn.rows = kept
	}
}

func (m *Router) byName(path, name string) *row { return m.menus[path].find(name) }

func (m *Router) isParent(name string) bool {
	return name == "global" || m.byName(treePath, name) != nil || m.byName(interfacePath, name) != nil
}
