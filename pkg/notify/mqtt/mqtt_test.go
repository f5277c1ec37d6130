package mqtt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// message is one that the broker got.
type message struct {
	topic, payload string
	retained       bool
}

// rig is a real broker.
type rig struct {
	*broker.Server
	address string

	mu       sync.Mutex
	messages []message
}

// startBroker serves on an address, with TLS if given.
func startBroker(t *testing.T, address string, encrypt *tls.Config) *rig {
	t.Helper()
	r := &rig{Server: broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})}
	users := &auth.Ledger{Auth: auth.AuthRules{{Username: "wanctl", Password: "s3cret", Allow: true}}}
	if err := r.AddHook(new(auth.Hook), &auth.Options{Ledger: users}); err != nil {
		t.Fatal(err)
	}
	ln := listeners.NewTCP(listeners.Config{ID: "tcp", Address: address, TLSConfig: encrypt})
	if err := r.AddListener(ln); err != nil {
		t.Fatal(err)
	}
	r.address = ln.Address()
	if err := r.Subscribe("#", 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages = append(r.messages, message{p.TopicName, string(p.Payload), p.FixedHeader.Retain})
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // again, in some tests
	return r
}

// got returns the payloads of a topic so far.
func (r *rig) got(topic string) (payloads []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if m.topic == topic {
			payloads = append(payloads, m.payload)
		}
	}
	return payloads
}

// await waits until the payloads of a topic are those wanted.
func (r *rig) await(t *testing.T, topic string, want ...string) {
	t.Helper()
	eventually(t, func() bool { return slices.Equal(r.got(topic), want) }, func() string { return fmt.Sprint(topic, ": ", r.got(topic)) })
}

func eventually(t *testing.T, holds func() bool, what func() string) {
	t.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("not in half a minute: ", what())
}

// running is a client that runs.
type running struct {
	*Client
	log  *logged
	stop func()
}

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, change func(*Config)) *running {
	t.Helper()
	cfg := Config{
		User: "wanctl", Password: "s3cret", DiscoveryPrefix: "homeassistant", TopicPrefix: "wanctl",
		Name: "cable.1", Version: "v1", ClientID: "test", Interval: time.Hour,
	}
	change(&cfg)
	l := &logged{}
	r := &running{Client: New(cfg, slog.New(slog.NewTextHandler(l, nil))), log: l}
	ctx, cancel := context.WithCancel(t.Context())
	last, giveUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx, last)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		defer time.AfterFunc(time.Second, giveUp).Stop()
		<-done
		giveUp()
	})
	t.Cleanup(r.stop)
	return r
}

func at(r *rig) func(*Config) { return func(c *Config) { c.Broker = "mqtt://" + r.address } }

// wan returns a status of a WAN.
func wan(state string, rtt float64) notify.Status {
	return notify.Status{
		Health: "healthy", Line: &notify.Line{RTTMs: &rtt, ReflectorsAlive: 3},
		Download: &notify.DirectionStatus{State: state},
	}
}

func TestPublish(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, at(b))
	b.await(t, "wanctl/cable.1/availability", online)
	c.Update(wan("GREEN", 20))
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) == 1 }, c.log.String)
	// Numbers alone wait for the interval, another state does not.
	for i := range 20 {
		c.Update(wan("GREEN", float64(30+i)))
	}
	c.Update(wan("RED", 80))
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) == 2 }, c.log.String)
	var s notify.Status
	if err := json.Unmarshal([]byte(b.got("wanctl/cable.1/state")[1]), &s); err != nil || s.Download.State != "RED" || *s.Line.RTTMs != 80 {
		t.Errorf("%v: %+v", err, s)
	}

	eventually(t, func() bool {
		return c.Send(t.Context(), notify.Complete(notify.Event{Kind: notify.Outage, Old: "up", New: "down"}, "cable.1", "v1")) == nil
	}, c.log.String)
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/event")) == 1 }, c.log.String)
	if got := b.got("wanctl/cable.1/event"); !strings.Contains(got[0], `"summary":"cable.1: outage"`) {
		t.Errorf("events: %v", got)
	}
	c.stop()
	b.await(t, "wanctl/cable.1/availability", online, offline)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		if m.retained == strings.HasSuffix(m.topic, "/event") {
			t.Errorf("%s: retained is %v", m.topic, m.retained)
		}
	}
}

// What Home Assistant is made to know: the topics, and the rules of its MQTT discovery.
func TestDiscovery(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, at(b))
	c.Update(notify.Status{Health: "starting"})
	c.Update(wan("GREEN", 20))
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) > 0 }, c.log.String)
	c.stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[string]discovery{}
	for _, m := range b.messages {
		parts := strings.Split(m.topic, "/")
		if parts[0] != "homeassistant" {
			continue
		}
		var d discovery
		if err := json.Unmarshal([]byte(m.payload), &d); err != nil || len(parts) != 4 || parts[3] != "config" || !m.retained {
			t.Fatalf("%+v: %v", m, err)
		}
		key := strings.TrimPrefix(d.UniqueID, "wanctl_cable_1_")
		found[key] = d
		binary := strings.Contains(d.ValueTemplate, "'ON'")
		switch {
		case d.EntityID != parts[1]+"."+d.UniqueID:
			t.Errorf("entity %s of %s", d.EntityID, m.topic)
		case parts[2] != d.UniqueID || notWord.MatchString(d.UniqueID) || (parts[1] == "binary_sensor") != binary:
			t.Errorf("topic %s of %s", m.topic, d.UniqueID)
		case d.StateTopic != "wanctl/cable.1/state" || d.Availability != "wanctl/cable.1/availability" || d.ExpireAfter != 3*3600:
			t.Errorf("%+v", d)
		case (d.DeviceClass == "enum") != (d.Options != nil) || d.Options != nil && (d.StateClass != "" || d.Unit != ""):
			t.Errorf("a sensor of words: %+v", d)
		case d.Unit != "" && d.StateClass != "measurement":
			t.Errorf("a sensor of numbers: %+v", d)
		case len(d.Device.Identifiers) != 1 || d.Device.Identifiers[0] != "wanctl_cable_1" || d.Device.Version != "v1":
			t.Errorf("device %+v", d.Device)
		}
	}
	for _, key := range []string{"health", "internet", "rtt", "excess", "download_state", "download_limit", "download_capacity"} {
		if _, ok := found[key]; !ok {
			t.Errorf("no %s among %d", key, len(found))
		}
	}
	if _, ok := found["upload_state"]; ok {
		t.Error("an upload that is not controlled has a state")
	}
	for key, want := range map[string]string{
		"rtt":      "{{ value_json.line.rtt_ms if value_json.line else none }}",
		"health":   "{{ value_json.health }}",
		"internet": "{{ none if not value_json.line else 'ON' if not value_json.line.outage else 'OFF' }}",
	} {
		if got := found[key].ValueTemplate; got != want {
			t.Errorf("template of %s: %s", key, got)
		}
	}
	steering := notify.Status{Steering: &notify.SteeringStatus{Primary: "cable", Alternate: "lte"}}
	var keys []string
	for _, x := range components(&steering) {
		keys = append(keys, x.key)
	}
	if d := c.discovery(components(&steering)[1], &steering); strings.Join(keys, " ") != "health steering congestion" || d.Device.Model != "WAN steering" ||
		d.ValueTemplate != "{{ none if not value_json.steering else 'ON' if value_json.steering.engaged else 'OFF' }}" {
		t.Errorf("steering: %v, %+v", keys, d)
	}
}

// A connection that breaks has the broker say offline; the client comes back, and publishes
// what is so then.
func TestReconnect(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, at(b))
	c.Update(wan("GREEN", 20))
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) == 1 }, c.log.String)
	client, ok := b.Clients.Get("test")
	if !ok {
		t.Fatal("no such client")
	}
	client.Stop(packets.ErrServerShuttingDown)
	b.await(t, "wanctl/cable.1/availability", online, offline, online)
	c.Update(wan("RED", 90))
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) == 2 }, c.log.String)
	if n := strings.Count(c.log.String(), "the MQTT broker cannot be used"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, c.log)
	}
}

// A will that comes late, of a connection that was lost or of the node that had the loop
// before, does not leave a loop that runs offline.
func TestLateWill(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, func(cfg *Config) { at(b)(cfg); cfg.Interval = 0 })
	b.await(t, "wanctl/cable.1/availability", online)
	if err := b.Publish("wanctl/cable.1/availability", []byte(offline), true, 1); err != nil {
		t.Fatal(err)
	}
	b.await(t, "wanctl/cable.1/availability", online, offline)
	c.Update(wan("GREEN", 20))
	b.await(t, "wanctl/cable.1/availability", online, offline, online)
}

// A broker that is not there yet: one line of log, no queue, and the newest status when it
// comes.
func TestBrokerComesLate(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	c := start(t, func(cfg *Config) { cfg.Broker = "mqtt://" + address })
	eventually(t, func() bool { return strings.Contains(c.log.String(), "connection refused") }, c.log.String)
	for _, state := range []string{"YELLOW", "RED", "GREEN"} {
		c.Update(wan(state, 20))
	}
	if err := c.Send(t.Context(), notify.Event{}); err != errAway {
		t.Errorf("an event without a broker: %v", err)
	}
	b := startBroker(t, address, nil)
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/state")) == 1 }, c.log.String)
	if got := b.got("wanctl/cable.1/state")[0]; !strings.Contains(got, "GREEN") {
		t.Errorf("published %s", got)
	}
}

func TestWrongPassword(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, func(cfg *Config) { at(b)(cfg); cfg.Password = "wr0ng" })
	eventually(t, func() bool { return strings.Contains(c.log.String(), "cannot be used") }, c.log.String)
	if text := c.log.String(); !strings.Contains(text, "logging in: ") || strings.Contains(text, "wr0ng") {
		t.Errorf("log: %s", text)
	}
	if err := c.Try(t.Context(), notify.Event{}); err == nil {
		t.Error("a trial went well")
	}
}

// A trial leaves the daemon's connection alone, and says nothing of availability.
func TestTry(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0", nil)
	c := start(t, at(b))
	b.await(t, "wanctl/cable.1/availability", online)
	if err := c.Try(t.Context(), notify.Event{Kind: notify.Test}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(b.got("wanctl/cable.1/event")) == 1 }, c.log.String)
	if got := b.got("wanctl/cable.1/event"); !strings.Contains(got[0], `"event":"test"`) {
		t.Errorf("events: %v", got)
	}
	if got := b.got("wanctl/cable.1/availability"); len(got) != 1 {
		t.Errorf("availability: %v", got)
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	b := startBroker(t, "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	sum := sha256.Sum256(web.Certificate().Raw)
	for _, c := range []struct{ name, pin, want string }{
		{"pinned", hex.EncodeToString(sum[:]), ""},
		{"self-signed", "", "certificate"},
		{"another one", strings.Repeat("0", 64), "its SHA-256 is " + hex.EncodeToString(sum[:])},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Config{
				Broker: "mqtts://" + b.address, User: "wanctl", Password: "s3cret", ClientID: "tls", TopicPrefix: "wanctl", Name: "cable", TLSFingerprint: c.pin,
			}, slog.New(slog.DiscardHandler))
			err := client.Try(t.Context(), notify.Event{})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Brokers that are none, or mean harm: each is one line of log, attempts are few, and the
// end does not wait.
func TestBadBrokers(t *testing.T) {
	accepted := []byte{0x20, 2, 0, 0} // CONNACK
	for _, c := range []struct {
		name   string
		answer func(net.Conn)
		want   string
	}{
		{"closes at once", func(net.Conn) {}, "logging in: "},
		{"closes after the login", func(c net.Conn) { _, _ = c.Write(accepted) }, "publishing wanctl/cable.1/availability: "},
		{"never answers", func(c net.Conn) { drain(c) }, ""},
		{"never acknowledges", func(c net.Conn) { _, _ = c.Write(accepted); drain(c) }, ""},
		{"speaks HTTP", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "logging in: "},
		{"announces 256 MB", func(c net.Conn) { _, _ = c.Write([]byte{0x20, 0xff, 0xff, 0xff, 0x7f}); drain(c) }, "more than 1024 bytes"},
		{"announces it later", func(c net.Conn) { _, _ = c.Write(append(accepted, 0x30, 0xff, 0xff, 0xff, 0x7f)); drain(c) }, "more than 1024 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			var mu sync.Mutex
			var conns []net.Conn
			serving.Go(func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					mu.Lock()
					conns = append(conns, conn)
					mu.Unlock()
					serving.Go(func() {
						defer conn.Close()
						buf := make([]byte, 1)
						_, _ = conn.Read(buf) // of the login
						c.answer(conn)
					})
				}
			})
			client := start(t, func(cfg *Config) { cfg.Broker = "mqtt://" + ln.Addr().String() })
			client.Update(wan("GREEN", 20))
			eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(conns) > 0 && strings.Contains(client.log.String(), c.want)
			}, client.log.String)
			began := time.Now()
			client.stop()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the end took %v", took)
			}
			_ = ln.Close()
			serving.Wait()
			if n := len(conns); n > 20 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

func drain(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}
