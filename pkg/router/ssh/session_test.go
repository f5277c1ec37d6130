package ssh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const kinds = "r 2 *1.\r\nf str 4 1 name q.\r\nf str 4 4 kind cake.\r\n"

// TestRefusedChannel: a router that opens no further channel on a connection
// gets another connection, once.
func TestRefusedChannel(t *testing.T) {
	s := serve(t, func(_ int, command string, ch xssh.Channel) { respond(ch, command, kinds) }, "ed25519")
	s.refuse = func(channel int) bool { return channel > 2 }
	c := newClient(t, s.config())
	for range 6 {
		if types, err := c.QueueTypes(t.Context()); err != nil || len(types) != 1 {
			t.Fatalf("got %v, %v", types, err)
		}
	}
	if n := s.connections.Load(); n != 3 {
		t.Errorf("%d connections for 6 requests, two on each", n)
	}
	s.refuse = func(int) bool { return true }
	_, err := c.QueueTypes(t.Context())
	if !errors.Is(err, router.ErrUnreachable) || !strings.Contains(err.Error(), "no further session") {
		t.Errorf("no channel at all: %v", err)
	}
	if n := s.connections.Load(); n > 5 {
		t.Errorf("%d connections", n)
	}
}

func TestServerWithoutExec(t *testing.T) {
	s := serve(t, nil, "ed25519")
	s.noExec = true
	_, err := newClient(t, s.config()).QueueTypes(t.Context())
	if !errors.Is(err, router.ErrUnsupported) || strings.Contains(err.Error(), ":put") {
		t.Errorf("error is %v", err)
	}
}

func TestHostileAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(n int, command string, ch xssh.Channel)
		class  error
		want   string
	}{
		{"endless", func(_ int, command string, ch xssh.Channel) {
			for junk := bytes.Repeat([]byte("f str 4 1 name x.\r\n"), 1000); ; {
				if _, err := ch.Write(junk); err != nil {
					return
				}
			}
		}, router.ErrOutcomeUnknown, "answer is too large"},
		{"endless on the other stream", func(_ int, command string, ch xssh.Channel) {
			for junk := make([]byte, 1<<15); ; {
				if _, err := ch.Stderr().Write(junk); err != nil {
					return
				}
			}
		}, router.ErrOutcomeUnknown, "answer is too large"},
		{"refusal on the other stream", func(_ int, _ string, ch xssh.Channel) {
			_, _ = ch.Stderr().Write([]byte("not enough permissions (9)\r\n"))
		}, router.ErrDenied, "policy=read,write,ssh"},
		{"silence", func(int, string, xssh.Channel) {}, router.ErrOutcomeUnknown, "nothing"},
		{"echo", func(_ int, command string, ch xssh.Channel) { _, _ = ch.Write([]byte(command)) }, router.ErrOutcomeUnknown, "something else"},
		{"row without what it is", func(_ int, command string, ch xssh.Channel) { respond(ch, command, "r 0 .\r\n") }, router.ErrOutcomeUnknown, "name"},
		{"bash", func(_ int, _ string, ch xssh.Channel) {
			_, _ = ch.Stderr().Write([]byte("bash: {:put: command not found\n"))
		}, router.ErrOutcomeUnknown, "bash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer, "ed25519")
			_, err := newClient(t, s.config()).QueueTypes(t.Context())
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q of class %v", err, tt.want, tt.class)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("error is %d bytes long", len(err.Error()))
			}
		})
	}
}

// TestCountersQueriedSeparately: where rows do not hold their counters, they are asked for
// one by one, from the second request on.
func TestCountersQueriedSeparately(t *testing.T) {
	s := serve(t, func(_ int, command string, ch xssh.Channel) {
		row := "r 2 *1.\r\nf str 4 1 name q.\r\nf num 9 1 max-limit 5.\r\n"
		if strings.Contains(command, `{"bytes";"packets";"dropped";"queued-bytes";"queued-packets";"rate"} do={:local v [/queue tree get $i $k]`) {
			for _, k := range rosdata.CounterProps[2:] {
				row += fmt.Sprintf("f num %d 2 %s 77.\r\n", len(k), k)
			}
		}
		respond(ch, command, row)
	}, "ed25519")
	c := newClient(t, s.config())
	for range 3 {
		got, err := c.Counters(t.Context(), "q")
		if err != nil || got[0].Bytes != 77 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if n := s.commands.Load(); n != 4 {
		t.Errorf("%d requests for three readings, want one more", n)
	}
}

// TestTwoChangesOneRefused: what is refused does not hide what was done, nor
// keep the rest from being done.
func TestTwoChangesOneRefused(t *testing.T) {
	for _, bad := range []int{0, 1} {
		r := start(t, simrouter.Config{})
		c := newClient(t, config(r))
		limit, none := 77*bitrate.Mbps, "cake-nope"
		changes := []router.QueueChange{{Name: routertest.Download}, {Name: routertest.Upload}}
		for i := range changes {
			changes[i].MaxLimit = &limit
			if i == bad {
				changes[i].Type = &none
			}
		}
		queues, err := c.SetQueues(t.Context(), changes...)
		if !errors.Is(err, router.ErrInvalid) || !strings.Contains(err.Error(), "input does not match any value of queue") {
			t.Errorf("change %d is bad: %v", bad, err)
		}
		if good := 1 - bad; queues[good].MaxLimit != limit || queues[good].Name != changes[good].Name || queues[bad].Name != "" {
			t.Errorf("change %d is bad: got %+v", bad, queues)
		}
	}
}

// TestPersistentConnection counts what a busy loop costs the router.
func TestPersistentConnection(t *testing.T) {
	r := start(t, simrouter.Config{})
	c := newClient(t, config(r))
	for i := range 20 {
		limit := bitrate.Rate(i+1) * bitrate.Mbps
		both := []router.QueueChange{
			{Name: routertest.Download, QueueSettings: router.QueueSettings{MaxLimit: &limit}},
			{Name: routertest.Upload, QueueSettings: router.QueueSettings{MaxLimit: &limit}},
		}
		if _, err := c.SetQueues(t.Context(), both...); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Counters(t.Context(), routertest.Download, routertest.Upload); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Counts()
	if got.Connections != 1 || got.Logins != 1 || got.Requests != 41 || got.Writes != 40 {
		t.Errorf("%d connections, %d logins, %d requests, %d writes; want 1, 1, 41 (one to learn the ids) and 40",
			got.Connections, got.Logins, got.Requests, got.Writes)
	}
}

// TestHostileNames: names that would be commands on a console are names.
func TestHostileNames(t *testing.T) {
	r := start(t, simrouter.Config{})
	c := newClient(t, config(r))
	limit := bitrate.Mbps
	for _, name := range []string{
		`x" ; /queue tree remove [find]; :put "`, `$[/queue tree remove [find]]`, "a\r\n/queue tree remove [find]\r\n", "nul\x00", `\`, `}`, "",
	} {
		if _, err := setQueue(t.Context(), c, name, router.QueueSettings{MaxLimit: &limit}); !errors.Is(err, router.ErrNotFound) {
			t.Errorf("queue %q: %v", name, err)
		}
		if _, err := setQueue(t.Context(), c, routertest.Download, router.QueueSettings{Type: &name}); err == nil {
			t.Errorf("type %q was accepted", name)
		}
		a := router.Address{List: "list " + name, Address: "192.0.2.7", Comment: name}
		got, err := c.AddAddress(t.Context(), a)
		if err != nil || got.List != a.List || got.Comment != name {
			t.Errorf("list %q: got %+v, %v", a.List, got, err)
		}
		if err := c.RemoveAddress(t.Context(), a.List, a.Address); err != nil {
			t.Errorf("list %q: %v", a.List, err)
		}
	}
	if q, ok := r.Queue(routertest.Download); !ok || q.MaxLimit != 500*bitrate.Mbps {
		t.Errorf("queue is %+v", q)
	}
}

func TestHints(t *testing.T) {
	r := start(t, simrouter.Config{})
	closed := start(t, simrouter.Config{})
	closed.Refuse()
	mute := start(t, simrouter.Config{})
	mute.Silence(true)
	web := routertest.StartService(t, simrouter.WWW, simrouter.Config{Plain: true})
	host, port := web.HostPort()
	for _, tt := range []struct {
		name  string
		r     *simrouter.Router
		edit  func(*ssh.Config)
		class error
		want  []string
	}{
		{"port closed", closed, nil, router.ErrUnreachable, []string{"connection refused", "/ip service enable ssh", "router.port"}},
		{"silent", mute, func(c *ssh.Config) { c.Timeout = soon }, router.ErrUnreachable, []string{"silent for 200ms"}},
		{"web server", r, func(c *ssh.Config) { c.Host, c.Port = host, port }, router.ErrUnreachable, []string{"is this the port of ssh (router.port)?"}},
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
			for _, w := range tt.want {
				if err != nil && !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
		})
	}
}

// TestCallsEndInTime: by the deadline of the caller, wherever the router is
// silent.
func TestCallsEndInTime(t *testing.T) {
	for _, command := range []string{"login", "exec"} {
		r := start(t, simrouter.Config{})
		cfg := config(r)
		cfg.Timeout = 2 * time.Minute
		c := newClient(t, cfg)
		r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: command, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		began := time.Now()
		_, err := c.Info(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute {
			t.Errorf("%s: %v after %s", command, err, time.Since(began))
		}
		r.ClearFaults() // which a busy machine may not have reached in time
		if _, err := c.Info(t.Context()); err != nil {
			t.Errorf("%s: after the stalled call: %v", command, err)
		}
	}
}
