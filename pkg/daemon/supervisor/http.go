package supervisor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits of the HTTP servers. They serve small documents to a few clients; a
// client that dawdles or comes a thousand times must not cost the loops.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	writeTimeout    = 30 * time.Second
	idleTimeout     = 60 * time.Second
	maxHeaderBytes  = 16 << 10
	maxStreams      = 16 // of HTTP/2, on each of them
	shutdownTimeout = 2 * time.Second

	listenPauseMin = time.Second
	listenPauseMax = 30 * time.Second
)

// HTTPServer is a Task that serves HTTP. An address that cannot be listened on
// is a warning, tried again for as long as the daemon runs: it is no reason to
// stop shaping.
type HTTPServer struct {
	// configuration
	name    string
	addr    string
	setting string
	encrypt func() (*tls.Config, error)

	// dependencies
	handler http.Handler
	log     *slog.Logger
	listen  func(ctx context.Context, addr string) (net.Listener, error)

	// state
	ready     chan struct{}
	readyOnce sync.Once
	bound     atomic.Pointer[net.Addr]
}

// NewHTTPServer serves handler at addr, "host:port". setting is the key of the
// configuration that chooses addr, for messages. log may be nil.
func NewHTTPServer(name, addr, setting string, handler http.Handler, log *slog.Logger) *HTTPServer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &HTTPServer{
		name: name, addr: addr, setting: setting, handler: handler, log: log,
		ready: make(chan struct{}),
		listen: func(ctx context.Context, addr string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, "tcp", addr)
		},
	}
}

// UseTLS encrypts the connections by what get returns, unless that is nil. get is
// called before each attempt to listen; while it fails, nothing is served. To be called
// before Run.
func (s *HTTPServer) UseTLS(get func() (*tls.Config, error)) { s.encrypt = get }

// protectionError is about what protects a listener, not about its address.
type protectionError struct{ error }

func (e protectionError) Unwrap() error { return e.error }

// open returns a listener, and how its connections are encrypted, if at all.
func (s *HTTPServer) open(ctx context.Context) (ln net.Listener, encrypt *tls.Config, err error) {
	if s.encrypt != nil {
		if encrypt, err = s.encrypt(); err != nil {
			return nil, nil, protectionError{err}
		}
	}
	ln, err = s.listen(ctx, s.addr)
	return ln, encrypt, err
}

// Ready is closed after the first attempt to listen, whatever came of it.
func (s *HTTPServer) Ready() <-chan struct{} { return s.ready }

func (s *HTTPServer) String() string { return s.name + " server" }

// Addr is the address in use, nil while there is none.
func (s *HTTPServer) Addr() net.Addr {
	if a := s.bound.Load(); a != nil {
		return *a
	}
	return nil
}

// Run serves until ctx ends. It never fails.
func (s *HTTPServer) Run(ctx context.Context) error {
	said := ""
	pause := listenPauseMin
	for {
		ln, encrypt, err := s.open(ctx)
		if err == nil {
			s.bound.Store(new(ln.Addr()))
			s.readyOnce.Do(func() { close(s.ready) })
			s.log.Info("listening", "server", s.name, "address", ln.Addr().String())
			said, pause = "", listenPauseMin
			err = serveHTTP(ctx, ln, s.handler, encrypt, s.log)
			s.bound.Store(nil)
		}
		if ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			s.log.Warn("cannot serve; trying again until it works", "server", s.name, "address", s.addr,
				"error", err, "hint", s.hint(err))
		}
		s.readyOnce.Do(func() { close(s.ready) })
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, listenPauseMax)
	}
}

// hint says what a person can do about err.
func (s *HTTPServer) hint(err error) string {
	_, port, _ := net.SplitHostPort(s.addr)
	var protection protectionError
	switch {
	case errors.As(err, &protection):
		return "correct that file; nothing is served here without it"
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("see who has the port: ss -ltnp sport = :%s; or set %s to another one", port, s.setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("no interface has that address; set %s to one of: ip -brief address", s.setting)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("ports below 1024 need a privilege; set %s to a higher one", s.setting)
	}
	return "set " + s.setting + " to an address of this host"
}

// serveHTTP serves on ln until ctx ends, then lets running requests finish. It
// closes ln. With a TLS configuration, connections are encrypted.
func serveHTTP(ctx context.Context, ln net.Listener, handler http.Handler, encrypt *tls.Config, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           handler,
		TLSConfig:         encrypt,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),
		// Requests that go on for as long as the client listens end with ctx.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	admission := newAdmission()
	admission.configure(srv)
	ended := make(chan error, 1)
	go func() {
		ln := admission.listener(ln)
		if encrypt != nil {
			ended <- srv.ServeTLS(ln, "", "")
			return
		}
		ended <- srv.Serve(ln)
	}()
	select {
	case err := <-ended:
		return errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		err = srv.Close()
	}
	<-ended
	return err
}

// serverLog logs what net/http has to say. Who knocks without TLS, or hangs up
// in the middle of it, is no news.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(p []byte) (int, error) {
	text, level := strings.TrimSpace(string(p)), slog.LevelWarn
	if strings.HasPrefix(text, "http: TLS handshake error") {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, text)
	return len(p), nil
}

// sleep waits for d and reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
