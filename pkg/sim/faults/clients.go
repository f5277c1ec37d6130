package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ClientKinds lists the kinds of hostile clients.
const ClientKinds = "idle, slow, greedy, malformed, headers, rebinding"

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
	default:
		return fmt.Errorf("unknown kind; one of: %s", ClientKinds)
	}
	addr := r.address()
	for range count {
		r.clients.Go(func() {
			for ctx.Err() == nil {
				visit(ctx, addr, act)
				_ = pause(ctx, 10*time.Millisecond)
			}
		})
	}
	return nil
}

// visit connects, and lets act use the connection until ctx ends.
func visit(ctx context.Context, addr string, act func(context.Context, net.Conn) error) {
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", addr)
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
