package probe

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

const (
	// socketSeries bounds the series of one ping socket: the kernel's default buffer for
	// some 270 replies then holds those of a third of a second at the usual interval, in
	// which this process need not run.
	socketSeries = 32
	// together is how far apart echoes may be due that leave in one wake-up.
	together = 500 * time.Microsecond
	// maxSocketFailures in a row end the use of a socket for new series: its interface may
	// have come back under another index.
	maxSocketFailures = 20
)

// Sockets sends and receives for all groups of a process that have it in their Config:
// echoes by ping sockets, of which one serves some dozen hosts, and timestamp requests
// by one raw socket for each binding. One goroutine sends whatever is due. With sockets
// of their own, each group costs wake-ups and system calls of its own, and the kernel
// offers each timestamp reply to the raw socket of every group. The zero Sockets is
// ready for use, and holds no socket while nothing is measured.
type Sockets struct {
	mu      sync.Mutex                 // protects the following fields
	rooms   map[socketKind]*pingSocket // the socket that the next series joins
	due     seriesHeap
	wake    chan struct{} // holds one signal: the first of due has changed
	sending bool          // the goroutine of send runs
	stamps  map[hostnet.Binding]*stampSocket
}

// socketKind is what series of one socket have in common.
type socketKind struct {
	binding hostnet.Binding
	v6      bool
}

// series is an echo under way.
type series struct {
	echo
	socket *pingSocket
	to     *net.UDPAddr
	token  uint64
	ended  chan error // holds one

	// protected by Sockets.mu
	due   time.Time // of the next request
	index int       // in the heap; -1: nothing is due

	// protected by socket.mu
	seq        int  // of the next request
	unanswered int  // requests
	last       bool // the last request has left
	removed    bool
}

var _ echoFunc = (*Sockets)(nil).echo

// echo is the echoFunc by a shared ping socket.
func (s *Sockets) echo(ctx context.Context, e echo) error {
	r, err := s.add(e)
	if err != nil {
		return err
	}
	defer s.remove(r)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.ended:
		return err
	}
}

// add begins a series, whose first request leaves at once.
func (s *Sockets) add(e echo) (*series, error) {
	kind := socketKind{e.binding, e.addr.Unmap().Is6()}
	r := &series{echo: e, token: rand.Uint64(), to: udpAddr(e.addr), ended: make(chan error, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.rooms[kind]
	if k == nil || k.users == socketSeries || k.failures.Load() >= maxSocketFailures {
		var err error
		if k, err = openPingSocket(kind); err != nil {
			return nil, err
		}
		if s.rooms == nil {
			s.rooms, s.wake = map[socketKind]*pingSocket{}, make(chan struct{}, 1)
		}
		s.rooms[kind] = k
		go k.receive()
	}
	k.users++
	r.socket, r.due = k, time.Now()
	k.join(r)
	heap.Push(&s.due, r)
	switch {
	case !s.sending:
		s.sending = true
		go s.send()
	case r.index == 0:
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return r, nil
}

// remove ends a series: none of its callbacks is called any more.
func (s *Sockets) remove(r *series) {
	k := r.socket
	k.leave(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unschedule(r)
	if k.users--; k.users > 0 {
		return
	}
	if s.rooms[k.kind] == k {
		delete(s.rooms, k.kind)
	}
	_ = k.conn.Close()
}

// unschedule is called with mu held.
func (s *Sockets) unschedule(r *series) {
	if r.index >= 0 {
		heap.Remove(&s.due, r.index)
	}
}

// send sends what is due until nothing is.
func (s *Sockets) send() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var batches []*pingSocket
	for {
		var wait time.Duration
		var more bool
		if batches, wait, more = s.takeDue(time.Now(), batches[:0]); !more {
			return
		}
		for _, k := range batches {
			if over := k.send(); len(over) > 0 {
				s.mu.Lock()
				for _, r := range over {
					s.unschedule(r)
				}
				s.mu.Unlock()
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// takeDue hands what is due to the sockets it is to leave by, and returns those and the
// time until more is. It reports false when there is nothing to wait for.
func (s *Sockets) takeDue(now time.Time, batches []*pingSocket) (_ []*pingSocket, wait time.Duration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := now.Add(together)
	for len(s.due) > 0 && !s.due[0].due.After(until) {
		r := s.due[0]
		if len(r.socket.batch) == 0 {
			batches = append(batches, r.socket)
		}
		r.socket.batch = append(r.socket.batch, r)
		// What is late leaves now, what was missed does not.
		r.due = r.due.Add((until.Sub(r.due)/r.interval + 1) * r.interval)
		heap.Fix(&s.due, 0)
	}
	if len(s.due) == 0 {
		s.sending = false
		return nil, 0, false
	}
	return batches, s.due[0].due.Sub(now), true
}

func udpAddr(a netip.Addr) *net.UDPAddr {
	a = a.Unmap()
	return &net.UDPAddr{IP: a.AsSlice(), Zone: a.Zone()}
}

// seriesHeap is the series by the time at which their next request is due.
type seriesHeap []*series

func (h seriesHeap) Len() int           { return len(h) }
func (h seriesHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h seriesHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *seriesHeap) Push(x any) {
	r := x.(*series)
	r.index = len(*h)
	*h = append(*h, r)
}

// Pop implements heap.Interface.
func (h *seriesHeap) Pop() any {
	old := *h
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	r.index = -1
	return r
}
