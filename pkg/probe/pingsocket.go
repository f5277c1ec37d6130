package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	echoHeader  = 8
	echoPayload = 24 // of which the first 8 bytes identify the series
	echoLen     = echoHeader + echoPayload
	tokenEnd    = echoHeader + 8

	readBatch = 16 // messages in one system call
)

// batchConn sends and receives several messages in one system call.
type batchConn interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// pingSocket is a ping socket with its series. The kernel hands it the replies to its own
// requests only.
type pingSocket struct {
	kind     socketKind
	conn     net.PacketConn
	msgs     batchConn
	request  byte // ICMP types
	reply    byte
	failures atomic.Int32 // of sends in a row

	users int // protected by Sockets.mu

	batch []*series // to send; of the goroutine that sends
	out   []ipv4.Message

	mu     sync.Mutex // held while callbacks run; protects the following field
	series map[uint64]*series
}

func openPingSocket(kind socketKind) (*pingSocket, error) {
	conn, err := kind.binding.ListenPing(kind.v6)
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = c.SetReadBuffer(1 << 20) // as far as the system permits
	}
	k := &pingSocket{kind: kind, conn: conn, series: map[uint64]*series{}}
	if kind.v6 {
		k.msgs, k.request, k.reply = ipv6.NewPacketConn(conn), 128, 129
	} else {
		k.msgs, k.request, k.reply = ipv4.NewPacketConn(conn), 8, 0
	}
	return k, nil
}

func (k *pingSocket) join(r *series) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.series[r.token] = r
}

func (k *pingSocket) leave(r *series) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.series, r.token)
	r.removed = true
}

// send sends a request of each series of the batch, and returns the series that have
// sent their last one. No reply is handled meanwhile, so that it comes after its request.
func (k *pingSocket) send() (over []*series) {
	k.mu.Lock()
	defer k.mu.Unlock()
	batch := k.batch
	k.batch = k.batch[:0]
	n := 0
	for _, r := range batch {
		if r.removed || r.last {
			continue
		}
		batch[n] = r
		if n == len(k.out) {
			k.out = append(k.out, ipv4.Message{Buffers: [][]byte{make([]byte, echoLen)}})
		}
		k.encode(k.out[n].Buffers[0], r)
		k.out[n].Addr = r.to
		n++
	}
	for first := 0; first < n; {
		// A full buffer is a failure: nobody waits for one interface among many.
		sent, err := k.msgs.WriteBatch(k.out[first:n], syscall.MSG_DONTWAIT)
		for _, r := range batch[first : first+max(sent, 0)] {
			k.failures.Store(0)
			if r.left(); r.last {
				over = append(over, r)
			}
		}
		if first += max(sent, 0); err != nil && first < n {
			k.failures.Add(1)
			batch[first].notSent(err)
			first++
		}
	}
	return over
}

// encode writes the next request of r into b. The kernel adds identifier and checksum.
func (k *pingSocket) encode(b []byte, r *series) {
	clear(b[:echoHeader])
	b[0] = k.request
	binary.BigEndian.PutUint16(b[6:], uint16(r.seq))
	binary.BigEndian.PutUint64(b[echoHeader:], r.token)
}

// left records that the next request of r has left.
func (r *series) left() {
	seq := r.seq
	r.seq++
	r.unanswered++
	r.last = !r.sent(seq)
}

// notSent records that the next request of r could not be sent. A series whose first one
// cannot ends with that error.
func (r *series) notSent(err error) {
	r.failed(err)
	if r.seq == 0 {
		r.end(err)
	}
}

func (r *series) end(err error) {
	select {
	case r.ended <- err:
	default:
	}
}

// receive handles replies until the socket is closed, or fails again and again.
func (k *pingSocket) receive() {
	in := make([]ipv4.Message, readBatch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 128)} // what is longer is cut off
	}
	for failed := 0; failed < maxSocketFailures; {
		n, err := k.msgs.ReadBatch(in, 0)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // an error that was waiting is reported once
			failed++
			if failed == maxSocketFailures {
				k.fail(err)
			}
			continue
		}
		failed = 0
		k.mu.Lock()
		for _, m := range in[:n] {
			k.answered(m.Buffers[0][:m.N])
		}
		k.mu.Unlock()
	}
}

// fail ends all series with an error. New ones get another socket.
func (k *pingSocket) fail(err error) {
	k.failures.Store(maxSocketFailures)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.series {
		r.end(err)
	}
}

// answered handles one message. It is called with mu held.
func (k *pingSocket) answered(b []byte) {
	if len(b) < tokenEnd || b[0] != k.reply || b[1] != 0 {
		return
	}
	r, seq := k.series[binary.BigEndian.Uint64(b[echoHeader:])], int(binary.BigEndian.Uint16(b[6:]))
	if r == nil || seq >= r.seq || !r.received(seq) {
		return
	}
	if r.unanswered--; r.last && r.unanswered == 0 {
		r.end(nil)
	}
}
