package supervisor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// oneClient is a listener with a single connection.
type oneClient struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
}

func (l *oneClient) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneClient) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *oneClient) Addr() net.Addr { return &net.UnixAddr{Name: "wan.sock", Net: "unix"} }

// FuzzRequest: whatever a client sends, it gets whole responses or none, requests that
// pass are bounded, and neither the server nor the password check goes on after it.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET /health HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n",
		"GET /history?since=2026-11-01T12%3A00%3A00Z HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"POST /-/reload HTTP/1.1\r\nHost: [::1]:9103\r\nContent-Length: 5\r\n\r\nab", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		handler := RejectRebinding(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			size := len(r.RequestURI)
			for name, values := range r.Header {
				for _, v := range values {
					size += len(name) + len(v)
				}
			}
			if size > maxHeaderBytes+4096+len(in) || r.Body == nil {
				t.Errorf("%d bytes of header", size)
			}
			_, _ = io.WriteString(w, "ok\n")
		}))
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- serveHTTP(ctx, &oneClient{conn: theirs, done: make(chan struct{})}, handler, nil, slog.New(slog.DiscardHandler))
		}()
		var answers bytes.Buffer
		read := make(chan struct{})
		go func() {
			_, _ = io.Copy(&answers, ours)
			close(read)
		}()
		_ = ours.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, _ = ours.Write(in) // the server may have closed its end
		cancel()
		// Of a request that is not complete, the server would wait for the rest.
		defer time.AfterFunc(50*time.Millisecond, func() { _ = ours.Close() }).Stop()
		if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		_ = ours.Close()
		<-read
		for r := bufio.NewReader(&answers); ; {
			if _, err := r.Peek(1); err != nil {
				break
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%q answers %q: %v", in, answers.Bytes(), err)
			}
			if resp.StatusCode == http.StatusSwitchingProtocols || resp.StatusCode == http.StatusOK && resp.ContentLength > 3 {
				t.Errorf("%q: %s", in, resp.Status)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				break // of HEAD, or cut at the end
			}
		}
	})
}
