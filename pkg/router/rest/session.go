package rest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds one answer, headers included. Thirty thousand address-list
// rows are about 6 MiB.
const maxAnswer = 8 << 20

var errTooLarge = errors.New("answer is larger than 8 MiB")

// session is one connection to the router, used for one request at a time.
//
// http.Transport is not used: it may repeat a request on another connection
// and it dials in the background, while this client has to know whether a
// write has left, and on which connection it learnt an id.
type session struct {
	conn   net.Conn // TLS, or raw itself
	raw    net.Conn
	read   *bufio.Reader
	write  *bufio.Writer
	limit  *io.LimitedReader
	served int  // answers received
	ended  bool // the context of a request ended; its deadline may still strike
}

// phase is how far an attempt got, which decides what a failure means.
type phase int

const (
	connecting phase = iota
	handshaking
	sending // the request may have arrived
)

// phaseError is a failure of the connection itself.
type phaseError struct {
	phase  phase
	served int // answers the connection had carried before
	cause  error
}

func (e *phaseError) Error() string { return e.cause.Error() }
func (e *phaseError) Unwrap() error { return e.cause }

// dial opens a session.
func dial(ctx context.Context, addr string, config *tls.Config) (*session, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &phaseError{phase: connecting, cause: because(ctx, err)}
	}
	s := &session{conn: raw, raw: raw}
	if config != nil {
		t := tls.Client(raw, config)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			var invalid *tls.CertificateVerificationError
			if errors.As(err, &invalid) {
				err = &certificateError{seen: fingerprint(invalid.UnverifiedCertificates), cause: invalid.Err}
			}
			return nil, &phaseError{phase: handshaking, cause: because(ctx, err)}
		}
		s.conn = t
	}
	s.limit = &io.LimitedReader{R: s.conn}
	s.read = bufio.NewReader(s.limit)
	s.write = bufio.NewWriter(s.conn)
	return s, nil
}

// because prefers the reason ctx has for ending over what the connection says
// of it.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return context.DeadlineExceeded
	}
	return err
}

// fingerprint is the SHA-256 of the leaf in lower-case hex.
func fingerprint(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "none"
	}
	sum := sha256.Sum256(chain[0].Raw)
	return hex.EncodeToString(sum[:])
}

// exchange sends a request and reads the whole answer. After an error the
// session is of no more use.
func (s *session) exchange(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	fail := func(err error) (*http.Response, []byte, error) {
		return nil, nil, &phaseError{phase: sending, served: s.served, cause: because(ctx, err)}
	}
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetDeadline(deadline); err != nil {
		return fail(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.raw.SetDeadline(time.Unix(1, 0)) })
	defer func() { s.ended = s.ended || !stop() }()

	s.limit.N = maxAnswer
	if err := req.Write(s.write); err != nil {
		return fail(err)
	}
	if err := s.write.Flush(); err != nil {
		return fail(err)
	}
	resp, err := http.ReadResponse(s.read, req)
	if err != nil {
		return fail(s.bounded(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fail(s.bounded(err))
	}
	s.served++
	return resp, body, nil
}

// bounded names the limit where it is the cause of an early end.
func (s *session) bounded(err error) error {
	if s.limit.N <= 0 {
		return errTooLarge
	}
	return err
}

// usable reports whether another request may go out on s: nothing has arrived
// unasked and the router has not closed its end.
func (s *session) usable() bool {
	if s.ended || s.read.Buffered() > 0 {
		return false
	}
	// Before the first answer a TLS session ticket may lie there.
	return s.served == 0 || quiet(s.raw)
}

func (s *session) close() error { return s.conn.Close() }
