package simrouter

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

// api is the binary API.
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
	s := &apiSession{router: a.router, conn: c, wire: c, pending: make(map[*apiCommand]struct{})}
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
// client that does not accept them: with the alert handshake_failure.
func refuseHandshake(c *conn) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(c, header); err != nil {
		return
	}
	// Unread bytes would turn the close into a reset.
	hello := int64(header[3])<<8 | int64(header[4])
	if _, err := io.CopyN(io.Discard, c, hello); err != nil {
		return
	}
	_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
}

// maxPending bounds the commands in flight on one connection.
const maxPending = 128

// maxLoginTries bounds the commands before a login.
const maxLoginTries = 6

// apiSession is one connection. Its commands run on goroutines of their own
// and in the order of their arrival, with one exception: a command with a tag
// that a fault delays or never answers does not hold up those after it.
type apiSession struct {
	router *Router
	conn   *conn
	wire   net.Conn // conn, or TLS over it

	group    sync.WaitGroup
	last     <-chan struct{} // closed when the latest command is answered
	received int             // commands so far

	mu         sync.Mutex // protects writing, and the following fields
	pending    map[*apiCommand]struct{}
	user       *routeros.User // nil until logged in
	challenge  []byte         // of the old login, nil when none is open
	loginTries int
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
		s.received++
		call := parseSentence(words, s.received)
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

// end cancels the commands in flight and closes the connection.
func (s *apiSession) end() {
	s.mu.Lock()
	for call := range s.pending {
		delete(s.pending, call)
		close(call.cancelled)
	}
	s.mu.Unlock()
	s.group.Wait()
	_ = s.wire.Close()
}

// start runs a command in the background.
func (s *apiSession) start(call *apiCommand) {
	r := s.router
	s.mu.Lock()
	full := len(s.pending) == maxPending
	if !full {
		s.pending[call] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		s.send(call.trap(r, &routeros.Error{Category: routeros.Failure, Text: "failure: too many commands at a time"})...)
		return
	}
	var f Fault
	if call.full() == "/login" {
		r.mu.Lock()
		f = r.nextFault(s.conn.service.kind, []step{{command: loginCommand, path: "/login"}})
		r.mu.Unlock()
	} else {
		f = r.record(s.conn, Request{Path: call.full(), Body: call.body}, step{command: call.asked, path: call.Path})
	}
	t := requestCtx{conn: s.conn, fault: f, cancelled: call.cancelled, turn: r.turn(s.conn.service.kind, ""), previous: s.last}
	done := make(chan struct{})
	aside := call.tag != "" && (f.Kind == Stall || f.Kind == Slow)
	if !aside {
		s.last = done
	}
	s.group.Go(func() {
		x := &apiTransaction{session: s, call: call}
		err := r.process(t, x)
		if err == nil {
			s.answer(x)
		}
		close(done)
		s.mu.Lock()
		delete(s.pending, call)
		s.mu.Unlock()
	})
}

// answer sends the answer of a command unless it was cancelled.
func (s *apiSession) answer(x *apiTransaction) {
	s.mu.Lock()
	if _, waited := s.pending[x.call]; waited {
		_, _ = s.wire.Write(x.bytes()) // reading notices a closed peer
		delete(s.pending, x.call)      // done: nothing to cancel
	}
	s.mu.Unlock()
	if x.end || x.cut {
		_ = s.conn.Close()
	}
	s.router.postReply()
}

// send writes sentences outside of commands in flight.
func (s *apiSession) send(sentences ...[]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.wire.Write(encodeSentences(sentences))
}

// cancel interrupts the commands of a tag, or all without a tag. Their traps
// precede the !done of /cancel, their own !done follows it.
func (s *apiSession) cancel(cancel *apiCommand) {
	tag, named := cancel.Args["tag"]
	s.mu.Lock()
	defer s.mu.Unlock()
	var ended []*apiCommand
	for call := range s.pending {
		if !named || call.tag == tag {
			delete(s.pending, call)
			close(call.cancelled)
			ended = append(ended, call)
		}
	}
	_, _ = s.wire.Write(encodeSentences(interrupted(s.router, cancel, ended)))
}
