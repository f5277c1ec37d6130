package etcd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says where the etcd is, and who its client is.
type Config struct {
	Endpoints []string    // http://HOST:PORT or https://HOST:PORT, of one cluster
	TLS       *tls.Config // of https; nil: the system's authorities
	User      string      // "" without authentication
	Password  string
	Prefix    string        // of all keys, without a slash at its end
	Silence   time.Duration // after which an owner without an answer stops
	// Dial opens a TCP connection; nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// maxAnswer bounds an answer; a log is a few hundred bytes.
const maxAnswer = 1 << 20

// Client is a connection to an etcd, with the one lease of its node. It connects at its first
// call, and each call ends with its context.
type Client struct {
	cfg  Config
	http *http.Client

	mu    sync.Mutex // protects the following fields
	at    int        // the endpoint that is asked first
	token string

	lease lease
}

// New returns a client. It connects to nothing.
func New(cfg Config) *Client {
	transport := &http.Transport{DialContext: cfg.Dial, TLSClientConfig: cfg.TLS, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}
	c := &Client{cfg: cfg, http: &http.Client{Transport: transport}}
	c.lease.lock = make(chan struct{}, 1)
	return c
}

// Close ends the connections. The lease ends by itself.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is a request that was refused or not answered.
type Error struct {
	Endpoint string
	Path     string // of the gateway
	Key      string // that the request was about; "" none
	Text     string
	Hint     string // what to do about it; "" nothing more is known
	code     int    // of gRPC; 0: no answer of etcd
	err      error
}

func (e *Error) Error() string {
	s := "etcd " + e.Endpoint + ": "
	if e.Key != "" {
		s += "key " + e.Key + ": "
	}
	s += e.Text
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Codes of gRPC that matter here.
const (
	notFound        = 5
	denied          = 7
	unavailable     = 14
	unauthenticated = 16
)

// request is a call of the gateway.
type request struct {
	path string
	key  string // for errors
	in   any
	out  any
	// once: it changes something, so that it is sent to one endpoint only. Others are tried
	// before one of several if that does not answer within a part of the time.
	once bool
}

// call sends a request to the first endpoint that answers.
func (c *Client) call(ctx context.Context, r request) error {
	var last error
	for range c.cfg.Endpoints {
		endpoint := c.endpoint()
		err := c.authenticated(ctx, endpoint, r)
		var e *Error
		if err == nil || !errors.As(err, &e) || e.code != 0 && e.code != unavailable {
			return err
		}
		c.failed(endpoint)
		last = err
		if r.once || ctx.Err() != nil {
			break
		}
	}
	return last
}

func (c *Client) endpoint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Endpoints[c.at]
}

// failed has the next endpoint be asked first, unless another call has seen to that.
func (c *Client) failed(endpoint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Endpoints[c.at] == endpoint {
		c.at = (c.at + 1) % len(c.cfg.Endpoints)
	}
}

// authenticated sends a request with a token, where there is a user. Tokens end after
// minutes, and with a restart of the server.
func (c *Client) authenticated(ctx context.Context, endpoint string, r request) error {
	if c.cfg.User == "" {
		return c.send(ctx, endpoint, "", r)
	}
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	if token != "" {
		err := c.send(ctx, endpoint, token, r)
		if e := new(Error); !errors.As(err, &e) || e.code != unauthenticated {
			return err
		}
	}
	var answer struct {
		Token string `json:"token"`
	}
	login := request{path: "auth/authenticate", in: map[string]string{"name": c.cfg.User, "password": c.cfg.Password}, out: &answer}
	if err := c.send(ctx, endpoint, "", login); err != nil {
		return err
	}
	c.mu.Lock()
	c.token = answer.Token
	c.mu.Unlock()
	return c.send(ctx, endpoint, answer.Token, r)
}

// send sends a request to one endpoint.
func (c *Client) send(ctx context.Context, endpoint, token string, r request) error {
	failed := func(text string, err error) *Error {
		return &Error{Endpoint: endpoint, Path: r.path, Key: r.key, Text: text, err: err}
	}
	if !r.once && len(c.cfg.Endpoints) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Silence/4)
		defer cancel()
	}
	body, err := json.Marshal(r.in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/v3/"+r.path, bytes.NewReader(body))
	if err != nil {
		return failed(err.Error(), err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return explain(failed("", err))
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return explain(failed("", err))
	case answer.StatusCode != http.StatusOK:
		return refusal(failed("", nil), answer, text)
	}
	if err := json.Unmarshal(text, r.out); err != nil {
		e := failed("the answer is not that of an etcd: "+err.Error(), err)
		e.Hint = "check ha.etcd.endpoints in node.yaml"
		return e
	}
	return nil
}

// refusal returns e with what the server has said.
func refusal(e *Error, answer *http.Response, text []byte) error {
	var status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &status) != nil || status.Message == "" {
		e.Text = "answers " + answer.Status
		if answer.StatusCode == http.StatusNotFound {
			e.Hint = "it needs etcd 3.4 or newer with its JSON gateway, --enable-grpc-gateway, as by default"
		}
		return e
	}
	e.Text, e.code = strings.TrimPrefix(status.Message, "etcdserver: "), status.Code
	switch {
	case status.Code == unauthenticated, strings.Contains(status.Message, "authentication failed"):
		e.Hint = "check ha.etcd.user and ha.etcd.password in node.yaml"
	case strings.Contains(status.Message, "user name is empty"):
		e.Hint = "it wants a user: ha.etcd.user in node.yaml (the name in a client's certificate does not count at the gateway)"
	case status.Code == denied:
		e.Hint = "etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/, with ha.etcd.prefix of node.yaml"
	case status.Code == unavailable:
		e.Hint = "etcdctl endpoint status --cluster"
	}
	return e
}

// explain returns e with a text for its cause, a failed connection.
func explain(e *Error) error {
	var (
		record    tls.RecordHeaderError
		authority *tls.CertificateVerificationError
	)
	e.Hint = "etcdctl --endpoints=" + e.Endpoint + " endpoint health"
	switch text := e.err.Error(); {
	case errors.Is(e.err, context.DeadlineExceeded):
		e.Text = "does not answer"
	case errors.As(e.err, &authority):
		e.Text, e.Hint = authority.Err.Error(), "name its authority: ha.etcd.ca in node.yaml"
	case errors.As(e.err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		e.Text, e.Hint = "does not speak TLS", "write http:// in ha.etcd.endpoints, or give etcd a certificate"
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		e.Text, e.Hint = "wants a certificate of this client", "ha.etcd.cert and ha.etcd.key in node.yaml"
	default:
		for err := e.err; err != nil; err = errors.Unwrap(err) {
			e.Text = err.Error()
		}
		if errors.Is(e.err, io.EOF) || strings.Contains(text, "malformed HTTP response") {
			e.Text, e.Hint = fmt.Sprintf("does not speak HTTP (%s)", e.Text), "write https:// in ha.etcd.endpoints if it has a certificate"
		}
	}
	return e
}
