package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// stampSocket is a raw socket for the timestamp requests of many groups.
type stampSocket struct {
	binding hostnet.Binding
	raw     timestampSocket
	users   int // protected by Sockets.mu

	mu     sync.Mutex // protects the following fields
	byID   map[uint16][]*stampShare
	failed error // of the last read
}

// stampShare is a timestampSocket that receives the replies to one identifier.
type stampShare struct {
	socket  *stampSocket
	sockets *Sockets
	id      uint16
	replies chan stampMessage
	closed  chan struct{}
	close   func()
	timer   *time.Timer
}

// stampMessage is a message as received.
type stampMessage struct {
	bytes [maxStampMessage]byte
	n     int
	from  netip.Addr
}

// maxStampMessage is the size limit of a timestamp reply with what follows it.
const maxStampMessage = 64

var _ timestampSocket = (*stampShare)(nil)

// timestamps opens a share of the socket of a binding for requests with the identifier.
// open opens the socket itself.
func (s *Sockets) timestamps(ctx context.Context, binding hostnet.Binding, id uint16, open func(context.Context, uint16) (timestampSocket, error)) (timestampSocket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.stamps[binding]
	if k == nil || k.err() != nil {
		raw, err := open(ctx, id)
		if err != nil {
			return nil, err
		}
		k = &stampSocket{binding: binding, raw: raw, byID: map[uint16][]*stampShare{}}
		if s.stamps == nil {
			s.stamps = map[hostnet.Binding]*stampSocket{}
		}
		s.stamps[binding] = k
		go k.receive()
	}
	k.users++
	share := &stampShare{socket: k, sockets: s, id: id, replies: make(chan stampMessage, 4), closed: make(chan struct{}), timer: time.NewTimer(time.Hour)}
	share.close = sync.OnceFunc(share.leave)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[id] = append(k.byID[id], share)
	return share, nil
}

func (k *stampSocket) err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}

// receive hands replies to those who asked until the socket is closed. A share that does
// not receive loses them.
func (k *stampSocket) receive() {
	buf := make([]byte, maxStampMessage)
	for {
		n, from, err := k.raw.receive(buf, time.Hour)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		k.mu.Lock()
		switch {
		case err != nil:
			k.failed = err
			for _, shares := range k.byID {
				for _, share := range shares {
					close(share.replies)
				}
			}
			clear(k.byID)
		case n >= timestampLen:
			m := stampMessage{from: from}
			m.n = copy(m.bytes[:], buf[:n])
			for _, share := range k.byID[binary.BigEndian.Uint16(buf[4:])] {
				select {
				case share.replies <- m:
				default:
				}
			}
		}
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send implements timestampSocket.
func (s *stampShare) send(message []byte, to netip.Addr) error { return s.socket.raw.send(message, to) }

// receive implements timestampSocket.
func (s *stampShare) receive(b []byte, wait time.Duration) (int, netip.Addr, error) {
	s.timer.Reset(wait)
	select {
	case m, ok := <-s.replies:
		if !ok {
			return 0, netip.Addr{}, s.socket.err()
		}
		return copy(b, m.bytes[:m.n]), m.from, nil
	case <-s.closed:
		return 0, netip.Addr{}, os.ErrClosed
	case <-s.timer.C:
		return 0, netip.Addr{}, os.ErrDeadlineExceeded
	}
}

// Close implements timestampSocket.
func (s *stampShare) Close() error {
	s.close()
	return nil
}

// leave closes the share, and the socket after the last one.
func (s *stampShare) leave() {
	k := s.socket
	close(s.closed)
	k.mu.Lock()
	if shares := k.byID[s.id]; len(shares) > 1 {
		k.byID[s.id] = slices.DeleteFunc(slices.Clone(shares), func(x *stampShare) bool { return x == s })
	} else {
		delete(k.byID, s.id)
	}
	k.mu.Unlock()
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if k.users--; k.users > 0 {
		return
	}
	if s.sockets.stamps[k.binding] == k {
		delete(s.sockets.stamps, k.binding)
	}
	_ = k.raw.Close()
}
