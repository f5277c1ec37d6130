// Package host is the daemon of `wanctl serve`: health, metrics and the status page
// of every WAN and every steering daemon of this host on one listener. It asks
// the daemons over their sockets and reads state files; it controls nothing and
// never contacts a router.
package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/aggregate"
)

// Options says what to serve, and where.
type Options struct {
	daemon.Options
	Config    config.Options
	ConfigDir string
	// Paths, if set, lists the files to serve at each reload; nil: all of
	// ConfigDir.
	Paths func() ([]string, error)

	Listen         string // "host:port"
	WebConfig      string // file with certificate and users; "" for none
	InsecurePublic bool   // let everybody read, even on an address that others reach
}

// server is a running `wanctl serve`.
type server struct {
	*daemon.Daemon
	options Options
	host    *aggregate.Host
	access  *daemon.WebAccess

	reloading sync.Mutex // one reload at a time; guards configs
	configs   hostConfig
}

// Run serves until ctx ends or a signal ends it. A listener that others reach
// without TLS and users is an ExposedError.
func Run(ctx context.Context, o Options) (err error) {
	o.Log.ConsoleOnly = true
	ctx, d := daemon.New(ctx, o.Options)
	s := &server{Daemon: d, options: o, host: aggregate.New(o.Version), access: daemon.NewWebAccess(o.WebConfig)}
	s.configs = hostConfig{options: &s.options, log: d.Logs.Main()}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.build(); err != nil {
		return err
	}
	return s.Run(ctx, daemon.Service{
		Status:  "serving " + o.Listen,
		Started: []any{"listen", o.Listen, "tls", s.access.Encrypted(), "users", s.access.Closed()},
		Reload:  func(ctx context.Context) { _ = s.reload(ctx) }, // it has logged what is wrong
	})
}

// build assembles everything. What fails here fails before anything runs.
func (s *server) build() error {
	if err := s.loadAccess(); err != nil {
		return err
	}
	wans, steering, err := s.configs.read()
	if err != nil && (s.options.Paths != nil || !usable(wans, steering)) {
		return err
	}
	s.Complain(err, "a configuration cannot be used")
	s.host.Set(wans, steering)

	registry := telemetry.NewRegistry()
	if _, err := telemetry.New(registry, s.Version); err != nil {
		return err
	}
	s.Loops = append(s.Loops, s.access.Server("serve", s.options.Listen, "--listen", s.handler(s.host.Metrics(registry)), s.Logs))
	every := 5 * time.Second
	if w := s.Notifier.WatchdogInterval(); w > 0 {
		every = min(every, w/4)
	}
	s.ReportStatus(every, s.report)
	return nil
}

// usable reports whether any configuration could be read.
func usable(wans []aggregate.WAN, steering []aggregate.Steering) bool {
	for _, w := range wans {
		if w.Problem == "" {
			return true
		}
	}
	for _, s := range steering {
		if s.Problem == "" {
			return true
		}
	}
	return false
}

// handler is everything that is served, to whoever may read it.
func (s *server) handler(metrics http.Handler) http.Handler {
	health := func(page http.Handler) http.Handler { return telemetry.HostHandler(s.host.Host, page) }
	mux := http.NewServeMux()
	mux.Handle("/", s.Pages(daemon.HTTPFront{Health: health, Source: s.host, Metrics: metrics, Guard: func(h http.Handler) http.Handler { return h }}))
	mux.Handle("/-/reload", s.reloadHandler())
	return s.access.Guard(mux)
}

// reloadHandler serves POST /-/reload: to this host, or to whoever had a
// password, and to no page of another site.
func (s *server) reloadHandler() http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost && r.Method != http.MethodPut:
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, "reload with POST", http.StatusMethodNotAllowed)
		case !s.access.Closed() && !supervisor.OnLoopback(r):
			http.Error(w, "reload from this host, or protect the listener with users: --web-config", http.StatusForbidden)
		default:
			if err := s.reload(r.Context()); err != nil {
				http.Error(w, "some things stay as they were:\n"+err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = w.Write([]byte("reloaded\n"))
		}
	}))
}

// reload reads configurations, certificate and users again. What is bad stays
// as it was, and is told.
func (s *server) reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	accessErr := s.loadAccess()
	s.Complain(accessErr, "certificate and users stay as they were")
	wans, steering, err := s.configs.read()
	s.Complain(err, "a configuration cannot be used: where there was an old one, that is kept")
	if err == nil || wans != nil || steering != nil {
		s.host.Set(wans, steering)
	}
	running, all := s.host.Count(ctx)
	if err := errors.Join(accessErr, err); err != nil {
		s.Logs.Main().Warn("configuration reloaded in part", "daemons", all, "running", running)
		return err
	}
	s.Logs.Main().Info("configuration reloaded", "daemons", all, "running", running)
	return nil
}

// loadAccess reads certificate and users. What may not be leaves all as it was.
func (s *server) loadAccess() error { return s.access.Load(s.options.checkReach) }

// report is the line of `systemctl status`. On the way it tells the watchdog
// that asking the daemons comes to an end.
func (s *server) report(ctx context.Context) (string, bool) {
	running, all := s.host.Count(ctx)
	s.Notifier.Watchdog()
	return fmt.Sprintf("serving %s: %d of %d daemons run", s.options.Listen, running, all), true
}
