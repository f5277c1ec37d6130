package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ClientKinds lists the kinds of hostile clients.
const ClientKinds = "idle, slow, greedy, malformed, headers, rebinding, deaf, pipelined, post, odd"

// startClients starts n clients that go on until ctx ends.
func (r *run) startClients(ctx context.Context, kind, n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	var act func(context.Context, net.Conn) error
	switch kind {
	case "idle": // connects and says nothing
		act = func(ctx context.Context, _ net.Conn) error { return pause(ctx, time.Hour) }
	case "slow": // sends a request byte by byte
		act = func(ctx context.Context, c net.Conn) error {
			for _, b := range []byte("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1000)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return err
				}
				if err := pause(ctx, 200*time.Millisecond); err != nil {
					return err
				}
			}
			return nil
		}
	case "greedy": // asks as fast as it can
		act = func(_ context.Context, c net.Conn) error {
			for in := bufio.NewReader(c); ; {
				if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
					return err
				}
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					return err
				}
			}
		}
	case "malformed": // sends what is no HTTP
		act = func(_ context.Context, c net.Conn) error {
			_, err := io.WriteString(c, "\x16\x03\x01\x00\xff\x00\x00 / HTTP/9.9\r\n\x00\r\n\r\n")
			_, _ = io.Copy(io.Discard, c) // until it is closed
			return err
		}
	case "headers": // sends headers without an end
		act = func(_ context.Context, c net.Conn) error {
			_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n")
			for i := 0; err == nil; i++ {
				_, err = fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
			}
			return err
		}
	case "rebinding": // asks in the name of a foreign page
		act = func(_ context.Context, c net.Conn) error {
			_, err := io.WriteString(c, "GET /page/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
			return err
		}
	case "deaf": // asks for much and reads nothing
		act = func(ctx context.Context, c net.Conn) error {
			_, err := io.WriteString(c, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000))
			return errors.Join(err, pause(ctx, time.Hour))
		}
	case "pipelined": // asks a thousand times at once
		act = func(_ context.Context, c net.Conn) error {
			_, err := io.WriteString(c, strings.Repeat("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000))
			_, _ = io.Copy(io.Discard, c)
			return err
		}
	case "post": // sends a body without an end
		act = func(_ context.Context, c net.Conn) error {
			_, err := io.WriteString(c, "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
			for block := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"; err == nil; {
				_, err = io.WriteString(c, block)
			}
			return err
		}
	case "odd": // asks for odd paths, with odd methods and headers
		act = func(_ context.Context, c net.Conn) error {
			for _, request := range []string{
				"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n", "GET /page/%00%ff%2e%2e HTTP/1.1\r\nHost: localhost\r\n",
				"TRACE / HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
				"GET /history?wan=" + strings.Repeat("x", 8000) + " HTTP/1.1\r\nHost: localhost\r\n",
				"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-,0-,0-,0-\r\nAccept: text/html;q=9e99\r\n",
				"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
			} {
				if _, err := io.WriteString(c, request+"\r\n"); err != nil {
					return err
				}
			}
			_, _ = io.Copy(io.Discard, c)
			return nil
		}
	default:
		return fmt.Errorf("unknown kind; one of: %s", ClientKinds)
	}
	addr := r.main.address()
	for range count {
		r.clients.Go(func() {
			for ctx.Err() == nil {
				r.visit(ctx, addr, act)
				_ = pause(ctx, 10*time.Millisecond)
			}
		})
	}
	return nil
}

// visit connects, and lets act use the connection until ctx ends.
func (r *run) visit(ctx context.Context, addr string, act func(context.Context, net.Conn) error) {
	c, err := r.dial(ctx, "tcp", addr)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	_ = act(ctx, c) // being refused is the expected end
	if stop() {
		_ = c.Close()
	}
}

// pause waits, or returns the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
