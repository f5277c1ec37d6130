package supervisor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex // protects the following field
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// running starts s and returns what stops it and waits for its end.
func running(t *testing.T, s *HTTPServer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

// get asks once, without keeping the connection.
func get(t *testing.T, addr string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/")
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestHTTPServes(t *testing.T) {
	var log lockedBuffer
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		s := NewHTTPServer("health", addr, "health_check.port", hello, log.logger())
		stop := running(t, s)
		if s.Addr() == nil {
			t.Skipf("%s: %s", addr, log.String())
		}
		at := s.Addr().String()
		if body, err := get(t, at); body != "hello" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		if !strings.Contains(log.String(), at) {
			t.Errorf("the address is not told: %s", log.String())
		}
		stop()
		if _, err := get(t, at); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after the end: %v", err)
		}
		if s.Addr() != nil || s.String() != "health server" {
			t.Errorf("%v %s", s.Addr(), s)
		}
	}
}

// A taken port is told with what to do, and does not keep the daemon from
// being ready.
func TestHTTPPortTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	var log lockedBuffer
	stop := running(t, NewHTTPServer("health", ln.Addr().String(), "health_check.port", hello, log.logger()))
	stop()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, want := range []string{"level=WARN", "health_check.port", "ss -ltnp sport = :" + port, "address already in use"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, log.String())
		}
	}
}

// fakeListener is a listener that nobody connects to.
type fakeListener struct {
	once   sync.Once
	closed chan struct{}
	err    error // Accept fails with it at once, unless nil
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if l.err != nil {
		return nil, l.err
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *fakeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9101} }

func TestHTTPTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		s := NewHTTPServer("metrics", "127.0.0.1:9100", "metrics.port", hello, log.logger())
		start := time.Now()
		var tries []time.Duration
		s.listen = func(context.Context, string) (net.Listener, error) {
			tries = append(tries, time.Since(start))
			l := &fakeListener{closed: make(chan struct{})}
			switch len(tries) {
			case 8: // listens, but then breaks
				l.err = errors.New("broken")
				return l, nil
			case 9:
				return l, nil
			}
			return nil, &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		<-s.Ready()
		if took := time.Since(start); took != 0 {
			t.Errorf("ready after %v", took)
		}
		time.Sleep(time.Hour)
		if s.Addr() == nil {
			t.Error("does not listen in the end")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := "[0s 1s 3s 7s 15s 31s 1m1s 1m31s 1m32s]"
		if got := fmt.Sprint(tries); got != want {
			t.Errorf("tries at %s, want %s", got, want)
		}
		text := log.String()
		if strings.Count(text, "address already in use") != 1 || strings.Count(text, "broken") != 1 || strings.Count(text, "listening") != 2 {
			t.Errorf("log: %s", text)
		}
	})
}

func TestHTTPShutdown(t *testing.T) {
	started := make(chan struct{}, 2)
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		started <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done() // a stream, for as long as the server runs
		_, _ = io.WriteString(w, "bye")
		close(release)
	})
	s := NewHTTPServer("health", "127.0.0.1:0", "x", mux, nil)
	stop := running(t, s)
	ask := func(path string) chan string {
		answer := make(chan string, 1)
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		go func() {
			defer func() { _ = conn.Close() }()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				answer <- err.Error()
				return
			}
			body, _ := io.ReadAll(resp.Body)
			answer <- string(body)
		}()
		<-started
		return answer
	}
	slow, events := ask("/slow"), ask("/events")
	stop()
	if got := <-events; got != "bye" {
		t.Errorf("stream: %q", got)
	}
	if got := <-slow; got != "done" {
		t.Errorf("running request: %q", got)
	}
}

func TestHints(t *testing.T) {
	s := NewHTTPServer("health", "192.0.2.1:80", "health_check.host", nil, nil)
	for err, want := range map[error]string{
		syscall.EADDRINUSE:    ":80",
		syscall.EADDRNOTAVAIL: "ip -brief address",
		syscall.EACCES:        "1024",
		errors.New("else"):    "health_check.host",
	} {
		if got := s.hint(err); !strings.Contains(got, want) || !strings.Contains(got, "health_check.host") {
			t.Errorf("%v: %s", err, got)
		}
	}
}
