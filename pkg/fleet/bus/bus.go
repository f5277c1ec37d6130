// Package bus is the connection of one process to the NATS servers of a fleet. It comes and
// goes by itself, and whoever publishes finds out at once whether there is one: nothing is
// kept for later. It knows no subject and no document.
package bus

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Config says which servers to connect to, and as whom.
type Config struct {
	URL            []string // tls://host:port or nats://host:port
	Name           string   // of this client, in the lists of the servers
	Credentials    string   // file: .creds, or the seed of an nkey; "" none
	User, Password string
	CA             string // file with authorities; "": those of the system
	Cert, Key      string // files; "": no certificate of this host

	pace time.Duration // instead of a second, in tests
}

const (
	// attempt bounds one attempt to connect to one server, and stuck one write to a server
	// that does not read.
	attempt, stuck = 5 * time.Second, 5 * time.Second
	// wait is the number of seconds between two attempts, and jitter how many more it may
	// be, at random: a whole fleet loses a server at once.
	wait, jitter = 2, 3
	// ping is the number of seconds between two pings. A server that answers none of
	// unanswered is left: one that is paused keeps its connections, so that nothing else
	// would show it.
	ping, unanswered = 5, 2
)

// ErrAway is returned while there is no connection.
var ErrAway = errors.New("not connected to a NATS server of the fleet")

// Conn is a connection that is made again whenever it is lost. Its methods may be called
// from several goroutines.
type Conn struct {
	nats *nats.Conn
	log  *slog.Logger

	mu   sync.Mutex // protects the following field
	last string     // why there is no connection, as logged; "": there is one
}

// Keep returns a connection that is made as soon as a server is there and made again after
// each loss, until Close. It returns when the first attempt has ended, after seconds; an
// error is one of cfg, such as a file that cannot be used. The log has each loss, its
// reason and its end, once.
func Keep(cfg Config, log *slog.Logger) (*Conn, error) {
	return connect(cfg, log, nats.RetryOnFailedConnect(true))
}

// Dial returns a connection for one command. An error says why no server accepts it.
func Dial(cfg Config) (*Conn, error) {
	return connect(cfg, slog.New(slog.DiscardHandler))
}

func connect(cfg Config, log *slog.Logger, more ...nats.Option) (*Conn, error) {
	c, pace := &Conn{log: log}, cmp.Or(cfg.pace, time.Second)
	opts := []nats.Option{
		nats.Name(cfg.Name), nats.Timeout(attempt), nats.FlusherTimeout(stuck), nats.NoEcho(),
		nats.PingInterval(ping * pace), nats.MaxPingsOutstanding(unanswered),
		nats.MaxReconnects(-1), nats.ReconnectWait(wait * pace), nats.ReconnectJitter(jitter*pace, jitter*pace), nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),    // credentials may be made while this runs
		nats.IgnoreDiscoveredServers(), // their addresses may be of another network
		nats.ConnectHandler(c.connected), nats.ReconnectHandler(c.connected),
		nats.DisconnectErrHandler(c.lost), nats.ReconnectErrHandler(c.lost),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("the NATS server refuses something", "error", err)
		}),
	}
	login, err := cfg.login()
	if err != nil {
		return nil, err
	}
	secure, err := cfg.tls()
	if err != nil {
		return nil, err
	}
	if strings.Contains(strings.Join(cfg.URL, " "), "tls:") { // then no server is used without it
		opts = append(opts, nats.Secure(secure))
	}
	c.nats, err = nats.Connect(strings.Join(cfg.URL, ","), append(append(opts, login...), more...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", strings.Join(cfg.URL, ", "), err)
	}
	return c, nil
}

// seed is a line with the seed of a user.
var seed = regexp.MustCompile(`(?m)^SU[A-Z2-7]{56}\s*$`)

// login returns the options that prove who this is. Files are read again for each
// connection.
func (c *Config) login() ([]nats.Option, error) {
	switch {
	case c.User != "":
		return []nats.Option{nats.UserInfo(c.User, c.Password)}, nil
	case c.Credentials == "":
		return nil, nil
	}
	text, err := os.ReadFile(c.Credentials)
	switch {
	case err != nil:
		return nil, fmt.Errorf("fleet.credentials: %w", err)
	case bytes.Contains(text, []byte("BEGIN NATS USER JWT")): // a .creds file
		return []nats.Option{nats.UserCredentials(c.Credentials)}, nil
	case seed.Match(text):
		key, err := nats.NkeyOptionFromSeed(c.Credentials)
		if err != nil {
			return nil, fmt.Errorf("fleet.credentials: %s: %w", c.Credentials, err)
		}
		return []nats.Option{key}, nil
	}
	return nil, fmt.Errorf("fleet.credentials: %s is neither a .creds file of NATS nor the seed of a user's nkey (SU...)", c.Credentials)
}

// tls returns the settings of TLS.
func (c *Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("fleet.tls_ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("fleet.tls_ca: %s has no certificate in PEM", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("fleet.tls_cert and fleet.tls_key: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

func (c *Conn) connected(n *nats.Conn) {
	c.mu.Lock()
	c.last = ""
	c.mu.Unlock()
	c.log.Info("connected to a NATS server of the fleet", "server", n.ConnectedUrlRedacted())
}

// lost logs a reason that differs from the last one.
func (c *Conn) lost(n *nats.Conn, err error) {
	if n.IsClosed() {
		return
	}
	text := "no server answers"
	if err != nil {
		text = err.Error()
	}
	c.mu.Lock()
	same := c.last == text
	c.last = text
	c.mu.Unlock()
	if !same {
		c.log.Warn("not connected to a NATS server of the fleet: trying again", "error", text)
	}
}

// Connected reports whether there is a connection now.
func (c *Conn) Connected() bool { return c.nats.IsConnected() }

// Publish sends data to whoever listens. Without a connection it is lost: ErrAway.
func (c *Conn) Publish(subject string, data []byte) error {
	err := c.nats.Publish(subject, data)
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return ErrAway
	}
	return err
}

// Subscribe has receive called for each message at subject, which may have wildcards, one
// after the other. reply is where the sender waits for an answer, "" nowhere. It holds for
// all connections to come. Messages that receive does not keep up with are lost.
func (c *Conn) Subscribe(subject string, receive func(subject, reply string, data []byte)) error {
	_, err := c.nats.Subscribe(subject, func(m *nats.Msg) { receive(m.Subject, m.Reply, m.Data) })
	return err
}

// Request publishes data and returns the answer of whoever listens.
func (c *Conn) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m, err := c.nats.RequestWithContext(ctx, subject, data)
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return nil, ErrAway
	case err != nil:
		return nil, err
	}
	return m.Data, nil
}

// NATS returns the connection of the library, for what this package does not have.
func (c *Conn) NATS() *nats.Conn { return c.nats }

// Close ends the connection.
func (c *Conn) Close() { c.nats.Close() }
