// Package rosconn opens connections to services of a router for all protocols. It
// owns the check of certificates, the connection a transport keeps (Session), and
// the texts and classes of connection errors. It sends no requests.
package rosconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/redact"
)

// Target is one service of a router.
type Target struct {
	Host    string
	Port    int
	Service string      // its name in /ip/service, such as "www-ssl"
	TLS     *tls.Config // nil without TLS

	// Timeout of a call, for the text of errors.
	Timeout time.Duration

	// Password, if set, returns what no text may contain: somebody may have written it
	// where the host or the user belongs, or the router may repeat it.
	Password func() string

	// MaxAnswer is the size limit of an answer in bytes; 0: the constant MaxAnswer.
	MaxAnswer int

	// Dial opens the TCP connection; nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	answered atomic.Bool // the service has answered: its port is right
}

// Addr is "host:port".
func (t *Target) Addr() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// Name is Addr for texts.
func (t *Target) Name() string { return t.Redact(t.Addr()) }

// Redact returns text with the password masked.
func (t *Target) Redact(text string) string {
	if t.Password == nil {
		return text
	}
	return redact.Text(text, t.Password())
}

// Phase is how far an attempt got, which decides the class of its failure.
type Phase int

// The phases. Only in Waiting can the router have received a request.
const (
	Connecting  Phase = iota
	Handshaking       // TLS, or the key exchange of SSH
	LoggingIn
	Waiting // for the answer to a request
)

func (p Phase) String() string {
	switch p {
	case Connecting:
		return "connecting"
	case Handshaking:
		return "starting encryption"
	case LoggingIn:
		return "logging in"
	case Waiting:
		return "waiting for an answer"
	}
	return "unknown"
}

// Error is a failure of the connection itself.
type Error struct {
	Phase  Phase
	Served int // answers received on the connection before
	Cause  error
}

func (e *Error) Error() string { return e.Cause.Error() }
func (e *Error) Unwrap() error { return e.Cause }

// Connect opens a connection. conn is a TLS connection if the target has TLS; raw
// is the TCP connection below it. Errors are *Error.
func (t *Target) Connect(ctx context.Context) (conn, raw net.Conn, err error) {
	raw, err = t.dial(ctx)
	if err != nil {
		return nil, nil, &Error{Phase: Connecting, Cause: CtxError(ctx, err)}
	}
	if t.TLS == nil {
		return raw, raw, nil
	}
	secure := tls.Client(raw, t.TLS)
	stop := t.Sniff(ctx, raw, API(false))
	err = secure.HandshakeContext(ctx)
	wrong := stop()
	if err != nil {
		_ = raw.Close()
		if wrong != nil {
			return nil, nil, &Error{Phase: Handshaking, Cause: wrong}
		}
		var invalid *tls.CertificateVerificationError
		var notTLS tls.RecordHeaderError
		switch {
		case errors.As(err, &invalid):
			err = &CertificateError{Seen: Fingerprint(invalid.UnverifiedCertificates), cause: invalid.Err}
		case errors.As(err, &notTLS) && notTLS.RecordHeader[1] == '!':
			err = &WrongProtocolError{API(false)}
		}
		return nil, nil, &Error{Phase: Handshaking, Cause: CtxError(ctx, err)}
	}
	return secure, raw, nil
}

func (t *Target) dial(ctx context.Context) (net.Conn, error) {
	dial := t.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return dial(ctx, "tcp", t.Addr())
}

// CtxError returns the error of ctx if ctx has ended, since that is the cause of
// err then; context.DeadlineExceeded for any timeout; otherwise err.
func CtxError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return context.DeadlineExceeded
	}
	return err
}

// WithDeadline applies the deadline and the cancellation of ctx to reads and
// writes on raw. The caller must call done at the end; it reports whether ctx
// ended before, in which case the connection must not be used again.
func WithDeadline(ctx context.Context, raw net.Conn) (done func() (ended bool), err error) {
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	return func() bool { return !stop() }, nil
}

type startKey struct{}

// Started returns a context that holds when a call began, for the text of errors.
func Started(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, startKey{}, at)
}

// Check returns an error about a host, user or port that cannot work.
func Check(host, user string, port int) error {
	switch {
	case host == "":
		return errors.New("router host is empty: set router.host")
	case strings.HasPrefix(host, "-") || strings.ContainsAny(host, " /@?#"):
		return fmt.Errorf("router host %q is neither a name nor an address: set router.host", host)
	case user == "":
		return errors.New("router user is empty: set router.user")
	case port < 0 || port > 65535:
		return fmt.Errorf("router port %d is out of range: set router.port to 1..65535", port)
	}
	return nil
}
