package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// fakeBatches is a batchConn that notes what is sent.
type fakeBatches struct {
	batchConn
	sent  [][]byte
	fails map[string]error // of sends, by address
	most  int              // messages that one call takes
}

// WriteBatch implements batchConn as sendmmsg(2) does: the error of a message ends the
// batch, and is returned for the first one only.
func (f *fakeBatches) WriteBatch(ms []ipv4.Message, flags int) (int, error) {
	if flags != syscall.MSG_DONTWAIT {
		return 0, errors.New("this send could wait")
	}
	for i, m := range ms {
		err := f.fails[m.Addr.(*net.UDPAddr).IP.String()]
		switch {
		case err != nil && i == 0:
			return -1, err
		case err != nil, i == f.most:
			return i, nil
		}
		f.sent = append(f.sent, slices.Clone(m.Buffers[0]))
	}
	return len(ms), nil
}

// recorded is what the callbacks of a series were called with.
type recorded struct {
	sent, received []int
	failed         []error
}

func (f *fakeBatches) series(k *pingSocket, token uint64, addr string, count int) (*series, *recorded) {
	rec := &recorded{}
	r := &series{token: token, to: udpAddr(netip.MustParseAddr(addr)), ended: make(chan error, 1), socket: k, index: -1}
	r.sent = func(seq int) bool { rec.sent = append(rec.sent, seq); return seq+1 < count }
	r.received = func(seq int) bool {
		if slices.Contains(rec.received, seq) {
			return false
		}
		rec.received = append(rec.received, seq)
		return true
	}
	r.failed = func(err error) { rec.failed = append(rec.failed, err) }
	k.join(r)
	return r, rec
}

func ended(r *series) (bool, error) {
	select {
	case err := <-r.ended:
		return true, err
	default:
		return false, nil
	}
}

// One host that cannot be reached, and a kernel that takes a few messages at a time,
// disturb no other series of the socket.
func TestPingSocketSends(t *testing.T) {
	f := &fakeBatches{fails: map[string]error{}, most: 2}
	k := &pingSocket{msgs: f, request: 8, series: map[uint64]*series{}}
	a, seenA := f.series(k, 1, "192.0.2.1", 3)
	b, seenB := f.series(k, 2, "192.0.2.2", 3)
	c, seenC := f.series(k, 3, "192.0.2.3", 1)
	d, seenD := f.series(k, 4, "192.0.2.4", 3)
	k.leave(d)
	send := func() []*series {
		k.batch = append(k.batch, a, b, c, d)
		return k.send()
	}
	if over := send(); !slices.Equal(over, []*series{c}) {
		t.Errorf("%d series are over", len(over))
	}
	f.fails["192.0.2.2"] = syscall.ENETUNREACH
	send()
	f.fails["192.0.2.1"] = syscall.EACCES
	send()
	if !slices.Equal(seenA.sent, []int{0, 1}) || !slices.Equal(seenB.sent, []int{0}) || !slices.Equal(seenC.sent, []int{0}) || seenD.sent != nil {
		t.Errorf("sent %v, %v, %v, %v", seenA.sent, seenB.sent, seenC.sent, seenD.sent)
	}
	if len(seenB.failed) != 2 || !errors.Is(seenB.failed[0], syscall.ENETUNREACH) || len(seenA.failed) != 1 || seenC.failed != nil {
		t.Errorf("failed: %v, %v, %v", seenA.failed, seenB.failed, seenC.failed)
	}
	if n := k.failures.Load(); n != 3 {
		t.Errorf("%d failures in a row, want 3", n)
	}
	if over, _ := ended(b); over {
		t.Error("a series that has sent before ended with a failed send")
	}
	e, _ := f.series(k, 5, "192.0.2.1", 3)
	k.batch = append(k.batch, e)
	k.send()
	if over, err := ended(e); !over || !errors.Is(err, syscall.EACCES) {
		t.Errorf("the first send failed: ended %v, %v", over, err)
	}
}

// Only the reply to a request counts, and only once.
func TestPingSocketReceives(t *testing.T) {
	f := &fakeBatches{most: 99}
	k := &pingSocket{msgs: f, request: 8, reply: 0, series: map[uint64]*series{}}
	r, seen := f.series(k, 7, "192.0.2.1", 2)
	k.batch = append(k.batch, r)
	k.send()
	k.batch = append(k.batch, r)
	k.send()
	reply := func(i int, change func(b []byte)) []byte {
		b := slices.Clone(f.sent[i])
		b[0] = 0
		change(b)
		return b
	}
	same := func([]byte) {}
	for _, b := range [][]byte{
		f.sent[0], // the request itself
		reply(0, func(b []byte) { b[echoHeader]++ }),
		reply(0, func(b []byte) { binary.BigEndian.PutUint16(b[6:], 2) }), // not sent yet
		reply(0, same)[:tokenEnd-1],
		nil,
	} {
		k.answered(b)
	}
	if seen.received != nil {
		t.Errorf("received %v", seen.received)
	}
	k.answered(reply(1, same)[:tokenEnd]) // a host may cut the payload off
	k.answered(reply(1, same))
	if over, _ := ended(r); over {
		t.Error("the series ended with a reply outstanding")
	}
	k.answered(reply(0, same))
	if over, err := ended(r); !over || err != nil || !slices.Equal(seen.received, []int{1, 0}) {
		t.Errorf("ended %v, %v, with replies %v", over, err, seen.received)
	}
}

// What is due within a moment leaves together, what was missed does not leave.
func TestSeriesAreDue(t *testing.T) {
	const interval = 50 * time.Millisecond
	one, two := &pingSocket{}, &pingSocket{}
	now := time.Now()
	s := &Sockets{}
	add := func(k *pingSocket, due time.Duration) *series {
		r := &series{socket: k, due: now.Add(due), echo: echo{interval: interval}}
		s.due.Push(r)
		return r
	}
	late, a, b, later := add(one, -3*interval-interval/2), add(one, -time.Millisecond), add(two, -time.Millisecond), add(two, time.Minute)
	again := add(one, together/2-interval) // it is due again within the moment
	batches, wait, more := s.takeDue(now, nil)
	if !more || len(batches) != 2 || len(one.batch) != 3 || !slices.Equal(two.batch, []*series{b}) {
		t.Fatalf("%d sockets, %d and %d series", len(batches), len(one.batch), len(two.batch))
	}
	if wait <= 0 || wait > interval {
		t.Errorf("the next is due in %v", wait)
	}
	if got := late.due.Sub(now); got != interval/2 { // not at once again
		t.Errorf("the late one is due in %v, want %v", got, interval/2)
	}
	if a.due.Sub(now) != interval-time.Millisecond || again.due.Sub(now) != interval+together/2 || later.due.Sub(now) != time.Minute {
		t.Errorf("due in %v and %v", a.due.Sub(now), later.due.Sub(now))
	}
	for _, r := range []*series{late, a, b, again, later} {
		s.unschedule(r)
	}
	s.sending = true
	if _, _, more := s.takeDue(now, nil); more || s.sending {
		t.Error("nothing is due, and yet there is something to wait for")
	}
}

// fakeStamps is a raw socket that answers each request with itself.
type fakeStamps struct {
	echoes chan []byte
	closed chan struct{}
}

func (f *fakeStamps) send(b []byte, _ netip.Addr) error {
	f.echoes <- slices.Clone(b)
	return nil
}

func (f *fakeStamps) receive(b []byte, _ time.Duration) (int, netip.Addr, error) {
	select {
	case m := <-f.echoes:
		return copy(b, m), netip.IPv4Unspecified(), nil
	case <-f.closed:
		return 0, netip.Addr{}, os.ErrClosed
	}
}

func (f *fakeStamps) Close() error { close(f.closed); return nil }

// Groups with the same binding share a raw socket, and get the replies to their own
// identifier.
func TestStampSockets(t *testing.T) {
	var s Sockets
	var opened []*fakeStamps
	open := func(context.Context, uint16) (timestampSocket, error) {
		opened = append(opened, &fakeStamps{make(chan []byte, 9), make(chan struct{})})
		return opened[len(opened)-1], nil
	}
	share := func(b hostnet.Binding, id uint16) timestampSocket {
		k, err := s.timestamps(t.Context(), b, id, open)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	one, two, other := share(hostnet.Binding{}, 1), share(hostnet.Binding{}, 2), share(hostnet.Binding{Mark: 1}, 1)
	if len(opened) != 2 {
		t.Fatalf("%d sockets, want one a binding", len(opened))
	}
	request := stamp{id: 2, seq: 3}.appendRequest(nil)
	if err := one.send(append(request, 1, 2), netip.Addr{}); err != nil { // from whichever
		t.Fatal(err)
	}
	b := make([]byte, 99)
	if n, _, err := two.receive(b, time.Minute); err != nil || n != timestampLen+2 {
		t.Errorf("received %d bytes, %v", n, err)
	}
	if _, _, err := one.receive(b, time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the reply to another identifier: %v", err)
	}
	_ = two.Close()
	if _, _, err := two.receive(b, time.Minute); err == nil {
		t.Error("a closed one receives")
	}
	_, _ = one.Close(), other.Close()
	for i, f := range opened {
		select {
		case <-f.closed:
		default:
			t.Errorf("socket %d is open", i)
		}
	}
	// A socket that has failed is replaced.
	one = share(hostnet.Binding{}, 1)
	close(opened[2].closed)
	if _, _, err := one.receive(b, time.Minute); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the socket failed: %v", err)
	}
	two = share(hostnet.Binding{}, 2)
	if len(opened) != 4 {
		t.Errorf("%d sockets", len(opened))
	}
	opened[2].closed = make(chan struct{})
	_, _ = one.Close(), two.Close()
}
