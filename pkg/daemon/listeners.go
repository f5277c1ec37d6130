package daemon

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Listener is an HTTP server that a configuration asks for. As a Loop, it can come and
// go with that configuration.
type Listener struct {
	name      string // "health" or "metrics"
	addr      string
	setting   string // the key that chooses addr
	webConfig string // file with certificate and users; "": everybody may read
	handler   http.Handler
	process   *Process
	*supervisor.HTTPServer
}

// Shown is a configuration that asks for listeners, and what they show.
type Shown struct {
	Config *config.Base
	Front  Front
}

// Listeners returns the servers that configurations ask for. They are those of the
// process: several configurations may share one, which shows what the first says.
func (p *Process) Listeners(all ...Shown) []*Listener {
	var list []*Listener
	bound := map[string]*Listener{}
	add := func(name, setting string, e config.Endpoint, handler http.Handler) {
		l := &Listener{
			name: name, addr: net.JoinHostPort(e.Host, strconv.Itoa(e.Port)), setting: setting,
			webConfig: e.WebConfig, handler: handler, process: p,
		}
		key := l.addr
		if e.Port == 0 {
			key += " " + name // each gets a port of its own
		}
		switch shared := bound[key]; {
		case !e.Enabled:
		case shared != nil: // one of the configurations is enough to protect it
			shared.webConfig = cmp.Or(shared.webConfig, e.WebConfig)
		default:
			bound[key] = l
			list = append(list, l)
		}
	}
	// Health comes first: where a port is one WAN's for health and another's for
	// metrics, the listener shows both.
	for _, s := range all {
		add("health", "health_check.port", s.Config.Health, s.Front.everything)
	}
	for _, s := range all {
		handler := s.Front.metricsOnly
		if s.Config.Health.Enabled && s.Config.Health.Host == s.Config.Metrics.Host {
			handler = s.Front.everything
		}
		add("metrics", "metrics.port", s.Config.Metrics, handler)
	}
	return list
}

// Listen adds the listeners to the tasks of the process.
func (p *Process) Listen(list []*Listener) {
	for _, l := range list {
		l.HTTPServer = l.server()
		p.Sinks = append(p.Sinks, l)
	}
}

// server returns a new server. Its access is read again at each reload.
func (l *Listener) server() *supervisor.HTTPServer {
	access := NewWebAccess(l.webConfig)
	l.process.mu.Lock()
	l.process.access[l.Name()] = access
	l.process.mu.Unlock()
	return access.Server(l.name, l.addr, l.setting, l.handler, l.process.Logs)
}

// Name implements Loop. A listener with other users, or another certificate, is another
// one.
func (l *Listener) Name() string { return strings.TrimSpace(l.name + " " + l.addr + " " + l.webConfig) }

// Open implements Loop.
func (l *Listener) Open(context.Context) error {
	l.HTTPServer = l.server()
	return nil
}

// Close implements Loop.
func (l *Listener) Close() error {
	l.process.mu.Lock()
	defer l.process.mu.Unlock()
	delete(l.process.access, l.Name())
	return nil
}
