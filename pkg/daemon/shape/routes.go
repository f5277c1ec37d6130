package shape

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

const (
	routeTick      = time.Second      // between two look-ups while a route is not known yet
	routeInterval  = 10 * time.Second // and from then on
	othersInterval = time.Minute      // between two requests to other processes, unless a route changes
)

// probeRoutes holds the routes by which the probes of one WAN leave this host, and
// reports them. Only the routeMonitor changes it.
type probeRoutes struct {
	wan    string
	lookup func() []telemetry.ProbeRoute
	mark   uint32 // of the configuration
	to     daemon.Events
	shared func(bool) // sets the metric

	current  atomic.Pointer[routeStatus]
	reported reminder
}

// routeStatus is what the health document shows.
type routeStatus struct {
	routes  []telemetry.ProbeRoute
	warning string // that another WAN has one of these routes
}

func newProbeRoutes(c *WANController) *probeRoutes {
	p := &probeRoutes{
		wan: c.cfg.Name, lookup: func() []telemetry.ProbeRoute { return routesOf(c.probes) }, mark: c.cfg.PingMark,
		to: daemon.Events{Logger: c.log, Feed: c.feed}, shared: c.metrics.RouteShared,
	}
	p.current.Store(&routeStatus{})
	return p
}

func routesOf(g *probe.Group) []telemetry.ProbeRoute {
	var routes []telemetry.ProbeRoute
	for _, r := range g.Routes() {
		routes = append(routes, NewProbeRoute(r))
	}
	return routes
}

// NewProbeRoute returns a route as documents have it.
func NewProbeRoute(r hostnet.Route) telemetry.ProbeRoute {
	route := telemetry.ProbeRoute{Source: r.Source.String(), Interface: r.Interface}
	if r.Gateway.IsValid() {
		route.Gateway = r.Gateway.WithZone("").String()
	}
	return route
}

// update looks the routes up and reports a change. While there is none, as when the
// network is down, the last ones stay.
func (p *probeRoutes) update() (changed bool) {
	before := p.current.Load()
	routes := p.lookup()
	if routes == nil || slices.Equal(routes, before.routes) {
		return false
	}
	for _, r := range routes {
		if !slices.Contains(before.routes, r) {
			where := []any{"source", r.Source, "interface", r.Interface}
			if r.Gateway != "" {
				where = append(where, "gateway", r.Gateway)
			}
			p.to.Info("route of the probes", where...)
		}
	}
	if before.routes != nil {
		p.to.Record("probe", "", fmt.Sprintf("probes leave from %s, before from %s", routeList(routes), routeList(before.routes)))
	}
	p.current.Store(&routeStatus{routes: routes, warning: before.warning})
	return true
}

func routeList(routes []telemetry.ProbeRoute) string {
	var texts []string
	for _, r := range routes {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, " and ")
}

// compare reports whether other WANs have one of the routes: at first, when that
// changes, and every hour. since is the time since the monitor began.
func (p *probeRoutes) compare(wans map[telemetry.ProbeRoute][]string, since time.Duration) {
	status := *p.current.Load()
	warning := SharedRoute(p.wan, p.mark, status.routes, wans)
	p.shared(warning != "")
	if warning == "" {
		if p.reported.clear() {
			p.to.Info("no other WAN is measured by the same route any more")
			p.to.Record("probe", "", "no other WAN is measured by the same route any more")
		}
	} else if isNew, due := p.reported.remind(since, warning); due {
		p.to.Warn("another WAN is measured by the same route", "why", warning)
		if isNew {
			p.to.Record("probe", "", warning)
		}
	}
	if warning != status.warning {
		status.warning = warning
		p.current.Store(&status)
	}
}

// SharedRoute returns a warning where another WAN has one of the routes of the probes of
// wan, else "". wans holds the WANs by route; mark is that of the configuration.
func SharedRoute(wan string, mark uint32, routes []telemetry.ProbeRoute, wans map[telemetry.ProbeRoute][]string) string {
	for _, r := range routes {
		const most = 3
		var others []string
		more := max(0, len(wans[r])-1-most)
		for _, other := range wans[r] {
			if other != wan && len(others) < most {
				others = append(others, other)
			}
		}
		if others == nil || r.Local() {
			continue
		}
		names := strings.Join(others, ", ")
		if more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		advice := "give each WAN a ping_source, ping_interface or ping_mark of its own"
		if mark != 0 {
			advice = fmt.Sprintf("no rule of 'ip rule' leads packets with the mark %#x another way", mark)
		}
		return fmt.Sprintf("the probes leave by the same route as those of %s, from %s: they measure one line, unless the router tells them apart by their destination; %s", names, r, advice)
	}
	return ""
}

// routeMonitor compares the routes of the WANs of this process with each other and with
// those of the other loops of this host. It asks the kernel again and again: rules,
// tables and gateways change while loops run.
type routeMonitor struct {
	own func() []*probeRoutes
	// others returns the routes of the WANs of other processes, by WAN.
	others func(context.Context) map[string][]telemetry.ProbeRoute
}

// Run implements supervisor.Task's.
func (m routeMonitor) Run(ctx context.Context) error {
	ticker := time.NewTicker(routeTick)
	defer ticker.Stop()
	began := time.Now()
	var lookedUp, asked time.Duration
	var others map[string][]telemetry.ProbeRoute
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		since, own := time.Since(began), m.own()
		known := !slices.ContainsFunc(own, func(p *probeRoutes) bool { return p.current.Load().routes == nil })
		if known && since-lookedUp < routeInterval {
			continue
		}
		lookedUp = since
		ask := since-asked >= othersInterval
		wans := map[telemetry.ProbeRoute][]string{}
		for _, p := range own {
			ask = p.update() || ask
			for _, r := range p.current.Load().routes {
				wans[r] = append(wans[r], p.wan)
			}
		}
		if ask {
			others, asked = m.others(ctx), since
		}
		for wan, routes := range others {
			for _, r := range routes {
				wans[r] = append(wans[r], wan)
			}
		}
		for _, names := range wans {
			slices.Sort(names) // the text must not change from one look-up to the next
		}
		for _, p := range own {
			p.compare(wans, since)
		}
	}
}

// WatchRoutes adds the task that watches the routes of the WANs of p.
func WatchRoutes(p *daemon.Process) {
	wans := func() []*WANController { return daemon.Loops[*WANController](p.Set) }
	p.Sinks = append(p.Sinks, supervisor.NewTask("routes", nil, routeMonitor{
		own: func() []*probeRoutes {
			var all []*probeRoutes
			for _, w := range wans() {
				all = append(all, w.routes)
			}
			return all
		},
		others: func(ctx context.Context) map[string][]telemetry.ProbeRoute { return routesOfOthers(ctx, wans()) },
	}.Run))
}

// routesOfOthers asks the loops of other processes, by the sockets in the directories
// where those of this process are. What does not answer, or is no loop, has no routes.
func routesOfOthers(ctx context.Context, wans []*WANController) map[string][]telemetry.ProbeRoute {
	routes := map[string][]telemetry.ProbeRoute{}
	seen := map[string]bool{}
	for _, w := range wans {
		seen[w.cfg.Socket()] = true
	}
	for _, w := range wans {
		sockets, _ := filepath.Glob(filepath.Join(filepath.Dir(w.cfg.Socket()), "*.sock"))
		for _, socket := range sockets {
			if seen[socket] {
				continue
			}
			seen[socket] = true
			h, err := daemonsock.New(socket).Health(ctx)
			if err != nil {
				continue
			}
			for _, other := range h.WANs {
				routes[other.Name] = other.Probe.Routes
			}
		}
	}
	return routes
}
