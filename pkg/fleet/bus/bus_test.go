package bus

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/wanctl/wanctl/pkg/sim/natsserver"
)

// logged is a log for reading.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func keep(t *testing.T, cfg Config) (*Conn, *logged) {
	t.Helper()
	log := new(logged)
	cfg.pace = 20 * time.Millisecond
	c, err := Keep(cfg, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, log
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// What is published arrives, what is asked is answered, and while the server is away both
// fail at once; a server that is back, or comes late, is found, and subscriptions hold.
func TestServerComesAndGoes(t *testing.T) {
	server := natsserver.New(t)
	got := make(chan string, 1)
	reader, _ := keep(t, Config{URL: []string{server.URL()}, Name: "reader"})
	if err := reader.Subscribe("wanctl.*.x", func(subject, reply string, data []byte) {
		if reply != "" {
			_ = reader.Publish(reply, append([]byte("re: "), data...))
			return
		}
		got <- subject + " " + string(data)
	}); err != nil {
		t.Fatal(err)
	}
	_ = reader.NATS().Flush()
	c, log := keep(t, Config{URL: []string{server.URL()}, Name: "writer"})
	works := func() {
		t.Helper()
		if err := c.Publish("wanctl.live.x", []byte("hello")); err != nil || <-got != "wanctl.live.x hello" {
			t.Error(err)
		}
		if answer, err := c.Request(t.Context(), "wanctl.history.x", []byte("y")); err != nil || string(answer) != "re: y" {
			t.Errorf("%q, %v", answer, err)
		}
	}
	works()
	server.Kill()
	eventually(t, "the loss is not noticed", func() bool { return !c.Connected() })
	if err := c.Publish("wanctl.live.x", []byte("lost")); !errors.Is(err, ErrAway) {
		t.Errorf("publishing without a server: %v", err)
	}
	if _, err := c.Request(t.Context(), "wanctl.history.x", nil); !errors.Is(err, ErrAway) {
		t.Errorf("asking without a server: %v", err)
	}
	server.Start()
	eventually(t, "the server is not found again", func() bool { return c.Connected() && reader.Connected() })
	_ = reader.NATS().Flush()
	works()
	if log.count("connected to a NATS server of the fleet\"") != 2 || log.count("trying again") == 0 {
		t.Errorf("logged: %s", log.text.String())
	}
}

// A server may come after its clients.
func TestServerComesLate(t *testing.T) {
	server := natsserver.New(t)
	server.Kill()
	c, log := keep(t, Config{URL: []string{server.URL()}, Name: "early"})
	eventually(t, "it is not logged", func() bool { return log.count("trying again") == 1 })
	server.Start()
	eventually(t, "the server is not found", c.Connected)
}

// Who has the credentials is let in, and who has not is told so.
func TestCredentials(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := pair.PublicKey()
	private, _ := pair.Seed()
	dir := t.TempDir()
	conf, seedFile := filepath.Join(dir, "server.conf"), filepath.Join(dir, "seed")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, "authorization: {users: [{nkey: "+public+"}, {user: u, password: p}]}\n")
	server := natsserver.New(t, "-c", conf)
	write(seedFile, string(private)+"\n")
	good := []Config{{Credentials: seedFile}, {User: "u", Password: "p"}}
	for _, cfg := range good {
		cfg.URL = []string{server.URL()}
		c, err := Dial(cfg)
		if err != nil {
			t.Errorf("%+v: %v", cfg, err)
			continue
		}
		c.Close()
	}
	write(filepath.Join(dir, "other"), "hello\n")
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "uthorization"},
		{Config{User: "u", Password: "wrong"}, "uthorization"},
		{Config{Credentials: filepath.Join(dir, "none")}, "fleet.credentials: open"},
		{Config{Credentials: filepath.Join(dir, "other")}, "is neither a .creds file"},
		{Config{CA: filepath.Join(dir, "other")}, "fleet.tls_ca: "},
		{Config{Cert: seedFile, Key: seedFile}, "fleet.tls_cert and fleet.tls_key: "},
	} {
		tt.cfg.URL = []string{server.URL()}
		if _, err := Dial(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.cfg, err, tt.want)
		}
	}
	// A daemon waits for credentials to be accepted.
	_, log := keep(t, Config{URL: []string{server.URL()}, User: "u", Password: "wrong"})
	eventually(t, "it is not logged", func() bool { return log.count("uthorization") > 0 })
}

// A server without TLS is not used where TLS is asked for, and gets no password.
func TestNoDowngrade(t *testing.T) {
	server := natsserver.New(t)
	_, err := Dial(Config{URL: []string{"tls://" + server.Address()}, User: "u", Password: "p"})
	if err == nil || !strings.Contains(err.Error(), "secure connection not available") {
		t.Errorf("%v", err)
	}
}

// A server that is paused keeps its connections: publishing goes on for a while, never
// blocks for long, and the loss shows in the end. It is found again.
func TestPausedServer(t *testing.T) {
	server := natsserver.New(t)
	c, _ := keep(t, Config{URL: []string{server.URL()}, Name: "paused"})
	server.Pause()
	defer server.Resume()
	eventually(t, "the pause is not noticed", func() bool {
		_ = c.Publish("x", make([]byte, 1000))
		return !c.Connected()
	})
	server.Resume()
	eventually(t, "the server is not found again", c.Connected)
}

func TestRequestEnds(t *testing.T) {
	server := natsserver.New(t)
	c, _ := keep(t, Config{URL: []string{server.URL()}, Name: "asks"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Request(ctx, "nobody", nil); err == nil {
		t.Error("an answer of nobody")
	}
}
