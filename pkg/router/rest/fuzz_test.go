package rest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// answering is a connection on which a router has answered already.
type answering struct {
	io.Reader
	net.Conn
}

func (a answering) Read(b []byte) (int, error)  { return a.Reader.Read(b) }
func (answering) Write(b []byte) (int, error)   { return len(b), nil }
func (answering) SetDeadline(_ time.Time) error { return nil }

// FuzzExchange: whatever arrives, an answer is within the budget, and what is none
// ends the session.
func FuzzExchange(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n\r\n[]HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"RouterOS REST API\"\r\nContent-Length: 36\r\n\r\n{\"error\":401,\"message\":\"Unauthorized\"}",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n<html>", "HTTP/1.1 302 Found\r\nLocation: /webfig/\r\n\r\n",
		"SSH-2.0-ROSSSH\r\n", "\x06!fatal\x0dnot logged in\x00", "\x15\x03\x01\x00\x02\x02\x50", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	const most = 4 << 10
	f.Fuzz(func(t *testing.T, in []byte) {
		conn := answering{Reader: bytes.NewReader(in)}
		s := &session{conn: conn, raw: conn, limit: &io.LimitedReader{R: conn}, most: rosconn.NewBudget(most)}
		s.read, s.write = bufio.NewReader(s.limit), bufio.NewWriter(conn)
		for range 3 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://192.0.2.1/rest/queue/tree", nil)
			if err != nil {
				t.Fatal(err)
			}
			served := s.served
			resp, body, err := s.exchange(t.Context(), req)
			if err != nil {
				var at *rosconn.Error
				if !errors.As(err, &at) || at.Served != served || resp != nil || body != nil || !s.broken {
					t.Fatalf("%#v, %v, %q", err, resp, body)
				}
				return
			}
			if len(body) > most+maxHeader || s.served != served+1 || resp.StatusCode < 200 {
				t.Fatalf("status %d with %d bytes", resp.StatusCode, len(body))
			}
		}
	})
}
