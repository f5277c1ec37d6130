// Package daemonsock lets the daemons of one host read each other: HTTP over a unix
// socket beside the lock file, /run/wanctl/NAME.sock, read-only. It owns the
// client and the paths on the socket; the socket itself belongs to the daemon.
//
//	GET /health    telemetry.Health or, of steering, telemetry.SteeringHealth
//	GET /history?since=T   history.Window
//	GET /metrics
//
// The permissions of the directory decide who may connect. Nothing secret
// crosses the socket.
package daemonsock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// ErrNotRunning means that there is no socket, or that its process is gone.
var ErrNotRunning = errors.New("no daemon answers")

const (
	// Timeout bounds one request, however long the context lasts. The daemon of a
	// loop that stands still answers within a second, with a document that says so.
	Timeout = 2 * time.Second
	// MaxBody bounds the body of one response, at ten times the longest.
	MaxBody = 8 << 20
)

// Client reads from one daemon. Every request has its own connection, so a
// Client needs no closing and notices at once that a daemon was replaced. Its
// methods may be called from several goroutines.
type Client struct {
	path string
	http *http.Client
}

// New returns a Client for the socket at path, which need not exist yet.
func New(path string) *Client {
	var dialer net.Dialer
	return &Client{path: path, http: &http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", path)
			},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 16 << 10,
		},
		// No daemon redirects.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Path returns the path of the socket.
func (c *Client) Path() string { return c.path }

// Health returns the health document of a WAN's loop, healthy or not. Errors
// wrap ErrNotRunning when no loop runs.
func (c *Client) Health(ctx context.Context) (telemetry.Health, error) {
	var h telemetry.Health
	err := c.document(ctx, "/health", &h)
	if err == nil && (h.Status == "" || h.WANs == nil) {
		err = c.failed("/health", errors.New("not the health document of a WAN"))
	}
	return h, err
}

// SteeringHealth returns the health document of a steering daemon, healthy or
// not. Errors wrap ErrNotRunning when none runs.
func (c *Client) SteeringHealth(ctx context.Context) (telemetry.SteeringHealth, error) {
	var h telemetry.SteeringHealth
	err := c.document(ctx, "/health", &h)
	if err == nil && h.PID == 0 { // which a WAN's document does not have
		err = c.failed("/health", errors.New("not the health document of a steering daemon"))
	}
	return h, err
}

// History returns the history after since; the zero time asks for all.
func (c *Client) History(ctx context.Context, since time.Time) (history.Window, error) {
	target := "/history"
	if !since.IsZero() {
		target += "?since=" + url.QueryEscape(since.Format(time.RFC3339Nano))
	}
	var x history.Window
	err := c.document(ctx, target, &x)
	return x, err
}

// document reads a JSON document into v. Status 503 has one, too: the daemon is
// not healthy.
func (c *Client) document(ctx context.Context, target string, v any) error {
	return c.get(ctx, target, "application/json", func(resp *http.Response) error {
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("status %s", resp.Status)
		}
		return json.NewDecoder(bounded(resp.Body)).Decode(v)
	})
}

// get requests target and passes the response to read.
func (c *Client) get(ctx context.Context, target, accept string, read func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+target, nil)
	if err != nil {
		return c.failed(target, err)
	}
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		var inURL *url.Error // it repeats the placeholder URL
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return c.failed(target, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := read(resp); err != nil {
		return c.failed(target, err)
	}
	return nil
}

// failed returns err with the name of the socket. A missing file and a socket
// whose process is gone become ErrNotRunning.
func (c *Client) failed(target string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w on %s", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("socket %s: permission denied; run as the user of the daemon, or as root", c.path)
	}
	return fmt.Errorf("socket %s, %s: %w", c.path, target, err)
}

// bounded returns a reader that fails after MaxBody bytes, instead of ending as
// if the body were complete.
func bounded(r io.Reader) io.Reader { return &limited{r, MaxBody} }

type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", MaxBody)
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
