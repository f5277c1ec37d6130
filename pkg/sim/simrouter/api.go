package simrouter

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

// api is the codec of the binary API.
type api struct {
	router *Router
	tls    *tls.Config // nil: in the clear
}

func (r *Router) newAPI(encrypted bool) *api {
	a := &api{router: r}
	if encrypted {
		a.tls = &tls.Config{Certificates: []tls.Certificate{r.cert}, MinVersion: tls.VersionTLS12}
	}
	return a
}

func (a *api) serve(c *conn) {
	s := &apiSession{router: a.router, conn: c, wire: c, calls: make(map[*apiCall]struct{})}
	if a.tls != nil {
		if a.router.cfg.Quirks.NoAPICertificate {
			refuseHandshake(c)
			return
		}
		s.wire = tls.Server(c, a.tls)
	}
	s.read()
	s.end()
}

// refuseHandshake answers as a router does that offers anonymous ciphers to a
// client that wants none: with the alert handshake_failure.
func refuseHandshake(c *conn) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(c, header); err != nil {
		return
	}
	// What is left unread would turn the close into a reset.
	hello := int64(header[3])<<8 | int64(header[4])
	if _, err := io.CopyN(io.Discard, c, hello); err != nil {
		return
	}
	_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
}

// maxCalls bounds the commands in flight on one connection.
const maxCalls = 128

// maxLoginTries bounds what somebody who is not logged in may send.
const maxLoginTries = 6

// apiSession is one connection. Its commands run on goroutines of their own
// and in the order of their arrival, with one exception: a command with a tag
// that a fault delays or never answers does not hold up those after it.
type apiSession struct {
	router *Router
	conn   *conn
	wire   net.Conn // conn, or TLS over it

	group sync.WaitGroup
	last  <-chan struct{} // closed when the latest command is out of the way
	began int             // commands so far

	mu        sync.Mutex // protects writing, and the following fields
	calls     map[*apiCall]struct{}
	user      *console.User // nil until logged in
	challenge []byte        // of the old login, nil when none is open
	tries     int
}

func (s *apiSession) read() {
	in := sentence.NewReader(s.wire)
	for {
		words, err := in.Read()
		if err != nil {
			if errors.Is(err, sentence.ErrTooLong) || errors.Is(err, sentence.ErrControl) {
				s.send([]string{"!fatal", err.Error()})
			}
			return
		}
		s.began++
		call := parseCall(words, s.began)
		switch call.full() {
		case "/quit":
			s.send([]string{"!fatal", "session terminated on request"})
			return
		case "/cancel":
			s.cancel(call)
		default:
			s.start(call)
		}
	}
}

// end ends the commands in flight, and the connection.
func (s *apiSession) end() {
	s.mu.Lock()
	for call := range s.calls {
		delete(s.calls, call)
		close(call.gone)
	}
	s.mu.Unlock()
	s.group.Wait()
	_ = s.wire.Close()
}

// start runs a command in the background.
func (s *apiSession) start(call *apiCall) {
	r := s.router
	s.mu.Lock()
	full := len(s.calls) == maxCalls
	if !full {
		s.calls[call] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		s.send(call.trap(r, &console.Error{Category: console.Failure, Text: "failure: too many commands at a time"})...)
		return
	}
	var f Fault
	if call.full() == "/login" {
		r.mu.Lock()
		f = r.takeFault(s.conn.service.kind, []step{{command: loginCommand, path: "/login"}})
		r.mu.Unlock()
	} else {
		f = r.begin(s.conn, Request{Path: call.full(), Body: call.body}, step{command: call.asked, path: call.Path})
	}
	t := ticket{conn: s.conn, fault: f, gone: call.gone, worker: r.worker(s.conn.service.kind), before: s.last}
	done := make(chan struct{})
	aside := call.tag != "" && (f.Kind == Stall || f.Kind == Slow)
	if !aside {
		s.last = done
	}
	s.group.Go(func() {
		x := &apiExchange{session: s, call: call}
		err := r.carry(t, x)
		if err == nil {
			s.answer(x)
		}
		close(done)
		if x.watch != nil {
			if err == nil {
				s.follow(x)
			}
			x.watch.Close()
		}
		s.mu.Lock()
		delete(s.calls, call)
		s.mu.Unlock()
	})
}

// answer sends the answer of a command that was not cancelled meanwhile.
func (s *apiSession) answer(x *apiExchange) {
	s.mu.Lock()
	if _, waited := s.calls[x.call]; waited {
		_, _ = s.wire.Write(x.bytes()) // a peer that is gone is noticed by reading
		if x.watch == nil {
			delete(s.calls, x.call) // done: nothing to cancel
		}
	}
	s.mu.Unlock()
	if x.end || x.cut {
		_ = s.conn.Close()
	}
	s.router.afterwards()
}

// send writes sentences that belong to no command in flight.
func (s *apiSession) send(sentences ...[]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.wire.Write(encodeSentences(sentences))
}

// follow tells of changes until the command is cancelled.
func (s *apiSession) follow(x *apiExchange) {
	for {
		select {
		case <-x.watch.C:
		case <-x.call.gone:
			return
		case <-s.router.done:
			return
		}
		changes := x.call.rows(x.watch.Changes())
		s.mu.Lock()
		if _, waited := s.calls[x.call]; waited {
			_, _ = s.wire.Write(encodeSentences(changes))
		}
		s.mu.Unlock()
	}
}

// cancel ends the commands of a tag, or all when none is named. They answer
// that they were interrupted, and their !done comes after that of /cancel.
func (s *apiSession) cancel(cancel *apiCall) {
	tag, named := cancel.Args["tag"]
	s.mu.Lock()
	defer s.mu.Unlock()
	var ended []*apiCall
	for call := range s.calls {
		if !named || call.tag == tag {
			delete(s.calls, call)
			close(call.gone)
			ended = append(ended, call)
		}
	}
	_, _ = s.wire.Write(encodeSentences(interrupted(s.router, cancel, ended)))
}
