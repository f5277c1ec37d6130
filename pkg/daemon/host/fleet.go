package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/fleetlink"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/fleet/bus"
	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/page"
)

// fleetServer is a running `wanctl serve --fleet`.
type fleetServer struct {
	*daemon.Daemon
	options Options
	node    *config.Node
	access  *daemon.WebAccess
	view    *live.View
	bus     atomic.Pointer[bus.Conn] // nil until its files could be used
	metrics *telemetry.Fleet
}

// FleetNode returns the node.yaml of a directory, which has a fleet.
func FleetNode(dir string, opts config.Options) (*config.Node, error) {
	n, _, err := config.LoadNode(dir, "", opts)
	if err == nil && (n == nil || len(n.Fleet.URL) == 0) {
		err = config.ErrorAt(dir+"/node.yaml", "fleet.url", "names no NATS server, and there is no fleet without one; write fleet: {url: [tls://HOST:4222]}, as in configs/node.yaml.example")
	}
	return n, err
}

// RunFleet serves the page of the fleet that node.yaml names until ctx ends or a signal
// ends it, with the access of Run.
func RunFleet(ctx context.Context, o Options) (err error) {
	o.Log.ConsoleOnly = true
	n, err := FleetNode(o.ConfigDir, o.Config)
	if err != nil {
		return err
	}
	ctx, d := daemon.New(ctx, o.Options)
	s := &fleetServer{Daemon: d, options: o, node: n, access: daemon.NewWebAccess(o.WebConfig), view: live.NewView()}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.loadAccess(); err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	m, err := telemetry.New(registry, s.Version)
	if err != nil {
		return err
	}
	s.metrics = m.Fleet()
	s.Loops = append(s.Loops, s.access.Server("serve", o.Listen, "--listen", s.handler(telemetry.MetricsHandler(registry)), s.Logs))
	s.Sinks = append(s.Sinks, supervisor.NewTask("fleet", nil, s.follow))
	return s.Run(ctx, daemon.Service{
		Status:  "serving the fleet on " + o.Listen,
		Started: []any{"listen", o.Listen, "tls", s.access.Encrypted(), "users", s.access.Closed(), "fleet", n.Path},
		Reload:  func(context.Context) { s.Complain(s.loadAccess(), "certificate and users stay as they were") },
	})
}

// follow receives the batches of all nodes.
func (s *fleetServer) follow(ctx context.Context) error {
	conn := fleetlink.Keep(ctx, s.node, s.Logs.Main())
	if conn == nil {
		return nil
	}
	defer conn.Close()
	s.bus.Store(conn)
	if err := conn.Subscribe(live.AllSubjects, func(subject, _ string, data []byte) {
		if fresh, err := s.view.Receive(subject, data); fresh {
			s.Logs.Main().Warn("a batch is left out", "subject", subject, "error", err)
		}
	}); err != nil {
		return fmt.Errorf("listening to the fleet: %w", err)
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		s.metrics.Connected(conn.Connected())
		s.Notifier.Watchdog()
		if s.Notifier.Enabled() { // a query sorts all WANs
			f := s.view.Query(live.Query{Sort: live.Sorts[0]})
			s.Notifier.Status(fmt.Sprintf("serving %s: %d WANs of %d nodes, %d degraded, %d silent", s.options.Listen, f.Count, f.Nodes, f.Degraded, f.Silent))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *fleetServer) connected() bool {
	conn := s.bus.Load()
	return conn != nil && conn.Connected()
}

func (s *fleetServer) ask(ctx context.Context, site, node, wan string) (json.RawMessage, error) {
	conn := s.bus.Load()
	if conn == nil {
		return nil, bus.ErrAway
	}
	return live.Ask(ctx, conn, site, node, wan)
}

// handler is everything that is served, to whoever may read it.
func (s *fleetServer) handler(metrics http.Handler) http.Handler {
	shown := page.FleetHandler(live.RowsHandler(s.view, s.connected), live.HistoryHandler(s.ask))
	mux := http.NewServeMux()
	mux.Handle("/", shown)
	mux.Handle("GET /health", telemetry.DocumentHandler(s.health))
	mux.Handle("GET /metrics", metrics)
	s.AddProbes(mux)
	return s.access.Guard(mux)
}

// health returns the counts of the fleet; healthy is a view with a connection.
func (s *fleetServer) health(context.Context) (telemetry.Status, any) {
	doc := live.Document{Connected: s.connected(), Fleet: s.view.Query(live.Query{Sort: live.Sorts[0]})}
	if !doc.Connected {
		return telemetry.Degraded, doc
	}
	return telemetry.Healthy, doc
}

func (s *fleetServer) loadAccess() error { return s.access.Load(s.options.checkReach) }
