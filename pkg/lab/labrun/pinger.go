//go:build linux

package labrun

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/lab"
)

// pingInterval: fifty pings a second see what a voice call would.
const pingInterval = 20 * time.Millisecond

// Pinger pings through the lab, apart from whatever the controller measures.
type Pinger struct {
	lab  *lab.Lab
	fd   int
	to   unix.SockaddrInet4
	stop chan struct{}
	done chan error

	mu      sync.Mutex // protects the following
	samples []Sample
}

// StartPinger starts to ping the IPv4 address addr from the client. Stop it.
func StartPinger(l *lab.Lab, addr string) (*Pinger, error) {
	to, err := netip.ParseAddr(addr)
	if err != nil || !to.Is4() {
		return nil, fmt.Errorf("pinging %s: not an IPv4 address", addr)
	}
	p := &Pinger{lab: l, to: unix.SockaddrInet4{Addr: to.As4()}, stop: make(chan struct{}), done: make(chan error, 1)}
	err = l.Do(lab.Client, func() (err error) {
		p.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
		if err != nil {
			return fmt.Errorf("opening the pinger's ping socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	go func() { p.done <- p.run() }()
	return p, nil
}

// Stop ends the pinger and returns its samples in the order of sending. Pings
// still under way count as lost, so wait for the answers first.
func (p *Pinger) Stop() ([]Sample, error) {
	close(p.stop)
	err := errors.Join(<-p.done, unix.Close(p.fd))
	return p.Samples(), err
}

// Samples are those so far.
func (p *Pinger) Samples() []Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Sample(nil), p.samples...)
}

// run sends on time and receives in between, on one thread: the pinger's own
// lateness would look like delay.
func (p *Pinger) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	next := p.lab.Now()
	for {
		select {
		case <-p.stop:
			return nil
		default:
		}
		now := p.lab.Now()
		if now >= next {
			if err := p.send(now); err != nil {
				return err
			}
			next += pingInterval
			if next < now {
				next = now // this machine slept; no burst to catch up
			}
			continue
		}
		wait := unix.NsecToTimespec(int64(next - now))
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		n, err := unix.Ppoll(fds, &wait, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("pinger: %w", err)
		}
		if n > 0 {
			p.receive()
		}
	}
}

// Of an ICMP echo message: the kernel fills in checksum and id.
const (
	echoRequest = 8
	echoReply   = 0
	echoSeq     = 6 // offset
	echoLen     = 64
)

func (p *Pinger) send(now time.Duration) error {
	p.mu.Lock()
	seq := uint16(len(p.samples))
	p.samples = append(p.samples, Sample{At: now})
	p.mu.Unlock()
	var m [echoLen]byte
	m[0] = echoRequest
	binary.BigEndian.PutUint16(m[echoSeq:], seq)
	err := unix.Sendto(p.fd, m[:], 0, &p.to)
	// A full queue on the way out loses the ping like any other.
	if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("pinger: sending ping: %w", err)
	}
	return nil
}

func (p *Pinger) receive() {
	var m [256]byte
	n, _, err := unix.Recvfrom(p.fd, m[:], 0)
	if err != nil || n < 8 || m[0] != echoReply {
		return
	}
	now := p.lab.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	// The newest ping with this sequence number: they repeat after 21 minutes.
	last := len(p.samples) - 1
	i := last - int(uint16(last)-binary.BigEndian.Uint16(m[echoSeq:]))
	if i >= 0 && p.samples[i].RTT == 0 {
		p.samples[i].RTT = now - p.samples[i].At
	}
}
