package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// Options says what to examine.
type Options struct {
	Files   []string // configurations to examine
	Others  []string // further ones of this host, which those of Files are compared with
	Config  config.Options
	Secrets string        // file of passwords
	Measure time.Duration // for how long reflectors are measured
	// Receivers has the receivers of notifications connected to. Nothing is sent.
	Receivers bool
	// Report gets the findings as they come; the error of Run ends them.
	Report func(Finding)
}

// examination is one run.
type examination struct {
	Options
	wans     []*config.WAN // of Files and of Others
	steering []*config.Steering
	daemons  map[string]*Daemon // by path of the configuration
}

// Run examines the host and all of o.Files, one after the other.
func Run(ctx context.Context, o Options) {
	e := &examination{Options: o, daemons: map[string]*Daemon{}}
	for _, path := range slices.Concat(o.Files, o.Others) {
		e.load(ctx, path, slices.Contains(o.Files, path))
	}
	e.compare()
	host := readHost(o.Secrets)
	for _, d := range e.daemons {
		host.Running = host.Running || d.Status != "" && strings.HasPrefix(d.Unit, "wanctl@")
	}
	run("host", hostChecks, host, o.Report)
	for _, w := range e.wans {
		if slices.Contains(o.Files, w.Path) && ctx.Err() == nil {
			e.examineWAN(ctx, w)
		}
	}
	for _, s := range e.steering {
		if slices.Contains(o.Files, s.Path) && ctx.Err() == nil {
			e.examineSteering(ctx, s)
		}
	}
}

// load reads a configuration and reports what is wrong with it, if it is one to examine.
func (e *examination) load(ctx context.Context, path string, examined bool) {
	var warnings []config.Problem
	var err error
	opts := e.Config
	if !examined {
		opts.WithoutSecrets, opts.FileAlone = true, true
	}
	subject := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if config.DetectKind(path) == config.KindSteering {
		var s *config.Steering
		if s, warnings, err = config.LoadSteering(path, opts); err == nil {
			subject = s.Name
			var more []config.Problem
			_, _, more, err = s.LoadWANs(opts)
			warnings = append(warnings, more...)
			e.steering = append(e.steering, s)
			e.daemons[path] = e.readSteeringDaemon(ctx, s)
		}
	} else {
		var w *config.WAN
		if w, warnings, err = config.Load(path, opts); err == nil {
			subject = w.Name
			e.wans = append(e.wans, w)
			e.daemons[path] = e.readLoop(ctx, w)
		}
	}
	if !examined {
		return
	}
	var invalid *config.Error
	if errors.As(err, &invalid) {
		e.reportProblems(subject, Failure, invalid.Problems)
	} else if err != nil {
		e.Report(Finding{subject, "configuration", failure("wanctl config validate "+path, "%s: %v", path, err)})
	}
	e.reportProblems(subject, Warning, warnings)
	if err == nil && warnings == nil {
		e.Report(Finding{subject, "configuration", ok("%s is valid", path)})
	}
}

func (e *examination) reportProblems(subject string, level Level, problems []config.Problem) {
	for _, p := range problems {
		next := "fix it, then: wanctl config validate " + p.File
		if _, err := os.Stat(p.File); errors.Is(err, fs.ErrNotExist) {
			next = initCommand(p.File)
		} else if p.Key != "" {
			next = "wanctl config explain " + p.Key + "; then: wanctl config validate " + p.File
		}
		e.Report(Finding{subject, "configuration", Result{level, p.String(), next}})
	}
}

// initCommand writes the configuration that is missing at path.
func initCommand(path string) string {
	name, is := strings.CutSuffix(filepath.Base(path), ".yaml")
	switch dir := filepath.Dir(path); {
	case name == "steering": // is written with the WAN that connections go to
		return "wanctl config init --config-dir " + dir + " --wan NAME --steer-from WAN"
	case !is:
		return "wanctl config init --config " + path
	case dir == "/etc/wanctl":
		return "wanctl config init --wan " + name
	default:
		return "wanctl config init --wan " + name + " --config-dir " + dir
	}
}

// readLoop reads the facts of the daemon of a WAN.
func (e *examination) readLoop(ctx context.Context, w *config.WAN) *Daemon {
	d := readDaemon(ctx, &w.Base, "wanctl@"+w.Name)
	if _, err := state.OpenWAN(w.StateFile).ReadOnly(); errors.Is(err, state.ErrDamaged) {
		d.State = err
	}
	h, err := daemonsock.New(w.Socket()).Health(ctx)
	if err != nil {
		return d
	}
	d.Status = h.Status
	for _, one := range h.WANs {
		if one.Name == w.Name {
			d.Status, d.Reasons, d.Warnings = one.Status, one.Reasons, one.Warnings
		}
	}
	return d
}

func (e *examination) readSteeringDaemon(ctx context.Context, s *config.Steering) *Daemon {
	d := readDaemon(ctx, &s.Base, "wanctl-steer")
	if _, err := state.OpenSteering(s.StateFile).ReadOnly(); errors.Is(err, state.ErrDamaged) {
		d.State = err
	}
	if h, err := daemonsock.New(s.Socket()).SteeringHealth(ctx); err == nil {
		d.Status = h.Status
	}
	return d
}

// compare reports what files have against each other, and marks listeners that belong to
// another daemon of this host.
func (e *examination) compare() {
	var invalid *config.Error
	if err := config.CheckConflicts(e.wans, e.steering...); errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			e.Report(Finding{e.subject(p.File), "conflicts", failure("fix it, then: wanctl config validate", "%s", p)})
		}
	}
	listening := map[string]bool{}
	for _, d := range e.daemons {
		for _, l := range d.Listeners {
			listening[l.Addr] = listening[l.Addr] || d.Status != ""
		}
	}
	for _, d := range e.daemons {
		for i := range d.Listeners {
			d.Listeners[i].Ours = listening[d.Listeners[i].Addr]
		}
	}
}

// subject returns the name of the daemon of a file.
func (e *examination) subject(path string) string {
	if d := e.daemons[path]; d != nil {
		return d.Name
	}
	return filepath.Base(path)
}

func (e *examination) examineWAN(ctx context.Context, w *config.WAN) {
	if !w.Enabled {
		e.Report(Finding{w.Name, "configuration", warning("set continuous_monitoring.enabled: true in "+w.Path, "continuous_monitoring.enabled is false: nothing is controlled")})
	}
	run(w.Name, daemonChecks, e.daemons[w.Path], e.Report)
	run(w.Name, notifyChecks, readNotify(ctx, &w.Base, e.Receivers), e.Report)
	device, client := readDevice(ctx, &w.Base)
	run(w.Name, deviceChecks, device, e.Report)
	var queues *Queues
	var before counters
	var err error
	if client != nil {
		defer client.Close()
		queues = readQueues(ctx, w, client)
		if slices.ContainsFunc(e.wans, func(o *config.WAN) bool { return o != w && o.Router.Host == w.Router.Host }) && queues.Simple == "" {
			queues.Command += " --style marks" // what comes in by two WANs leaves by one LAN
		}
		before, _, err = queues.readCounters(ctx, w, client)
	}
	probes := readProbes(ctx, w, e.Measure)
	probes.Shared = e.sharedRoute(w, probes)
	run(w.Name, probeChecks, probes, e.Report)
	if queues == nil {
		return
	}
	if after, known, err2 := queues.readCounters(ctx, w, client); err == nil && err2 == nil {
		queues.Traffic = passed(before, after, known)
	}
	for _, r := range probes.answering() {
		if queues.Base == 0 || r.Base < queues.Base {
			queues.Base = r.Base
		}
	}
	run(w.Name, queueChecks, queues, e.Report)
	if len(e.wans) > 1 {
		run(w.Name, ruleChecks, readProbeRule(ctx, w, probes.Routes, client), e.Report)
	}
}

func (e *examination) examineSteering(ctx context.Context, s *config.Steering) {
	run(s.Name, daemonChecks, e.daemons[s.Path], e.Report)
	run(s.Name, notifyChecks, readNotify(ctx, &s.Base, e.Receivers), e.Report)
	device, client := readDevice(ctx, &s.Base)
	run(s.Name, deviceChecks, device, e.Report)
	var asked router.Client
	if client != nil {
		defer client.Close()
		asked = client
	}
	run(s.Name, steeringChecks, readSteering(ctx, s, e.wans, asked), e.Report)
}

// sharedRoute compares the routes of a WAN with those that the other WANs have.
func (e *examination) sharedRoute(w *config.WAN, p *Probes) string {
	wans := map[telemetry.ProbeRoute][]string{}
	for _, r := range p.Routes {
		wans[r] = []string{w.Name}
	}
	for _, other := range e.wans {
		if other == w || !other.Enabled {
			continue
		}
		for _, r := range routesOf(other) {
			if !slices.Contains(wans[r], other.Name) {
				wans[r] = append(wans[r], other.Name)
			}
		}
	}
	return shape.SharedRoute(w.Name, w.PingMark, p.Routes, wans)
}

// routesOf returns the routes to the reflectors of a WAN that are addresses. Nothing is
// sent.
func routesOf(w *config.WAN) []telemetry.ProbeRoute {
	b, err := hostnet.Bind(w.PingSource, w.PingInterface, w.PingMark)
	if err != nil {
		return nil
	}
	var routes []telemetry.ProbeRoute
	for _, host := range w.PingHosts {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			continue
		}
		if r, err := b.Route(addr); err == nil && !slices.Contains(routes, shape.NewProbeRoute(r)) {
			routes = append(routes, shape.NewProbeRoute(r))
		}
	}
	return routes
}
