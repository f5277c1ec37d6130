//go:build linux

package trial

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

// judgeInterval: fifty pings a second see what a voice call would.
const judgeInterval = 20 * time.Millisecond

// Judge pings through the lab, apart from whatever the controller measures.
type Judge struct {
	lab  *lab.Lab
	fd   int
	stop chan struct{}
	done chan error

	mu      sync.Mutex // protects the following
	samples []Sample
}

// StartJudge sends the first ping. Stop it.
func StartJudge(l *lab.Lab) (*Judge, error) {
	j := &Judge{lab: l, stop: make(chan struct{}), done: make(chan error, 1)}
	err := l.Do(lab.Client, func() (err error) {
		j.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
		if err != nil {
			return fmt.Errorf("opening the judge's ping socket: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	go func() { j.done <- j.run() }()
	return j, nil
}

// Stop ends the judge and returns its samples in the order of sending. Pings
// still under way count as lost, so wait for the answers first.
func (j *Judge) Stop() ([]Sample, error) {
	close(j.stop)
	err := errors.Join(<-j.done, unix.Close(j.fd))
	return j.Samples(), err
}

// Samples are those so far.
func (j *Judge) Samples() []Sample {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Sample(nil), j.samples...)
}

// run sends on time and receives in between, on one thread: the judge's own
// lateness would look like delay.
func (j *Judge) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	to := &unix.SockaddrInet4{Addr: netip.MustParseAddr(lab.JudgeAddr).As4()}
	next := j.lab.Now()
	for {
		select {
		case <-j.stop:
			return nil
		default:
		}
		now := j.lab.Now()
		if now >= next {
			if err := j.send(to, now); err != nil {
				return err
			}
			next += judgeInterval
			if next < now {
				next = now // this machine slept; no burst to catch up
			}
			continue
		}
		wait := unix.NsecToTimespec(int64(next - now))
		fds := []unix.PollFd{{Fd: int32(j.fd), Events: unix.POLLIN}}
		n, err := unix.Ppoll(fds, &wait, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("judge: %w", err)
		}
		if n > 0 {
			j.receive()
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

func (j *Judge) send(to unix.Sockaddr, now time.Duration) error {
	j.mu.Lock()
	seq := uint16(len(j.samples))
	j.samples = append(j.samples, Sample{At: now})
	j.mu.Unlock()
	var m [echoLen]byte
	m[0] = echoRequest
	binary.BigEndian.PutUint16(m[echoSeq:], seq)
	err := unix.Sendto(j.fd, m[:], 0, to)
	// A full queue on the way out loses the ping like any other.
	if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("judge: sending ping: %w", err)
	}
	return nil
}

func (j *Judge) receive() {
	var m [256]byte
	n, _, err := unix.Recvfrom(j.fd, m[:], 0)
	if err != nil || n < 8 || m[0] != echoReply {
		return
	}
	now := j.lab.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	// The newest ping with this sequence number: they repeat after 21 minutes.
	last := len(j.samples) - 1
	i := last - int(uint16(last)-binary.BigEndian.Uint16(m[echoSeq:]))
	if i >= 0 && j.samples[i].RTT == 0 {
		j.samples[i].RTT = now - j.samples[i].At
	}
}
