package ssh

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

const (
	// keepAliveEvery is the interval of keepalives, which find a dead connection
	// before the next write.
	keepAliveEvery = 20 * time.Second
	// keepAliveWait is the time a router has to answer one.
	keepAliveWait = 10 * time.Second

	keepAliveRequest = "keepalive@openssh.com"
)

// session is one connection to the router, logged in and used for one command
// at a time.
type session struct {
	raw    net.Conn
	client *xssh.Client
	most   rosconn.Budget // of each answer
	served int            // commands answered

	dead    chan struct{} // closed when the connection has ended
	waiting sync.WaitGroup
}

// open connects and logs in. Errors are *rosconn.Error; only the callback in cfg
// records whether the host key was the reason. trusted reports that the host key was
// accepted.
func open(ctx context.Context, t *rosconn.Target, cfg *xssh.ClientConfig, trusted func() bool, noKeepalive *atomic.Bool) (*session, error) {
	_, raw, err := t.Connect(ctx)
	if err != nil {
		return nil, err
	}
	fail := func(p rosconn.Phase, err error) (*session, error) {
		_ = raw.Close()
		return nil, &rosconn.Error{Phase: p, Cause: rosconn.CtxError(ctx, err)}
	}
	done, err := rosconn.WithDeadline(ctx, raw)
	if err != nil {
		return fail(rosconn.Handshaking, err)
	}
	// The API waits in silence. SSH greets at once, even if its keys take long.
	stop := sync.OnceValue(t.Sniff(ctx, raw, rosconn.API(false)))
	conn, channels, requests, err := xssh.NewClientConn(&greeted{raw, func() { _ = stop() }}, t.Addr(), cfg)
	interrupted := done()
	if wrong := stop(); err != nil && wrong != nil {
		return fail(rosconn.Handshaking, wrong)
	}
	if err != nil {
		phase := rosconn.Handshaking
		if trusted() {
			phase = rosconn.LoggingIn
		}
		return fail(phase, err)
	}
	t.Answered()
	s := &session{raw: raw, most: t.Budget(), client: xssh.NewClient(conn, channels, requests), dead: make(chan struct{})}
	s.waiting.Go(func() {
		_ = s.client.Wait()
		close(s.dead)
	})
	if !noKeepalive.Load() {
		s.waiting.Go(func() { s.keepAlive(keepAliveEvery, keepAliveWait, noKeepalive) })
	}
	if interrupted || s.raw.SetDeadline(time.Time{}) != nil {
		_ = s.Close()
		return fail(rosconn.LoggingIn, net.ErrClosed)
	}
	return s, nil
}

// greeted is a connection that calls first at the first bytes that arrive.
type greeted struct {
	net.Conn
	first func()
}

func (c *greeted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.first()
	}
	return n, err
}

// keepAlive sends keepalives until the connection ends, and ends it when one is
// not answered. When that is the first, it sets ignored: the router may not
// answer any.
func (s *session) keepAlive(every, wait time.Duration, ignored *atomic.Bool) {
	t := time.NewTicker(every)
	defer t.Stop()
	for answered := false; ; answered = true {
		select {
		case <-s.dead:
			return
		case <-t.C:
		}
		expiry := time.AfterFunc(wait, func() {
			if !answered {
				ignored.Store(true)
			}
			_ = s.raw.Close()
		})
		err := s.ping()
		expiry.Stop()
		if err != nil {
			return
		}
	}
}

// ping makes one round trip without an effect.
func (s *session) ping() error {
	_, _, err := s.client.SendRequest(keepAliveRequest, true, nil)
	return err
}

// channel opens a channel. The library blocks for ever if the connection ends just
// while a channel is opened.
func (s *session) channel() (xssh.Channel, <-chan *xssh.Request, error) {
	type opened struct {
		ch       xssh.Channel
		requests <-chan *xssh.Request
		err      error
	}
	answer := make(chan opened, 1)
	go func() {
		ch, requests, err := s.client.OpenChannel("session", nil)
		answer <- opened{ch, requests, err}
	}()
	select {
	case o := <-answer:
		return o.ch, o.requests, o.err
	case <-s.dead:
		return nil, nil, io.EOF
	}
}

// Usable implements rosconn.Conn.
func (s *session) Usable() bool {
	select {
	case <-s.dead:
		return false
	default:
		return true
	}
}

// Close implements rosconn.Conn. It waits for the goroutines of the connection.
func (s *session) Close() error {
	_ = s.raw.Close()
	s.waiting.Wait()
	return nil
}

// unsentError is about a command that was certainly not run.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return e.cause.Error() }
func (e *unsentError) Unwrap() error { return e.cause }

// errNoExec is the error of a router that does not run commands.
var errNoExec = errors.New("refuses to run commands")

// run runs a command and returns its output, of both streams, and its exit status,
// -1 if the router sends none. complete reports whether output is a complete
// answer. After an *unsentError the session can be used again; after a
// *rosconn.Error it cannot.
func (s *session) run(ctx context.Context, command string, complete func([]byte) bool) (output []byte, status int, err error) {
	fail := func(err error) ([]byte, int, error) {
		return output, -1, &rosconn.Error{Phase: rosconn.Waiting, Served: s.served, Cause: rosconn.CtxError(ctx, err)}
	}
	done, err := rosconn.WithDeadline(ctx, s.raw)
	if err != nil {
		return nil, -1, &unsentError{err}
	}
	output, status, err = s.exec(command, complete)
	interrupted := done()
	if err != nil {
		var unsent *unsentError
		if errors.As(err, &unsent) && ctx.Err() == nil {
			_ = s.raw.SetDeadline(time.Time{})
			return nil, -1, err
		}
		return fail(err)
	}
	s.served++
	if interrupted || s.raw.SetDeadline(time.Time{}) != nil {
		_ = s.raw.Close()
	}
	return output, status, nil
}

func (s *session) exec(command string, complete func([]byte) bool) (output []byte, status int, err error) {
	ch, requests, err := s.channel()
	if err != nil {
		return nil, -1, &unsentError{err}
	}
	defer func() { _ = ch.Close() }()
	status = -1
	out := &outputBuffer{most: s.most.Bytes(), full: func() { _ = s.raw.Close() }}
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(out, ch) })
	group.Go(func() { _, _ = io.Copy(out, ch.Stderr()) })
	group.Go(func() {
		for req := range requests {
			if req.Type == "exit-status" && len(req.Payload) == 4 {
				status = int(binary.BigEndian.Uint32(req.Payload))
			}
			if req.WantReply {
				_ = req.Reply(false, nil)
			}
		}
	})
	accepted, err := ch.SendRequest("exec", true, xssh.Marshal(struct{ Command string }{command}))
	if err == nil && !accepted {
		_ = ch.Close()
		group.Wait()
		return nil, -1, &unsentError{errNoExec}
	}
	_ = ch.CloseWrite()
	group.Wait()
	output = out.bytes()
	switch {
	case out.overflowed():
		return nil, -1, rosconn.ErrTooLarge
	case status >= 0, complete(output):
		return output, status, nil
	}
	// Without a status, the connection may have been lost, or the router sends
	// none.
	return output, -1, s.ping()
}
