package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// dial connects to s and ends with the test.
func dial(t *testing.T, s *HTTPServer) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func exchange(c net.Conn) error {
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(resp.Body)
	return err
}

// Clients that have all connections and send nothing, or keep them after a request,
// do not lock others out: the connection that is idle for longest is closed.
func TestOldestIdleConnectionIsDropped(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(net.Conn) error
	}{
		{"silent", func(net.Conn) error { return nil }},
		{"half a header", func(c net.Conn) error { _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHo"); return err }},
		{"kept alive", exchange},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewHTTPServer("health", "127.0.0.1:0", "x", hello, nil)
			running(t, s)
			var conns []net.Conn
			for range maxConnections {
				c := dial(t, s)
				if err := tt.use(c); err != nil {
					t.Fatal(err)
				}
				conns = append(conns, c)
			}
			if err := exchange(dial(t, s)); err != nil {
				t.Errorf("one more client: %v", err)
			}
			if _, err := conns[0].Read(make([]byte, 1)); err == nil {
				t.Error("the oldest connection is still open")
			}
			if err := exchange(conns[maxConnections-1]); tt.name != "half a header" && err != nil {
				t.Errorf("the newest of the idle connections: %v", err)
			}
		})
	}
}

// A connection whose request is being served is never the one to be dropped: others
// wait until one of them is free.
func TestBusyConnectionsAreKept(t *testing.T) {
	serving, release := make(chan struct{}, maxConnections+1), make(chan struct{})
	s := NewHTTPServer("health", "127.0.0.1:0", "x", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		serving <- struct{}{}
		<-release
	}), nil)
	running(t, s)
	answers := make(chan error, maxConnections+1)
	ask := func() {
		c := dial(t, s)
		go func() { answers <- exchange(c) }()
	}
	for range maxConnections {
		ask()
		<-serving
	}
	ask()
	select {
	case <-serving:
		t.Error("one more than the limit is served")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	for range maxConnections + 1 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// Clients that have all connections and never pause take turns with others.
func TestGreedyClientsLeaveRoom(t *testing.T) {
	s := NewHTTPServer("health", "127.0.0.1:0", "x", hello, nil)
	running(t, s)
	var asked, done sync.WaitGroup
	stop := make(chan struct{})
	for range maxConnections {
		c := dial(t, s)
		asked.Add(1)
		done.Go(func() {
			err := exchange(c)
			asked.Done()
			for err == nil {
				select {
				case <-stop:
					return
				default:
					err = exchange(c)
				}
			}
		})
	}
	asked.Wait()
	for range 3 {
		c := dial(t, s)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if err := exchange(c); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	done.Wait()
}

// ask sends a request through h and returns how long it waits until it is served, or
// -1 when its client, which leaves after patience, is gone before.
func ask(h http.Handler, patience time.Duration) time.Duration {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	if w.Body.Len() == 0 {
		return -1
	}
	return time.Since(start)
}

// However fast clients ask, requests are served at one rate; after a pause a page and
// what it loads are served at once.
func TestRequestsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAdmission().pace(hello)
		for _, n := range []int{1000, requestBurst + 1} {
			waits := make(chan time.Duration, n)
			for range n {
				go func() { waits <- ask(h, time.Hour) }()
			}
			for i := range n {
				want := max(0, time.Duration(i+1-requestBurst)*requestGap)
				if got := <-waits; got != want {
					t.Fatalf("request %d of %d waits %v, want %v", i, n, got, want)
				}
			}
			time.Sleep(time.Hour)
		}
	})
}

// Clients that ask and leave at once, 500 times a second, delay nobody: neither while
// they come nor afterwards.
func TestClientsThatLeaveDelayNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAdmission().pace(hello)
		for i := range 60 * 500 {
			go ask(h, time.Millisecond)
			time.Sleep(2 * time.Millisecond)
			if i%500 != 499 {
				continue
			}
			if wait := ask(h, time.Hour); wait < 0 || wait > 2*requestGap {
				t.Fatalf("after %d clients that left, a request waits %v", i+1, wait)
			}
		}
	})
}

// A request is served before those that come after it.
func TestRequestsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAdmission().pace(hello)
		served := make(chan int, 100)
		for i := range cap(served) {
			go func() {
				ask(h, time.Hour)
				served <- i
			}()
			synctest.Wait()
		}
		for i := range cap(served) {
			if got := <-served; got != i {
				t.Fatalf("request %d is served in place of %d", got, i)
			}
		}
	})
}
