package rest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// session is one connection to the router, used for one request at a time.
//
// http.Transport is not used: it may repeat a request on another connection and
// dials in the background, while this client has to know whether a write was
// sent, and on which connection it read an id.
type session struct {
	conn   net.Conn // TLS, or raw itself
	raw    net.Conn
	read   *bufio.Reader
	write  *bufio.Writer
	limit  *io.LimitedReader
	most   rosconn.Budget // of each answer
	served int            // answers received
	broken bool           // a request failed, or its context ended and the deadline may still apply
}

// open opens a connection.
func open(ctx context.Context, t *rosconn.Target) (*session, error) {
	conn, raw, err := t.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, raw: raw, limit: &io.LimitedReader{R: conn}, most: t.Budget()}
	s.read = bufio.NewReader(s.limit)
	s.write = bufio.NewWriter(s.conn)
	return s, nil
}

// maxHeader is the size limit of the header of an answer in bytes. In memory, header
// lines take many times their size.
const maxHeader = 64 << 10

// exchange sends a request and reads the whole answer. After an error, which is a
// *rosconn.Error, the session cannot be used any more.
func (s *session) exchange(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	fail := func(err error) (*http.Response, []byte, error) {
		s.broken = true
		return nil, nil, &rosconn.Error{Phase: rosconn.Waiting, Served: s.served, Cause: rosconn.CtxError(ctx, err)}
	}
	done, err := rosconn.WithDeadline(ctx, s.raw)
	if err != nil {
		return fail(err)
	}
	defer func() { s.broken = done() || s.broken }()

	s.limit.N = maxHeader
	if err := req.Write(s.write); err != nil {
		return fail(err)
	}
	if err := s.write.Flush(); err != nil {
		return fail(err)
	}
	if start, _ := s.read.Peek(4); s.served == 0 && len(start) == 4 {
		switch {
		case start[1] == '!':
			return fail(&rosconn.WrongProtocolError{Protocol: rosconn.API(s.conn != s.raw)})
		case string(start) == "SSH-":
			return fail(&rosconn.WrongProtocolError{Protocol: rosconn.SSH()})
		}
	}
	resp, err := http.ReadResponse(s.read, req)
	if err != nil {
		return fail(s.bounded(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusOK { // nothing asked for it, and another answer may follow
		return fail(fmt.Errorf("it sent the HTTP status %03d", resp.StatusCode))
	}
	s.limit.N += int64(s.most.Bytes())
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fail(s.bounded(err))
	}
	s.served++
	return resp, body, nil
}

// bounded replaces the error of an early end that the size limit caused.
func (s *session) bounded(err error) error {
	if s.limit.N <= 0 {
		return rosconn.ErrTooLarge
	}
	return err
}

// Usable implements rosconn.Conn: nothing has arrived unasked, and the router has
// not closed its end.
func (s *session) Usable() bool {
	if s.broken || s.read.Buffered() > 0 {
		return false
	}
	// Before the first answer, a TLS session ticket may have been received.
	return s.served == 0 || rosconn.Idle(s.raw)
}

// Close implements rosconn.Conn.
func (s *session) Close() error { return s.conn.Close() }
