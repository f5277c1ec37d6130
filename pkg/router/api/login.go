package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/go-routeros/routeros/v3"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// maxLogin is the size limit of the answer to a login in bytes.
const maxLogin = 64 << 10

// login logs in, in one step or, if the router asks for it (before 6.43), by
// challenge and response.
func (t *transport) login(ctx context.Context, s *session) error {
	fail := func(err error) error {
		return &rosconn.Error{Phase: rosconn.LoggingIn, Cause: rosconn.CtxError(ctx, err)}
	}
	done, err := rosconn.WithDeadline(ctx, s.raw)
	if err != nil {
		return fail(err)
	}
	s.in.left = rosconn.NewBudget(maxLogin)
	conn := &loginConn{session: s}
	client, err := routeros.NewClient(conn)
	if err != nil {
		done()
		return fail(err)
	}
	// Otherwise it logs the password.
	client.SetLogHandler(slog.DiscardHandler)
	other := rosconn.HTTP(t.target.TLS != nil)
	stop := t.target.Sniff(ctx, s.raw, other)
	err = client.LoginContext(ctx, t.user, t.password())
	wrong := stop()
	s.broken = done()
	var refused *routeros.DeviceError
	switch {
	case conn.err != nil && wrong != nil:
		return fail(wrongProtocol(other.Name))
	case conn.err != nil:
		return fail(conn.err) // the error of the library says less
	case errors.As(err, &refused):
		return t.loginRefused(trapText(refused.Sentence.Map))
	case err != nil:
		return fail(protocolError("it answers the login with something else: " + err.Error()))
	case s.broken:
		return fail(ctx.Err())
	}
	t.target.Answered()
	return nil
}

// loginRefused returns the error about a refused login.
func (t *transport) loginRefused(text string) error {
	said := "it says " + rosdata.Quote(text)
	if errors.Is(rosdata.Classify(text), router.ErrOutcomeUnknown) {
		return t.target.Fail(router.ErrUnreachable, "no login: "+said, "is it starting or overloaded?")
	}
	return t.target.Fail(router.ErrAuth, fmt.Sprintf("login refused for %s: %s", rosdata.Quote(t.user), said),
		"check router.user and router.password, that the user is not disabled, that the user's group has the policy api, and that the user's address admits this host")
}

// loginConn passes a session to the library, sentence by sentence: nothing is read
// beyond the answer to the login, and each sentence is complete and within the
// limits, which the library does not check.
type loginConn struct {
	*session
	pending []byte
	greeted bool
	err     error // why Read failed
}

func (c *loginConn) Read(b []byte) (int, error) {
	if len(c.pending) == 0 {
		words, err := c.next()
		if err != nil {
			c.err = err
			return 0, err
		}
		c.pending = appendSentence(c.pending[:0], words...)
	}
	n := copy(b, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *loginConn) next() ([]string, error) {
	if !c.greeted {
		c.greeted = true
		// No sentence is shorter, and no reply begins like another protocol.
		start, _ := c.in.src.Peek(5)
		if err := sniff(string(start)); err != nil {
			return nil, err
		}
	}
	words, err := c.in.sentence()
	if err != nil {
		return nil, err
	}
	if _, err := check(words); err != nil {
		return nil, err
	}
	if words[0] == "!fatal" {
		return nil, fatalError(fatalText(words))
	}
	return words, nil
}

// Write is called with one sentence at a time.
func (c *loginConn) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	if err != nil {
		c.err = err
	}
	return n, err
}

// Close does nothing: the session belongs to the transport.
func (c *loginConn) Close() error { return nil }

var _ io.ReadWriteCloser = (*loginConn)(nil)

// wrongProtocol is the name of another protocol that the port speaks.
type wrongProtocol string

func (f wrongProtocol) Error() string { return "the port speaks " + string(f) + ", not the API" }

// sniff recognises other protocols by their first bytes.
func sniff(start string) error {
	for _, other := range []struct{ prefix, name string }{
		{"\x15\x03", "TLS"}, {"HTTP/", "HTTP"}, {"SSH-", "SSH"},
	} {
		if strings.HasPrefix(start, other.prefix) {
			return wrongProtocol(other.name)
		}
	}
	return nil
}
