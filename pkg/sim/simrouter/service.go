package simrouter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// Service is a network service of a router, by its name in /ip/service.
type Service string

// The services.
const (
	WWW    Service = "www"     // REST over http
	WWWSSL Service = "www-ssl" // REST over https
	API    Service = "api"     // the binary API
	APISSL Service = "api-ssl" // the same over TLS
	SSH    Service = "ssh"     // the command line
)

// Services lists every service.
func Services() []Service { return []Service{WWW, WWWSSL, API, APISSL, SSH} }

// protocol serves the connections of a service.
type protocol interface {
	// serve handles one connection until it ends, and closes it. It returns once
	// all goroutines of the connection have ended.
	serve(c *conn)
}

// newProtocol returns the protocol of a service when it starts.
func (r *Router) newProtocol(kind Service) (protocol, error) {
	switch kind {
	case WWW, WWWSSL:
		return r.newREST(kind == WWWSSL), nil
	case API, APISSL:
		return r.newAPI(kind == APISSL), nil
	case SSH:
		return r.newSSH()
	}
	return nil, fmt.Errorf("simulated router: service %q is not simulated", kind)
}

// policy returns the policy that a user needs for the service, which is also the
// service's name in /log.
func (s Service) policy() string {
	switch s {
	case WWW, WWWSSL:
		return "rest-api"
	case API, APISSL:
		return "api"
	case SSH:
	}
	return "ssh"
}

func (s Service) encrypted() bool { return s == WWWSSL || s == APISSL }

// service is one port. Its listener comes and goes with the router.
type service struct {
	kind Service
	addr string
	protocol
	ln     net.Listener  // nil while refusing
	port   *heldPort     // nil unless the system picked it
	silent chan struct{} // open while connections are accepted and ignored
	counts ServiceCounts
}

// Start starts REST, with TLS unless Config.Plain is set; see StartService.
func (r *Router) Start(ctx context.Context, addr string) error {
	if r.cfg.Plain {
		return r.StartService(ctx, WWW, addr)
	}
	return r.StartService(ctx, WWWSSL, addr)
}

// StartService listens on addr ("127.0.0.1:0" picks a port) for a service, one of
// each kind at the most, and returns once requests are answered. The router closes
// when ctx ends, or by Close.
func (r *Router) StartService(ctx context.Context, kind Service, addr string) error {
	ln, port, err := r.listen(addr)
	if err != nil {
		return fmt.Errorf("simulated router, service %s: %w", kind, err)
	}
	if err := r.serve(kind, ln, port); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.Close() })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = append(r.stop, stop)
	return nil
}

// listen listens on an address for the first time. The port is nil unless the
// system picked it.
func (r *Router) listen(addr string) (net.Listener, *heldPort, error) {
	if _, port := hostPort(addr); port == 0 && r.cfg.Listen == nil {
		return listenAnyPort(addr)
	}
	ln, err := r.listenAt(&service{addr: addr})
	return ln, nil, err
}

// listenAt listens on the address of a service.
func (r *Router) listenAt(s *service) (net.Listener, error) {
	switch {
	case r.cfg.Listen != nil:
		return r.cfg.Listen("tcp", s.addr)
	case s.port != nil:
		return listenShared(s.addr)
	}
	return net.Listen("tcp", s.addr)
}

// ServeService answers requests to a service on ln, in the background, until
// Close. The listener is the router's, also after an error.
func (r *Router) ServeService(kind Service, ln net.Listener) error { return r.serve(kind, ln, nil) }

func (r *Router) serve(kind Service, ln net.Listener, port *heldPort) (err error) {
	defer func() {
		if err != nil {
			_ = ln.Close()
			port.close()
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("simulated router is closed")
	}
	if r.find(kind) != nil {
		return fmt.Errorf("simulated router: service %s runs already", kind)
	}
	if kind.encrypted() {
		if err := r.ensureCertificate(); err != nil {
			return err
		}
	}
	protocol, err := r.newProtocol(kind)
	if err != nil {
		return err
	}
	s := &service{kind: kind, addr: ln.Addr().String(), protocol: protocol, port: port}
	r.services = append(r.services, s)
	_, number := hostPort(s.addr)
	r.state.ServiceStarted(string(kind), number)
	r.open(s, ln)
	return nil
}

// find returns a started service or nil. The caller holds r.mu.
func (r *Router) find(kind Service) *service {
	for _, s := range r.services {
		if s.kind == kind {
			return s
		}
	}
	return nil
}

// Addr returns the address of the service started first, "host:port".
func (r *Router) Addr() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.services) == 0 {
		return ""
	}
	return r.services[0].addr
}

// HostPort is Addr in two parts.
func (r *Router) HostPort() (host string, port int) { return hostPort(r.Addr()) }

// AddrOf returns the address of a service, "" when it was not started.
func (r *Router) AddrOf(kind Service) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.find(kind); s != nil {
		return s.addr
	}
	return ""
}

// HostPortOf is AddrOf in two parts.
func (r *Router) HostPortOf(kind Service) (host string, port int) { return hostPort(r.AddrOf(kind)) }

func hostPort(addr string) (host string, port int) {
	host, text, _ := net.SplitHostPort(addr)
	port, _ = strconv.Atoi(text)
	return host, port
}

// open starts answering on ln. The caller holds r.mu.
func (r *Router) open(s *service, ln net.Listener) {
	s.ln = ln
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		r.accept(s, ln)
	}()
}

// chosen returns the started services among kinds, all without kinds. The caller
// holds r.mu.
func (r *Router) chosen(kinds []Service) []*service {
	return slices.DeleteFunc(slices.Clone(r.services), func(s *service) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, s.kind)
	})
}

// Refuse stops listening on services, all without arguments: connections are
// refused until Listen. Open connections stay.
func (r *Router) Refuse(services ...Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.chosen(services) {
		if s.ln != nil {
			_ = s.ln.Close()
			s.ln = nil
		}
	}
}

// Listen ends Refuse, on the same addresses.
func (r *Router) Listen(services ...Service) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failed error
	for _, s := range r.chosen(services) {
		if s.ln != nil || r.closed {
			continue
		}
		ln, err := r.listenAt(s)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		r.open(s, ln)
	}
	return failed
}

// Silence makes services, all without arguments, accept connections and say
// nothing on them, not even a TLS handshake or a banner, until it is called with
// false.
func (r *Router) Silence(on bool, services ...Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.chosen(services) {
		switch {
		case on && s.silent == nil:
			s.silent = make(chan struct{})
		case !on && s.silent != nil:
			close(s.silent)
			s.silent = nil
		}
	}
}

// DropConnections resets the open connections of services, all without
// arguments.
func (r *Router) DropConnections(services ...Service) {
	r.mu.Lock()
	var conns []*conn
	for c := range r.conns {
		if len(services) == 0 || slices.Contains(services, c.service.kind) {
			conns = append(conns, c)
		}
	}
	r.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}
