// Package mqtt publishes the status and the events of one loop at an MQTT broker, with the
// messages by which Home Assistant discovers them. It owns the topics. It receives
// nothing, and holds one status and no queue while the broker is away.
package mqtt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/notify"
)

// Config is a broker, and what is published there.
type Config struct {
	Broker          string // mqtt://host:port or mqtts://host:port
	User, Password  string
	ClientID        string // "": wanctl-HOSTNAME-NAME
	DiscoveryPrefix string
	TopicPrefix     string
	TLSFingerprint  string        // see notify.PinnedTLS
	Interval        time.Duration // between two publications of a status in which nothing else than numbers changes
	Name            string        // of the configuration
	Version         string        // of this program
}

// Client is the receiver of a broker.
type Client struct {
	cfg     Config
	log     *slog.Logger
	newest  chan notify.Status // capacity 1
	session atomic.Pointer[session]
}

var _ notify.Follower = (*Client)(nil)

const (
	// timeout bounds a connection to a broker, and the acknowledgement of a message.
	timeout = 10 * time.Second
	// steadyAfter is how long a connection has to last for the next failure to count as
	// the first one.
	steadyAfter = time.Minute
	// keepAlive is the time between two pings.
	keepAlive = 30 * time.Second
)

// Payloads of the topic of availability, which are those that Home Assistant expects.
const (
	online  = "online"
	offline = "offline"
)

// New returns the client of a broker, which does not connect before Run.
func New(cfg Config, log *slog.Logger) *Client {
	if cfg.ClientID == "" {
		host, _ := os.Hostname() // without one, the name has to do
		cfg.ClientID = "wanctl-" + cmp.Or(host, "localhost") + "-" + cfg.Name
	}
	return &Client{cfg: cfg, log: log, newest: make(chan notify.Status, 1)}
}

// Name implements notify.Receiver.
func (*Client) Name() string { return "mqtt" }

func (c *Client) topic(last string) string { return c.cfg.TopicPrefix + "/" + c.cfg.Name + "/" + last }

// errAway is the error of an event while there is no connection.
var errAway = errors.New("not connected to the broker")

// Send implements notify.Receiver: it publishes an event.
func (c *Client) Send(ctx context.Context, e notify.Event) error {
	s := c.session.Load()
	if s == nil {
		return errAway
	}
	return s.publishJSON(ctx, c.topic("event"), false, e)
}

// Try publishes an event over a connection of its own, beside that of a daemon.
func (c *Client) Try(ctx context.Context, e notify.Event) error {
	cfg := c.cfg
	cfg.ClientID += "-test"
	s, err := dial(ctx, cfg, "")
	if err != nil {
		return err
	}
	defer s.close()
	return s.publishJSON(ctx, c.topic("event"), false, e)
}

// Update implements notify.Follower.
func (c *Client) Update(status notify.Status) {
	select {
	case <-c.newest:
	default:
	}
	c.newest <- status // Update is the only one that sends
}

// Run implements notify.Follower: it connects, again after each failure, until ctx ends.
func (c *Client) Run(ctx, last context.Context) {
	var retry backoff.Backoff
	var failing notify.Complaint
	began, ever := time.Now(), false
	for ctx.Err() == nil {
		s, err := dial(ctx, c.cfg, c.topic("availability"))
		connected := time.Now()
		if err == nil {
			err = c.serve(ctx, last, s, func() {
				if failing.Over() || !ever {
					c.log.Info("connected to the MQTT broker", "broker", c.cfg.Broker, "topic", c.topic("state"))
				}
				ever = true
			})
			if time.Since(connected) > steadyAfter {
				retry.Reset()
			}
		}
		if ctx.Err() != nil {
			return
		}
		if failing.News(err, time.Now()) {
			c.log.Warn("the MQTT broker cannot be used: tried again until it can", "broker", c.cfg.Broker, "error", err)
		}
		pause := time.NewTimer(retry.Stall(time.Since(began)))
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// serve publishes over a connection until it ends, or ctx.
func (c *Client) serve(ctx, last context.Context, s *session, onReady func()) error {
	defer s.close()
	if err := s.publish(ctx, c.topic("availability"), true, []byte(online)); err != nil {
		return err
	}
	c.session.Store(s)
	defer c.session.Store(nil)
	onReady()
	p := publisher{client: c, session: s, said: time.Now()}
	for {
		select {
		case <-ctx.Done():
			return s.publish(last, c.topic("availability"), true, []byte(offline))
		case err := <-s.lost:
			return err
		case status := <-c.newest:
			if err := p.publish(ctx, status); err != nil {
				return err
			}
		}
	}
}

// earlier is how much before the interval a status may be published: they come once a
// second, and one that is a moment early is not to wait for the next.
const earlier = 500 * time.Millisecond

// publisher publishes what has changed over one connection.
type publisher struct {
	client  *Client
	session *session

	discovered string // what was made known
	words      string // of the newest status published: all but numbers
	at         time.Time
	said       time.Time // when the loop was last said to be online
}

func (p *publisher) publish(ctx context.Context, status notify.Status) error {
	c := p.client
	if list := components(&status); len(list) > 0 && key(list) != p.discovered {
		for _, one := range list {
			if err := p.session.publishJSON(ctx, c.discoveryTopic(one), true, c.discovery(one, &status)); err != nil {
				return err
			}
		}
		p.discovered = key(list)
	}
	words := wordsOf(&status)
	if words == p.words && time.Since(p.at) < c.cfg.Interval-earlier {
		return nil
	}
	if err := p.session.publishJSON(ctx, c.topic("state"), true, status); err != nil {
		return err
	}
	p.words, p.at = words, time.Now()
	if p.at.Sub(p.said) < c.cfg.Interval-earlier {
		return nil
	}
	// Again: the will of a connection that was lost, here or on the node that had the loop
	// before, may come when this one has long been online.
	p.said = p.at
	return p.session.publish(ctx, c.topic("availability"), true, []byte(online))
}

// wordsOf returns what is published at once when it changes.
func wordsOf(s *notify.Status) string {
	words := []string{s.Health, s.Refused}
	for _, d := range []*notify.DirectionStatus{s.Download, s.Upload} {
		if d != nil {
			words = append(words, d.State)
		}
	}
	if s.Line != nil {
		words = append(words, fmt.Sprint(s.Line.Outage))
	}
	if s.Steering != nil {
		words = append(words, s.Steering.Congestion, fmt.Sprint(s.Steering.Engaged))
	}
	return strings.Join(words, "\x00")
}

// session is one connection.
type session struct {
	client paho.Client
	conn   *boundedConn
	lost   chan error // capacity 1
}

// dial connects to a broker. With a topic, that says offline when the connection is lost.
func dial(ctx context.Context, cfg Config, will string) (*session, error) {
	s := &session{lost: make(chan error, 1)}
	var err error
	if s.conn, err = open(ctx, cfg); err != nil {
		return nil, err
	}
	o := paho.NewClientOptions().AddBroker(cfg.Broker).SetClientID(cfg.ClientID).SetUsername(cfg.User).SetPassword(cfg.Password).
		SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetKeepAlive(keepAlive).SetPingTimeout(timeout).SetConnectTimeout(timeout).SetWriteTimeout(timeout).
		SetConnectionLostHandler(func(_ paho.Client, err error) {
			select {
			case s.lost <- fmt.Errorf("the connection was lost: %w", err):
			default:
			}
		}).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return s.conn, nil })
	if will != "" {
		o.SetWill(will, offline, 1, true)
	}
	s.client = paho.NewClient(o)
	if err := s.await(ctx, s.client.Connect()); err != nil {
		_ = s.conn.Close()
		s.client.Disconnect(0)
		return nil, fmt.Errorf("logging in: %w", s.cause(err))
	}
	return s, nil
}

// open opens the connection itself.
func open(ctx context.Context, cfg Config) (*boundedConn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	u, err := url.Parse(cfg.Broker)
	if err != nil {
		return nil, errors.New("notify.mqtt.broker cannot be used")
	}
	conn, err := notify.Dial(ctx, u.Host, u.Scheme == "mqtts", cfg.TLSFingerprint)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &boundedConn{Conn: conn}, nil
}

// await waits for what a token stands for.
func (s *session) await(ctx context.Context, t paho.Token) error {
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return fmt.Errorf("the broker has not answered within %v", timeout)
	}
}

// cause returns why the connection was ended by us, if it was, else err.
func (s *session) cause(err error) error {
	if s.conn.excess.Load() {
		return errExcess
	}
	return err
}

// publish has the broker acknowledge a message.
func (s *session) publish(ctx context.Context, topic string, retained bool, payload []byte) error {
	if err := s.await(ctx, s.client.Publish(topic, 1, retained, payload)); err != nil {
		return fmt.Errorf("publishing %s: %w", topic, s.cause(err))
	}
	return nil
}

func (s *session) publishJSON(ctx context.Context, topic string, retained bool, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.publish(ctx, topic, retained, payload)
}

// close ends the connection; what the client has not sent by then is lost.
func (s *session) close() {
	s.client.Disconnect(100) // milliseconds, for the broker not to publish the will
	_ = s.conn.Close()
}

var notWord = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// id returns the identity of a component, or of the device, at every Home Assistant.
func (c *Client) id(component string) string {
	return strings.TrimSuffix(notWord.ReplaceAllString(c.cfg.TopicPrefix+"_"+c.cfg.Name+"_"+component, "_"), "_")
}
