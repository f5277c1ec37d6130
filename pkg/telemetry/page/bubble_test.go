package page

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// sse is one server-sent event, or a comment.
type sse struct{ event, data, retry, comment string }

// readEvent reads up to the next empty line.
func readEvent(in *bufio.Reader) (sse, error) {
	var e sse
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return e, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.event = value
		case "data":
			e.data += value
		case "retry":
			e.retry = value
		case "":
			e.comment = value
		default:
			return e, fmt.Errorf("a field of no meaning: %q", line)
		}
	}
}

// pipes is a listener of connections that exist in this process only, so that
// time in a synctest bubble goes on when all wait for each other.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bubble is a server with the timeouts of a daemon, inside a synctest bubble.
type bubble struct {
	t   *testing.T
	srv *http.Server
	ln  *pipes
	end chan struct{}
}

func newBubble(t *testing.T, source Source) *bubble {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bubble{t: t, ln: newPipes(), end: make(chan struct{})}
	b.srv = &http.Server{
		Handler: Handler(source), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 60 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	b.srv.RegisterOnShutdown(cancel)
	go func() {
		defer close(b.end)
		_ = b.srv.Serve(b.ln)
	}()
	t.Cleanup(func() {
		b.stop()
		cancel()
	})
	return b
}

// stop ends the server and reports how long that took.
func (b *bubble) stop() time.Duration {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
	defer cancel()
	if err := b.srv.Shutdown(ctx); err != nil {
		b.t.Error("stopping the server:", err)
	}
	<-b.end
	return time.Since(began)
}

// client is one raw connection to the server.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	body *bufio.Reader
	code int
	head http.Header
}

// ask sends a request for target and reads the header of the answer.
func (b *bubble) ask(target string) *rawClient {
	b.t.Helper()
	here, there := net.Pipe()
	b.ln.conns <- there
	c := &rawClient{t: b.t, conn: here, in: bufio.NewReader(here)}
	if _, err := fmt.Fprintf(here, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target); err != nil {
		b.t.Fatal(err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c.code, c.head, c.body = answer.StatusCode, answer.Header, bufio.NewReader(answer.Body)
	b.t.Cleanup(func() { here.Close() })
	return c
}

// follow reads events until the stream ends, and hands them on.
func (c *rawClient) follow() <-chan sse {
	out := make(chan sse, 10000)
	go func() {
		defer close(out)
		for {
			e, err := readEvent(c.body)
			if err != nil {
				return
			}
			out <- e
		}
	}()
	return out
}

// tally counts what has come so far.
func tally(events <-chan sse) (shown, past, comments int, ended bool) {
	for {
		select {
		case e, ok := <-events:
			switch {
			case !ok:
				return shown, past, comments, true
			case e.event == "fields":
				shown++
			case e.event == "history":
				past++
			case e.comment != "":
				comments++
			}
		default:
			return shown, past, comments, false
		}
	}
}
