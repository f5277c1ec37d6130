// Package simrouter is a simulated RouterOS on real sockets: for tests, for
// trying wanctl without a router, and as the control plane of a lab in which a
// Backend owns real queues. It owns the network side: a Service each for REST,
// the binary API and SSH, the faults that happen to requests (Fault), and a
// control endpoint for scripts. Menus, commands and users are in package
// routeros; it never decides what a command does.
//
// To add a service, begin in service.go. request.go holds what happens to every
// request, rest.go, api.go and ssh.go what differs between the protocols. The
// formats are packages of their own: restjson, sentence, sftp, rsc and value; package
// remote causes faults by commands.
//
// Where RouterOS's behaviour is not published, it is a switch in Quirks, so that
// clients are tested against every plausible answer.
package simrouter

import (
	"crypto/sha256"
	"crypto/tls"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

//go:embed default.rsc
var defaultScript string

// DefaultScript is the configuration a Router starts with when none is given.
func DefaultScript() string { return defaultScript }

// Backend owns real queues of the tree; see routeros.Backend.
type Backend = routeros.Backend

// SimpleBackend owns real simple queues; see routeros.SimpleBackend.
type SimpleBackend = routeros.SimpleBackend

// Firewall carries out rules about address lists; see routeros.Firewall.
type Firewall = routeros.Firewall

// ScriptError is a mistake in the initial configuration.
type ScriptError = routeros.ScriptError

// Config of a Router. The zero Config is RouterOS 7.24.4 with DefaultScript,
// answering at once over TLS.
type Config struct {
	Version string // "7.24" or "7.24.4"
	Plain   bool   // Start means http instead of https
	Latency time.Duration

	// Script is the initial configuration in the form of an export;
	// ScriptName is its name in errors.
	Script     string
	ScriptName string

	// Warn, when set, says that Script is the export of a real router, of which
	// unknown menus and arguments are no mistakes. It is called once for each
	// part that is not simulated.
	Warn func(line int, text string)

	Certificate *tls.Certificate // nil: self-signed, made at the start
	MaxSessions int              // connections at a time to each service; 0 is what /ip/service says, or no cap before 7.16
	RequestCap  time.Duration    // a request that takes longer is cut off; 60 s
	Quirks      Quirks
	Backend     Backend
	Simple      SimpleBackend
	Firewall    Firewall
	Logger      *slog.Logger // nil discards

	Uptime time.Duration    // at the start; 2d20h
	Now    func() time.Time // nil: time.Now

	// Listen replaces net.Listen, for routers in a network namespace. It is
	// called again for the same address when the router comes back.
	Listen func(network, addr string) (net.Listener, error)

	// Observe, if set, is called with each request, in the order of their arrival. It must
	// not call back.
	Observe func(Request)
}

// Router is one simulated router. It is safe for concurrent use.
type Router struct {
	// configuration
	cfg   Config
	state *routeros.Router
	log   *slog.Logger

	turns  turns         // of the requests over REST
	done   chan struct{} // closed by Close
	wg     sync.WaitGroup
	reboot atomic.Bool // asked for by a command
	keys   sshKeys

	mu       sync.Mutex // protects the following fields
	services []*service
	conns    map[*conn]struct{}
	faults   []*Fault
	latency  time.Duration
	cert     tls.Certificate
	race     int // requests still answered with wrong data after a reboot
	raceKind FaultKind
	history  []Request
	closed   bool
	stop     []func() bool // detach from the contexts of Start
	boot     *time.Timer
}

// Counts is what a Router has seen since New, over all services.
type Counts struct {
	Writes       int `json:"writes"`        // commands that tried to change something
	WriteSectors int `json:"write_sectors"` // flash sectors they cost
	ServiceCounts

	Services map[Service]ServiceCounts `json:"services"` // those that were started
}

// ServiceCounts is what one service has seen.
type ServiceCounts struct {
	Requests      int `json:"requests"`       // logins are not among them
	Connections   int `json:"connections"`    // accepted
	Open          int `json:"open"`           // of those, still there
	Logins        int `json:"logins"`         // sessions as /log counts them
	LoginFailures int `json:"login_failures"` // wrong credentials, or no policy for the service
}

// Request is one request as it arrived.
type Request struct {
	Service Service
	From    netip.Addr
	Method  string // REST: of HTTP
	Path    string // REST: undecoded, with the query. API: the command, such as "/queue/tree/print"
	Body    string // API: the other words, one a line
}

const maxHistory = 4096

// New returns a router that does not listen yet. A mistake in the script is a
// *ScriptError.
func New(cfg Config) (*Router, error) {
	var version routeros.Version
	if cfg.Version != "" {
		var err error
		if version, err = routeros.ParseVersion(cfg.Version); err != nil {
			return nil, err
		}
	}
	r := &Router{
		cfg: cfg, latency: cfg.Latency, log: cfg.Logger,
		done: make(chan struct{}), conns: make(map[*conn]struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.state = routeros.New(routeros.Config{
		Version: version, Uptime: cfg.Uptime, Now: cfg.Now, Backend: cfg.Backend, Simple: cfg.Simple, Firewall: cfg.Firewall, Quirks: cfg.Quirks.Quirks, Logger: r.log,
		Reboot: func() { r.reboot.Store(true) },
	})
	script, name := cfg.Script, cfg.ScriptName
	if script == "" {
		script, name = defaultScript, "default configuration"
	}
	load := r.state.Load
	if cfg.Warn != nil {
		load = func(file string, src io.Reader) error { return r.state.LoadExport(file, src, cfg.Warn) }
	}
	if err := load(name, strings.NewReader(script)); err != nil {
		return nil, err
	}
	setDefault(&r.cfg.RequestCap, time.Minute)
	setDefault(&r.cfg.Quirks.NoPolicyStatus, 401)
	setDefault(&r.cfg.Quirks.BadVerbStatus, 406)
	setDefault(&r.cfg.Quirks.UnknownPathStatus, 400)
	if cfg.Certificate != nil {
		r.cert = *cfg.Certificate
	}
	return r, nil
}

// ensureCertificate makes a certificate unless there is one. The caller holds r.mu.
func (r *Router) ensureCertificate() (err error) {
	if len(r.cert.Certificate) > 0 {
		return nil
	}
	now := time.Now()
	if r.cert, err = SelfSigned("simrouter", now.Add(-time.Hour), now.AddDate(10, 0, 0)); err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Fingerprint is the SHA-256 of the certificate in lower-case hex, "" before
// a service needs one.
func (r *Router) Fingerprint() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cert.Certificate) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.cert.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// Close resets every connection and waits for the router's goroutines.
func (r *Router) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		r.wg.Wait()
		return nil
	}
	r.closed = true
	close(r.done)
	if r.boot != nil {
		r.boot.Stop()
	}
	stop := r.stop
	r.mu.Unlock()
	for _, f := range stop {
		f()
	}
	r.Refuse()
	r.DropConnections()
	r.wg.Wait()
	for _, s := range r.services {
		s.port.close()
	}
	return nil
}

// State returns the router's menus, for users, policies and rows that no method
// here covers.
func (r *Router) State() *routeros.Router { return r.state }

// Run runs commands in the form of an export, such as
// "/queue tree add name=x parent=global", as the router itself.
func (r *Router) Run(script string) error {
	return r.state.Load("script", strings.NewReader(script))
}

// Queue returns the queue of a name; false unless there is exactly one.
func (r *Router) Queue(name string) (router.Queue, bool) {
	row, ok := r.state.Row("/queue/tree", "name", name)
	if !ok {
		return router.Queue{}, false
	}
	n := func(key string) bitrate.Rate {
		v, _ := strconv.ParseInt(row[key], 10, 64)
		return bitrate.Rate(v)
	}
	return router.Queue{
		Name: row["name"], Parent: row["parent"], Type: row["queue"], Comment: row["comment"],
		MaxLimit: n("max-limit"), LimitAt: n("limit-at"),
		Disabled: row["disabled"] == "true", Invalid: row["invalid"] == "true",
		Counters: routeros.ReadCounters(func(name string) string { return row[name] }),
	}, true
}

// SetCounters sets the counters of a queue. A Backend's own counters take
// precedence.
func (r *Router) SetCounters(queue string, c router.Counters) error {
	return r.state.SetCounters(queue, c)
}

// SetSimpleCounters sets the counters of a simple queue, of what its target sends
// and of what it receives. A SimpleBackend's own counters take precedence.
func (r *Router) SetSimpleCounters(queue string, c [2]router.Counters) error {
	return r.state.SetSimpleCounters(queue, c)
}

// Counts returns what the router has seen so far.
func (r *Router) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Counts{
		Writes: r.state.Writes(), WriteSectors: r.state.WriteSectors(),
		Services: make(map[Service]ServiceCounts, len(r.services)),
	}
	for _, s := range r.services {
		c.Services[s.kind] = s.counts
		c.Requests += s.counts.Requests
		c.Connections += s.counts.Connections
		c.Open += s.counts.Open
		c.Logins += s.counts.Logins
		c.LoginFailures += s.counts.LoginFailures
	}
	return c
}

// Requests counts the requests received.
func (r *Router) Requests() int { return r.Counts().Requests }

// Writes counts the commands that tried to change something.
func (r *Router) Writes() int { return r.Counts().Writes }

// WriteSectors counts the flash sectors that changes have cost.
func (r *Router) WriteSectors() int { return r.Counts().WriteSectors }

// Logins counts the sessions recorded in /log.
func (r *Router) Logins() int { return r.Counts().Logins }

// History returns the latest requests, oldest first.
func (r *Router) History() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.history...)
}
