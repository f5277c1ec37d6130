package rest_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// TestFaultyAnswers: what comes back is no answer, for reads and for writes. A
// read fails as a whole; a write is read back and found to have succeeded.
func TestFaultyAnswers(t *testing.T) {
	for _, kind := range []simrouter.FaultKind{
		simrouter.HTML, simrouter.Truncate, simrouter.Garble, simrouter.WrongData, simrouter.Cut,
	} {
		t.Run(string(kind), func(t *testing.T) {
			r := routertest.Start(t, simrouter.Config{})
			c := newClient(t, config(r))
			ctx := t.Context()
			if _, err := c.Info(ctx); err != nil {
				t.Fatal(err)
			}
			r.Inject(simrouter.Fault{Kind: kind})
			_, err := c.Counters(ctx, routertest.Download)
			if !errors.Is(err, router.ErrOutcomeUnknown) {
				t.Errorf("reading: %v", err)
			}
			if _, err := c.Info(ctx); err == nil && kind != simrouter.WrongData {
				t.Error("info succeeded")
			}
			r.ClearFaults()

			r.Inject(simrouter.Fault{Kind: kind, Command: "set", Times: 1, Applied: true})
			limit := 99 * bitrate.Mbps
			q, err := setQueue(ctx, c, routertest.Download, router.QueueSettings{MaxLimit: &limit})
			if err != nil || q.MaxLimit != limit {
				t.Errorf("writing: got %s, %v", q.MaxLimit, err)
			}
			if n := r.Writes(); n != 1 {
				t.Errorf("%d writes, want 1", n)
			}
		})
	}
}

// TestKnobs: everything nobody knows of RouterOS must not matter.
func TestKnobs(t *testing.T) {
	for name, cfg := range map[string]simrouter.Config{
		"7.12":                      {Version: "7.12"},
		"7.18":                      {Version: "7.18"},
		"7.22":                      {Version: "7.22"},
		"7.24":                      {Version: "7.24"},
		"plain http":                {Plain: true},
		"empty answers to changes":  {Quirks: simrouter.Quirks{EmptyAnswers: true}},
		"no POST print":             {Quirks: simrouter.Quirks{NoPostPrint: true}},
		"plus is a space":           {Quirks: simrouter.Quirks{PlusIsSpace: true}},
		"ids alone in paths":        {Quirks: simrouter.Quirks{NoNamesInPath: true}},
		"escaped control bytes":     {Quirks: simrouter.Quirks{EscapedControls: true}},
		"denied is 500":             {Quirks: simrouter.Quirks{DeniedStatus: 500}},
		"denied is 403":             {Quirks: simrouter.Quirks{DeniedStatus: 403}},
		"denied is 400":             {Quirks: simrouter.Quirks{DeniedStatus: 400}},
		"idle connections closed":   {Quirks: simrouter.Quirks{KeepAlive: 20 * time.Millisecond}},
		"rest-api without api":      {Quirks: simrouter.Quirks{RestAPIAlone: true}},
		"escaped ids":               {Quirks: simrouter.Quirks{EscapedIDs: true}},
		"properties without id":     {Quirks: simrouter.Quirks{NoIDBesideProplist: true}},
		"login of each request":     {Quirks: simrouter.Quirks{LoginPerRequest: true}},
		"slow as a small router":    {Latency: 30 * time.Millisecond},
		"two sessions are the most": {MaxSessions: 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := routertest.Start(t, cfg)
			for i := range 64 { // long enough for single queues to be asked for
				if err := r.Run(fmt.Sprintf(`/queue tree add name="other queue+%d" parent=global`, i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.State().AddUser("reader", "", "read", "api", "rest-api"); err != nil {
				t.Fatal(err)
			}
			rc := config(r)
			rc.Plain = cfg.Plain
			c := newClient(t, rc)
			ctx := t.Context()
			limit := 99 * bitrate.Mbps
			for range 2 {
				for _, queue := range []string{"other queue+7", routertest.Upload} {
					q, err := setQueue(ctx, c, queue, router.QueueSettings{MaxLimit: &limit})
					if err != nil || q.MaxLimit != limit || q.Name != queue {
						t.Errorf("writing: got %+v, %v", q, err)
					}
				}
				if _, err := c.Counters(ctx, routertest.Upload, "other queue+7"); err != nil {
					t.Errorf("counters: %v", err)
				}
			}
			if _, err := c.Queue(ctx, "other queue 7"); !errors.Is(err, router.ErrNotFound) {
				t.Errorf("absent queue: %v", err)
			}
			if _, err := c.Info(ctx); err != nil {
				t.Errorf("info: %v", err)
			}
			rc.User, limit = "reader", 98*bitrate.Mbps
			reader := newClient(t, rc)
			_, err := setQueue(ctx, reader, routertest.Upload, router.QueueSettings{MaxLimit: &limit})
			if !errors.Is(err, router.ErrDenied) || !strings.Contains(err.Error(), "policy=read,write,api,rest-api") {
				t.Errorf("denied write: %v", err)
			}
			if n := r.Counts().Connections; cfg.Quirks.KeepAlive == 0 && n > 2 {
				t.Errorf("%d connections for two clients", n)
			}
		})
	}
}

// TestPersistentConnection counts what a busy loop costs the router.
func TestPersistentConnection(t *testing.T) {
	r := routertest.Start(t, simrouter.Config{})
	c := newClient(t, config(r))
	for i := range 20 {
		limit := bitrate.Rate(i+1) * bitrate.Mbps
		if _, err := setQueue(t.Context(), c, routertest.Download, router.QueueSettings{MaxLimit: &limit}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Counters(t.Context(), routertest.Download, routertest.Upload); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Counts()
	if got.Connections != 1 || got.Logins != 1 || got.Requests != 41 {
		t.Errorf("%d connections, %d logins, %d requests; want 1, 1 and 41 (one to learn the ids)",
			got.Connections, got.Logins, got.Requests)
	}
}

// TestIdleConnectionIsReplacedBeforeWriting: the router closed the connection
// while nobody looked, so nothing needs to be read back.
func TestIdleConnectionIsReplacedBeforeWriting(t *testing.T) {
	r := routertest.Start(t, simrouter.Config{})
	c := newClient(t, config(r))
	if _, err := c.Queue(t.Context(), routertest.Download); err != nil {
		t.Fatal(err)
	}
	r.DropConnections()
	limit := bitrate.Mbps
	if _, err := setQueue(t.Context(), c, routertest.Download, router.QueueSettings{MaxLimit: &limit}); err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, q := range r.History() {
		methods = append(methods, q.Method)
	}
	if got := strings.Join(methods, " "); got != "GET GET PATCH" {
		t.Errorf("requests were %s; want the ids read anew, then one write", got)
	}
}

func TestHints(t *testing.T) {
	tls := routertest.Start(t, simrouter.Config{})
	plain := routertest.Start(t, simrouter.Config{Plain: true})
	v6 := routertest.Start(t, simrouter.Config{Version: "6.49.10", Plain: true})
	closed := routertest.Start(t, simrouter.Config{})
	closed.Refuse()
	closedPlain := routertest.Start(t, simrouter.Config{Plain: true})
	closedPlain.Refuse()
	mute := routertest.Start(t, simrouter.Config{})
	mute.Silence(true)
	mutePlain := routertest.Start(t, simrouter.Config{Plain: true})
	mutePlain.Silence(true)
	for _, tt := range []struct {
		name  string
		r     *simrouter.Router
		edit  func(*rest.Config)
		class error
		want  []string
	}{
		{"port closed", closed, nil, router.ErrUnreachable, []string{"connection refused", "/ip service enable www-ssl", "router.port"}},
		{"plain port closed", closedPlain, plainHTTP, router.ErrUnreachable, []string{"/ip service enable www"}},
		{"silent", mute, impatient, router.ErrUnreachable, []string{"silent for 1s", "TLS"}},
		{"silent plain", mutePlain, func(c *rest.Config) { plainHTTP(c); impatient(c) }, router.ErrOutcomeUnknown, []string{"silent for 1s"}},
		{"https to a plain port", plain, nil, router.ErrUnreachable, []string{"does not speak TLS", "router.tls"}},
		{"http to a TLS port", tls, plainHTTP, router.ErrOutcomeUnknown, []string{"tls: false"}},
		{"no REST", v6, plainHTTP, router.ErrOutcomeUnknown, []string{"no REST", "7.1"}},
		{"wrong password", tls, func(c *rest.Config) { c.Password = func() string { return "nope" } }, router.ErrAuth, []string{`"admin"`, "router.password", "rest-api"}},
		{"no password", tls, func(c *rest.Config) { c.User = "nobody"; c.Password = func() string { return "" } }, router.ErrAuth, []string{"no password is given: set ROUTER_PASSWORD", "not disabled"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(tt.r)
			if tt.edit != nil {
				tt.edit(&cfg)
			}
			_, err := newClient(t, cfg).Info(t.Context())
			if !errors.Is(err, tt.class) {
				t.Errorf("class of %v is not %v", err, tt.class)
			}
			for _, w := range append(tt.want, net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))) {
				if err != nil && !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
		})
	}
}

func plainHTTP(c *rest.Config) { c.Plain = true }
func impatient(c *rest.Config) { c.Timeout = time.Second }

// hostile is a server that is no router at all.
func hostile(t *testing.T, h http.HandlerFunc) router.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	host, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	n, _ := strconv.Atoi(port)
	return newClient(t, rest.Config{Host: host, Port: n, User: "admin", Plain: true, Timeout: 10 * time.Second})
}

func TestHostileAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		class  error
		want   string
	}{
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			junk := []byte(strings.Repeat(`{"name":"x"},`, 1000))
			_, _ = w.Write([]byte("["))
			for {
				if _, err := w.Write(junk); err != nil {
					return
				}
			}
		}, router.ErrOutcomeUnknown, "answer is too large"},
		{"endless headers", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 90_000 {
				w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", 100))
			}
		}, router.ErrOutcomeUnknown, "answer is too large"},
		{"id that is a path", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`[{".id":"*1/../../user","name":"q","max-limit":"0","bytes":"0"}]`))
		}, router.ErrOutcomeUnknown, "has the id"},
		{"limit that is no rate", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`[{".id":"*1","name":"q","max-limit":"lots","bytes":"0"}]`))
		}, router.ErrOutcomeUnknown, "max-limit"},
		{"long message", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":400,"message":"Bad Request","detail":"` + strings.Repeat("\\u0001é", 5000) + `"}`))
		}, router.ErrInvalid, "it says"},
		{"redirect", func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "https://192.0.2.1/", http.StatusFound)
		}, router.ErrOutcomeUnknown, "HTTP 302"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := hostile(t, tt.answer).Queue(t.Context(), "q")
			if !errors.Is(err, tt.class) {
				t.Errorf("class of %.300v is not %v", err, tt.class)
			}
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error lacks %q: %.300v", tt.want, err)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("error is %d bytes long", len(err.Error()))
			}
		})
	}
}
