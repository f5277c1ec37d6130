package etcd

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/sim/etcdserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const silence = 2 * time.Second

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Prefix, cfg.Silence = "wanctl", silence
	c := New(cfg)
	t.Cleanup(c.Close)
	return c
}

func entryOf(epoch uint64, k ha.Kind, node string) ha.Entry {
	return ha.Entry{Epoch: epoch, Kind: k, Format: ha.Format, Node: node, Address: node}
}

func appends(t *testing.T, l *Log, want ha.Outcome, list ...ha.Entry) {
	t.Helper()
	for _, e := range list {
		if o, err := l.Append(t.Context(), e); err != nil || o != want {
			t.Fatalf("%+v: %v, %v; want %v", e, o, err, want)
		}
	}
}

func state(t *testing.T, l *Log) State {
	t.Helper()
	s, err := l.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func held(t *testing.T, l *Log) bool { t.Helper(); return state(t, l).Held }

// The sign of life of an owner lasts while it reads, and ends with its lease: after the owner
// itself would have stopped.
func TestLease(t *testing.T) {
	t.Parallel()
	s := etcdserver.Start(t)
	cfg := Config{Endpoints: []string{s.URL}}
	a, b := client(t, cfg).Log("r"), client(t, cfg).Log("r")
	appends(t, a, ha.Done, entryOf(1, ha.Claimed, "a"))
	for began := time.Now(); time.Since(began) < TTL(silence)+time.Second; time.Sleep(300 * time.Millisecond) {
		if !held(t, a) || !held(t, b) {
			t.Fatalf("a lease that is renewed has ended after %v", time.Since(began))
		}
	}
	last := time.Now()
	if !held(t, a) {
		t.Fatal("not held")
	}
	for held(t, b) {
		time.Sleep(20 * time.Millisecond)
	}
	if took := time.Since(last); took < silence+time.Second/2 || took > TTL(silence)+2*time.Second {
		t.Errorf("the lease has ended %v after the owner's last read", took)
	}
	if !held(t, a) || !held(t, b) {
		t.Error("an owner whose lease has ended gets no other")
	}
	if err := a.Unmark(t.Context(), "a"); err != nil || held(t, b) {
		t.Errorf("the mark is still there: %v", err)
	}
	if _, err := a.Try(t.Context(), b); err != nil {
		t.Error(err)
	}
	if _, err := a.Try(t.Context(), b); err == nil || !strings.Contains(err.Error(), "etcdctl del wanctl/r/check") {
		t.Errorf("a key that exists: %v", err)
	}
}

// What is appended is what follows, and nothing else.
func TestAppend(t *testing.T) {
	t.Parallel()
	s := etcdserver.Start(t)
	cfg := Config{Endpoints: []string{s.URL}}
	a, b := client(t, cfg).Log("r"), client(t, cfg).Log("r")
	appends(t, a, ha.Refused, entryOf(2, ha.Running, "a"), entryOf(3, ha.Released, "a")) // of data that was lost
	appends(t, a, ha.Done, entryOf(41, ha.Claimed, "a"), entryOf(42, ha.Running, "a"))
	appends(t, b, ha.Refused, entryOf(1, ha.Claimed, "b"), entryOf(42, ha.Claimed, "b"), entryOf(44, ha.Claimed, "b"))
	appends(t, b, ha.Done, entryOf(43, ha.Claimed, "b"))
	appends(t, a, ha.Refused, entryOf(43, ha.Running, "a"))
	appends(t, b, ha.Done, entryOf(44, ha.Running, "b"), entryOf(45, ha.Running, "b"))
	if got, want := state(t, a).Log, (ha.Log{entryOf(44, ha.Running, "b"), entryOf(45, ha.Running, "b")}); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v: what is superfluous is removed, and no more", got, want)
	}
	if err := a.Unmark(t.Context(), "a"); err != nil || !held(t, b) {
		t.Errorf("a mark of another node is taken back: %v", err)
	}
	appends(t, b, ha.Done, entryOf(46, ha.Released, "b"))
	if held(t, a) {
		t.Error("a router that was handed over has an owner")
	}
	if other := state(t, client(t, cfg).Log("r2")); len(other.Log) > 0 {
		t.Errorf("another router has %+v", other)
	}
}

// Entries of a newer format are seen, and not misread.
func TestDecode(t *testing.T) {
	e := ha.Entry{Epoch: 7, Kind: ha.Released, Format: ha.Format, Node: "a", Address: "192.0.2.1", For: "b"}
	if got := decode(7, encode(e)); got != e {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{"", "{}", `{"format":2,"kind":"running"}`, `{"format":1,"kind":"leaning"}`, "running"} {
		if got := decode(7, []byte(text)); got.Format <= ha.Format || got.Epoch != 7 || got.Kind != 0 {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// A member that is gone, or hangs, is left for the next one.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	s := etcdserver.Start(t)
	var hangs net.ListenConfig
	l, err := hangs.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := client(t, Config{Endpoints: []string{"http://127.0.0.1:1", "http://" + l.Addr().String(), s.URL}})
	a := c.Log("r")
	state(t, a)
	began := time.Now()
	state(t, a)
	if took := time.Since(began); took > silence/4 {
		t.Errorf("%v: the member that answers is not remembered", took)
	}
	appends(t, a, ha.Done, entryOf(1, ha.Claimed, "a"))
}

// Errors name the endpoint, the key and what to do.
func TestErrors(t *testing.T) {
	answers := func(status int, text string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	plain := answers(200, "{}")
	for _, tt := range []struct{ name, endpoint, want string }{
		{"nobody", "http://127.0.0.1:1", "connection refused: etcdctl --endpoints=http://127.0.0.1:1 endpoint health"},
		{"another program", answers(404, "not here"), "answers 404 Not Found: it needs etcd 3.4 or newer"},
		{"a page", answers(200, "<html>"), "is not that of an etcd"},
		{"no leader", answers(503, `{"code":14,"message":"etcdserver: no leader"}`), "no leader: etcdctl endpoint status --cluster"},
		{"no user", answers(400, `{"code":3,"message":"etcdserver: user name is empty"}`), "ha.etcd.user in node.yaml"},
		{"denied", answers(403, `{"code":7,"message":"etcdserver: permission denied"}`), "permission denied: etcdctl role grant-permission"},
		{"not of that authority", secure.URL, "certificate signed by unknown authority: name its authority: ha.etcd.ca"},
		{"no TLS", "https" + strings.TrimPrefix(plain, "http"), "does not speak TLS: write http://"},
	} {
		_, err := client(t, Config{Endpoints: []string{tt.endpoint}}).Log("r").Read(t.Context())
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.endpoint) || !strings.Contains(err.Error(), "key wanctl/r/") {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
}
