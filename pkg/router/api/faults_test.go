package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// setBoth writes both limits and checks what came back.
func setBoth(t *testing.T, c *rosclient.Client, down, up bitrate.Rate) {
	t.Helper()
	queues, err := c.SetQueues(t.Context(),
		router.QueueChange{Name: routertest.Download, QueueSettings: router.QueueSettings{MaxLimit: &down}},
		router.QueueChange{Name: routertest.Upload, QueueSettings: router.QueueSettings{MaxLimit: &up}})
	if err != nil || queues[0].MaxLimit != down || queues[1].MaxLimit != up {
		t.Errorf("got %+v, %v", queues, err)
	}
}

// TestFaultyAnswers: what comes back is no answer, for reads and for writes. A
// read fails as a whole; a write is read back and found to have succeeded.
func TestFaultyAnswers(t *testing.T) {
	warm := func(t *testing.T) (*simrouter.Router, *rosclient.Client) {
		r := routertest.StartService(t, simrouter.API, simrouter.Config{})
		c := newClient(t, config(r, simrouter.API))
		if _, err := c.Queues(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r, c
	}
	for _, tt := range []struct {
		kind simrouter.FaultKind
		want string // in the error of a read
	}{
		{simrouter.Fatal, "session terminated"},
		{simrouter.HugeWord, "too large"},
		{simrouter.ControlByte, "control byte 0xF8"},
		{simrouter.Garble, "no reply of the API"},
		{simrouter.Cut, "connection lost"},
		{simrouter.Reset, "connection lost"},
		{simrouter.WrongData, "something else"},
		{simrouter.HTML, "no reply of the API"},
	} {
		t.Run(string(tt.kind)+"/reading", func(t *testing.T) {
			r, c := warm(t)
			r.Inject(simrouter.Fault{Kind: tt.kind})
			_, err := c.Counters(t.Context(), routertest.Download, routertest.Upload)
			if !errors.Is(err, router.ErrOutcomeUnknown) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %q", err, tt.want)
			}
			r.ClearFaults()
			if _, err := c.Queues(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
		t.Run(string(tt.kind)+"/writing", func(t *testing.T) {
			r, c := warm(t)
			r.Inject(simrouter.Fault{Kind: tt.kind, Command: "set", Times: 1, Applied: true})
			setBoth(t, c, 99*bitrate.Mbps, 9*bitrate.Mbps)
			if n := r.Writes(); n != 2 && n != 3 {
				t.Errorf("%d writes, want 2, or 3 where the second got lost behind the fault", n)
			}
		})
		t.Run(string(tt.kind)+"/reading back", func(t *testing.T) {
			r, c := warm(t)
			r.Inject(simrouter.Fault{Kind: tt.kind, Command: "print", Times: 1})
			setBoth(t, c, 98*bitrate.Mbps, 8*bitrate.Mbps)
			if n := r.Writes(); n != 2 {
				t.Errorf("%d writes, want 2", n)
			}
		})
	}
}

// TestUnusualAnswers: what is strange and yet an answer.
func TestUnusualAnswers(t *testing.T) {
	for _, kind := range []simrouter.FaultKind{simrouter.EmptyRe, simrouter.Unsolicited} {
		t.Run(string(kind), func(t *testing.T) {
			r := routertest.StartService(t, simrouter.API, simrouter.Config{})
			c := newClient(t, config(r, simrouter.API))
			r.Inject(simrouter.Fault{Kind: kind})
			for i := range bitrate.Rate(3) {
				setBoth(t, c, (i+1)*bitrate.Mbps, (i+2)*bitrate.Mbps)
				if got, err := c.Counters(t.Context(), routertest.Download, routertest.Upload); err != nil || len(got) != 2 {
					t.Errorf("counters: %v, %v", got, err)
				}
			}
			if got := r.Counts(); got.Logins != 1 || got.Writes != 6 {
				t.Errorf("%d logins and %d writes, want 1 and 6", got.Logins, got.Writes)
			}
		})
	}
	t.Run(string(simrouter.MultiTrap), func(t *testing.T) {
		r := routertest.StartService(t, simrouter.API, simrouter.Config{})
		c := newClient(t, config(r, simrouter.API))
		r.Inject(simrouter.Fault{Kind: simrouter.MultiTrap, Times: 1})
		if _, err := c.Queues(t.Context()); !errors.Is(err, router.ErrInvalid) || !strings.Contains(err.Error(), "the first of two") || !strings.Contains(err.Error(), "the second of two") {
			t.Errorf("got %v", err)
		}
		if _, err := c.Queues(t.Context()); err != nil || r.Logins() != 1 {
			t.Errorf("afterwards: %v, %d logins", err, r.Logins())
		}
	})
}

// TestKnobs: everything nobody knows of RouterOS must not matter.
func TestKnobs(t *testing.T) {
	for name, cfg := range map[string]simrouter.Config{
		"before 6.43":               {Version: "6.42"},
		"6.49.10":                   {Version: "6.49.10"},
		"7.22":                      {Version: "7.22"},
		"old login":                 {Quirks: simrouter.Quirks{OldLogin: true}},
		"traps without categories":  {Quirks: simrouter.Quirks{NoCategories: true}},
		"requests take turns":       {Quirks: simrouter.Quirks{SerialiseAll: true}},
		"slow as a small router":    {Latency: 30 * time.Millisecond},
		"two sessions are the most": {MaxSessions: 2},
	} {
		for _, service := range []simrouter.Service{simrouter.API, simrouter.APISSL} {
			t.Run(name+"/"+string(service), func(t *testing.T) {
				r := routertest.StartService(t, service, cfg)
				for i := range 64 { // long enough for single queues to be asked for
					if err := r.Run(fmt.Sprintf(`/queue tree add name="other queue+%d" parent=global`, i)); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.State().AddUser("reader", "", "read", "api"); err != nil {
					t.Fatal(err)
				}
				rc := config(r, service)
				c := newClient(t, rc)
				for i := range bitrate.Rate(2) {
					setBoth(t, c, (99+i)*bitrate.Mbps, 9*bitrate.Mbps)
					if _, err := c.Counters(t.Context(), routertest.Upload, "other queue+7"); err != nil {
						t.Errorf("counters: %v", err)
					}
				}
				if _, err := c.Queue(t.Context(), "other queue 7"); !errors.Is(err, router.ErrNotFound) {
					t.Errorf("absent queue: %v", err)
				}
				if _, err := c.Info(t.Context()); err != nil {
					t.Errorf("info: %v", err)
				}
				rc.User = "reader"
				limit := bitrate.Mbps
				_, err := newClient(t, rc).SetQueues(t.Context(), router.QueueChange{Name: routertest.Upload, QueueSettings: router.QueueSettings{MaxLimit: &limit}})
				if !errors.Is(err, router.ErrDenied) || !strings.Contains(err.Error(), `"reader" needs policy=read,write,api`) {
					t.Errorf("denied write: %v", err)
				}
				if got := r.Counts(); got.Connections != 2 || got.Logins != 2 {
					t.Errorf("%d connections and %d logins for two clients", got.Connections, got.Logins)
				}
			})
		}
	}
}

// TestPersistentSession counts what a busy loop costs the router.
func TestPersistentSession(t *testing.T) {
	r := routertest.StartService(t, simrouter.APISSL, simrouter.Config{})
	c := newClient(t, config(r, simrouter.APISSL))
	for i := range bitrate.Rate(20) {
		setBoth(t, c, (i+1)*bitrate.Mbps, (i+1)*bitrate.Mbps)
		if _, err := c.Counters(t.Context(), routertest.Download, routertest.Upload); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Counts()
	if got.Connections != 1 || got.Logins != 1 || got.Requests != 20*4+1 {
		t.Errorf("%d connections, %d logins, %d requests; want 1, 1 and 81 (one to learn the ids)", got.Connections, got.Logins, got.Requests)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestIdleSessionIsReplacedBeforeWriting: the router closed the connection
// while nobody looked, so nothing needs to be read back.
func TestIdleSessionIsReplacedBeforeWriting(t *testing.T) {
	for _, service := range []simrouter.Service{simrouter.API, simrouter.APISSL} {
		t.Run(string(service), func(t *testing.T) {
			r := routertest.StartService(t, service, simrouter.Config{})
			c := newClient(t, config(r, service))
			if _, err := c.Queues(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.DropConnections()
			setBoth(t, c, 2*bitrate.Mbps, bitrate.Mbps)
			var paths []string
			for _, q := range r.History() {
				paths = append(paths, strings.TrimPrefix(q.Path, "/queue/tree/"))
			}
			if got := strings.Join(paths, " "); got != "print print set set print" {
				t.Errorf("requests were %s; want the ids read anew, then one write", got)
			}
		})
	}
}

func TestHints(t *testing.T) {
	start := func(service simrouter.Service, q simrouter.Quirks) *simrouter.Router {
		return routertest.StartService(t, service, simrouter.Config{Quirks: q})
	}
	secure, plain := start(simrouter.APISSL, simrouter.Quirks{}), start(simrouter.API, simrouter.Quirks{})
	bare := start(simrouter.APISSL, simrouter.Quirks{NoAPICertificate: true})
	closed, closedPlain := start(simrouter.APISSL, simrouter.Quirks{}), start(simrouter.API, simrouter.Quirks{})
	closed.Refuse()
	closedPlain.Refuse()
	mute, mutePlain := start(simrouter.APISSL, simrouter.Quirks{}), start(simrouter.API, simrouter.Quirks{})
	mute.Silence(true)
	mutePlain.Silence(true)
	impatient := func(c *Config) { c.Timeout = time.Second }
	for _, tt := range []struct {
		name  string
		cfg   Config
		edit  func(*Config)
		class error
		want  []string
	}{
		{"port closed", config(closed, simrouter.APISSL), nil, router.ErrUnreachable, []string{"connection refused", "/ip service enable api-ssl", "router.port"}},
		{"plain port closed", config(closedPlain, simrouter.API), nil, router.ErrUnreachable, []string{"/ip service enable api"}},
		{"silent", config(mute, simrouter.APISSL), impatient, router.ErrUnreachable, []string{"silent for 1s", "TLS handshake", "8728", "router.tls"}},
		{"silent without TLS", config(mutePlain, simrouter.API), impatient, router.ErrUnreachable, []string{"silent for 1s", "did not answer the login", "router.port"}},
		{"no certificate", config(bare, simrouter.APISSL), nil, router.ErrUnreachable, []string{"handshake failure", "no certificate", "/ip service set api-ssl certificate=NAME"}},
		{"TLS to the plain port", config(plain, simrouter.API), func(c *Config) { c.Plain = false; impatient(c) }, router.ErrUnreachable, []string{"api", "router.port"}},
		{"no TLS to the TLS port", config(secure, simrouter.APISSL), func(c *Config) { c.Plain = true }, router.ErrUnreachable, []string{"TLS port", "tls: false", "8728"}},
		{"wrong password", config(secure, simrouter.APISSL), func(c *Config) { c.Password = func() string { return secret } }, router.ErrAuth, []string{`"admin"`, "router.password", "policy api"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.edit != nil {
				tt.edit(&tt.cfg)
			}
			_, err := newClient(t, tt.cfg).Info(t.Context())
			if !errors.Is(err, tt.class) {
				t.Fatalf("class of %v is not %v", err, tt.class)
			}
			for _, w := range append(tt.want, fmt.Sprintf("router %s:%d: ", tt.cfg.Host, tt.cfg.Port)) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error contains the password: %v", err)
			}
		})
	}
}
