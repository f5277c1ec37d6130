package owner

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// slowClaims is a log that takes a while to read.
type slowClaims struct {
	Claims // its other methods are not called

	reads atomic.Int32
	began atomic.Int64 // the last of them
	view  ha.View
}

func (c *slowClaims) Do(_ context.Context, a ha.Action) (ha.Event, error) {
	if a.Op == ha.Read {
		c.reads.Add(1)
		c.began.Store(time.Now().UnixNano())
		time.Sleep(20 * time.Millisecond)
	}
	return ha.Event{View: c.view}, nil
}

// localConn is a connection from an address.
type localConn struct {
	net.Conn
	local net.Addr
}

func (c localConn) LocalAddr() net.Addr { return c.local }

// Sessions that are opened together share reads of the log, and each is returned only after
// a read that has begun after its opening.
func TestGateSharesReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		self := "192.0.2.10"
		entry := func(epoch uint64, k ha.Kind) ha.Entry {
			return ha.Entry{Epoch: epoch, Kind: k, Format: ha.Format, Node: "a", Address: self}
		}
		claims := &slowClaims{view: ha.View{Log: ha.Log{entry(1, ha.Claimed), entry(2, ha.Running)}, Self: self}}
		var opened sync.Map // by connection
		g := NewGate(claims, func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			_ = far.Close()
			c := localConn{near, &net.TCPAddr{IP: net.ParseIP(self)}}
			opened.Store(c, time.Now().UnixNano())
			return c, nil
		})
		g.Open(entry(2, ha.Running))
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				c, err := g.Dial(t.Context(), "tcp", "router")
				if err != nil {
					t.Error(err)
					return
				}
				at, _ := opened.Load(c.(*gated).Conn)
				if at.(int64) > claims.began.Load() {
					t.Error("the log was read before the session was opened")
				}
			})
		}
		wg.Wait()
		if n := claims.reads.Load(); n > 4 {
			t.Errorf("%d reads for 200 sessions that were opened within 20 ms", n)
		}
		g.Close()
	})
}
