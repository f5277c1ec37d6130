//go:build linux

// Package delayline is a wire of a given length between two TUN devices: every
// packet comes out at the other end after a fixed delay, in order. It does what
// netem does on kernels that have it.
//
// One thread serves both directions. It sleeps in ppoll(2), whose timeout has
// the resolution of the kernel's timers, because the timers of the Go runtime
// round to a millisecond.
package delayline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Direction indexes the two ways through the line.
type Direction int

// A packet read from the first file goes Forth, one from the second Back.
const (
	Forth Direction = iota
	Back
)

// Bounds of the line. Slots hold 1024 packets a direction: 50 ms at 200 Mbit/s.
const (
	maxPacket = 2048
	slots     = 1024
	readBurst = 32
)

// Stats of a line since it was made.
type Stats struct {
	Passed  uint64 // packets
	Dropped uint64 // packets: the line was full, or the device refused them
	Eaten   uint64 // packets taken by the filter

	// LateP50, LateP99 and LateMax say how long after their time packets left,
	// since the line was made or ResetLate.
	LateP50, LateP99, LateMax time.Duration
}

// Line is a delay line at work.
type Line struct {
	ways   [2]way
	filter atomic.Pointer[func(packet []byte) bool]
	late   latency
	spill  [maxPacket]byte // where packets go for which there is no slot
	stop   *os.File        // an eventfd that becomes readable
	done   chan error
}

// way is one direction.
type way struct {
	from, to int
	delay    atomic.Int64
	jitter   atomic.Pointer[Jitter]

	passed, dropped, eaten atomic.Uint64

	// State of the serving thread.
	queue   [slots]slot
	head, n int
	lastDue int64
	extra   int64 // of the jitter's current period
	redraw  int64 // when that period ends
	rng     *rand.Rand
}

type slot struct {
	due  int64 // monotonic ns
	size int
	data [maxPacket]byte
}

// Start serves packets between two non-blocking files, each read of which
// gives one packet. The files stay the caller's; they are closed after Stop.
func Start(first, second *os.File, delay time.Duration) (*Line, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making eventfd: %w", err)
	}
	l := &Line{stop: os.NewFile(uintptr(event), "eventfd"), done: make(chan error, 1)}
	a, b := int(first.Fd()), int(second.Fd())
	for _, fd := range []int{a, b} {
		if err := unix.SetNonblock(fd, true); err != nil {
			_ = l.stop.Close()
			return nil, fmt.Errorf("making device non-blocking: %w", err)
		}
	}
	l.ways[Forth].from, l.ways[Forth].to = a, b
	l.ways[Back].from, l.ways[Back].to = b, a
	for i := range l.ways {
		l.ways[i].rng = rand.New(rand.NewPCG(uint64(i), 24))
		l.SetDelay(Direction(i), delay)
	}
	go func() { l.done <- l.serve(event) }()
	return l, nil
}

// Stop ends the line; packets inside are lost. It returns what broke the line
// before, if anything did.
func (l *Line) Stop() error {
	_, err := l.stop.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	if err != nil {
		return fmt.Errorf("stopping delay line: %w", err)
	}
	err = <-l.done
	return errors.Join(err, l.stop.Close())
}

// SetDelay changes the delay of packets that enter from now on.
func (l *Line) SetDelay(d Direction, delay time.Duration) { l.ways[d].delay.Store(int64(delay)) }

// SetJitter changes the jitter; the zero Jitter is none.
func (l *Line) SetJitter(d Direction, j Jitter) { l.ways[d].jitter.Store(&j) }

// SetFilter makes the line eat the packets for which eats is true; nil eats
// none. The function runs on the serving thread and must be quick.
func (l *Line) SetFilter(eats func(packet []byte) bool) {
	if eats == nil {
		l.filter.Store(nil)
		return
	}
	l.filter.Store(&eats)
}

// ResetLate forgets how late packets have been.
func (l *Line) ResetLate() {
	for i := range l.late.bins {
		l.late.bins[i].Store(0)
	}
	l.late.max.Store(0)
}

// Stats sums up both directions.
func (l *Line) Stats() Stats {
	var s Stats
	for i := range l.ways {
		s.Passed += l.ways[i].passed.Load()
		s.Dropped += l.ways[i].dropped.Load()
		s.Eaten += l.ways[i].eaten.Load()
	}
	s.LateP50, s.LateP99, s.LateMax = l.late.quantile(0.5), l.late.quantile(0.99), time.Duration(l.late.max.Load())
	return s
}
