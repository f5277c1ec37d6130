package api

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is the router's end of a connection, played by a test.
type peer struct {
	*testing.T
	net.Conn
	in *sentence.Reader
	n  int // which connection this is, from 1
}

// receive returns the next sentence in one line, without its tag.
func (p *peer) receive() (words, tag string) {
	got, err := p.in.Read()
	if err != nil {
		return "", ""
	}
	got = slices.DeleteFunc(got, func(w string) bool {
		t, is := strings.CutPrefix(w, ".tag=")
		if is {
			tag = t
		}
		return is
	})
	return strings.Join(got, " "), tag
}

// expect receives a sentence that must be this one, and returns its tag.
func (p *peer) expect(want string) string {
	got, tag := p.receive()
	if got != want {
		p.Errorf("router received\n     %q\nwant %q", got, want)
	}
	return tag
}

// send sends sentences in one packet.
func (p *peer) send(sentences ...[]string) {
	var b []byte
	for _, words := range sentences {
		b = sentence.Append(b, words...)
	}
	p.raw(string(b))
}

func (p *peer) raw(s string) { _, _ = p.Write([]byte(s)) }

func (p *peer) login() {
	p.expect("/login =name=admin =password=")
	p.send([]string{"!done"})
}

// waitClosed waits for the other end to close.
func (p *peer) waitClosed() {
	for {
		if words, _ := p.receive(); words == "" {
			return
		}
	}
}

func re(tag string, attributes ...string) []string {
	return append([]string{"!re", ".tag=" + tag}, attributes...)
}

func done(tag string, attributes ...string) []string {
	return append([]string{"!done", ".tag=" + tag}, attributes...)
}

func trap(tag string, attributes ...string) []string {
	return append([]string{"!trap", ".tag=" + tag}, attributes...)
}

// listen plays a router until the test ends; connections come one by one and
// are closed when play returns.
func listen(t *testing.T, play func(*peer)) (host string, port int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			play(&peer{T: t, Conn: c, in: sentence.NewReader(c), n: n})
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	host, p, _ := net.SplitHostPort(ln.Addr().String())
	port, _ = strconv.Atoi(p)
	return host, port
}

// plainConfig is that of a client of a router played by play.
func plainConfig(t *testing.T, play func(*peer)) Config {
	t.Helper()
	host, port := listen(t, play)
	return Config{Host: host, Port: port, User: "admin", Plain: true, Timeout: time.Minute}
}

func newClient(t testing.TB, cfg Config) *rosclient.Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// newTransport is a session with a router played by play, which has logged us in.
func newTransport(t *testing.T, play func(*peer)) *transport {
	t.Helper()
	host, port := listen(t, func(p *peer) {
		p.login()
		play(p)
	})
	tr := &transport{
		user: "admin", password: func() string { return "" },
		target: &rosconn.Target{Host: host, Port: port, Service: "api", Timeout: time.Minute},
	}
	t.Cleanup(func() { _ = tr.Close() })
	if _, err := tr.Connect(bounded(t)); err != nil {
		t.Fatal(err)
	}
	return tr
}

// bounded is a context for what must not take long.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
