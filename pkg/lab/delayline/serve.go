//go:build linux

package delayline

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ahead is how early a packet may leave so that two packets which are due
// almost together cost one wake-up.
const ahead = 15 * time.Microsecond

// serve is the life of the line's thread. It ends when event is readable.
func (l *Line) serve(event int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		now := monotonic()
		timeout := int64(time.Second)
		for i := range l.ways {
			timeout = min(timeout, l.send(&l.ways[i], now))
		}
		fds := [3]unix.PollFd{
			{Fd: int32(l.ways[Forth].from), Events: unix.POLLIN},
			{Fd: int32(l.ways[Back].from), Events: unix.POLLIN},
			{Fd: int32(event), Events: unix.POLLIN},
		}
		wait := unix.NsecToTimespec(max(0, timeout))
		if _, err := unix.Ppoll(fds[:], &wait, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for packets: %w", err)
		}
		if fds[2].Revents != 0 {
			return nil
		}
		for i := range l.ways {
			if fds[i].Revents != 0 {
				if err := l.receive(&l.ways[i]); err != nil {
					return err
				}
			}
		}
	}
}

// receive reads what waits, a bounded number of packets so that the other
// direction is not kept waiting.
func (l *Line) receive(w *way) error {
	filter := l.filter.Load()
	for range readBurst {
		var s *slot
		buf := l.spill[:]
		if w.n < slots {
			s = &w.queue[(w.head+w.n)%slots]
			buf = s.data[:]
		}
		n, err := unix.Read(w.from, buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("reading from device: %w", err)
		case n == 0:
			return fmt.Errorf("reading from device: %w", io.EOF)
		case filter != nil && (*filter)(buf[:n]):
			w.eaten.Add(1)
		case s == nil:
			w.dropped.Add(1)
		default:
			now := monotonic()
			s.size = n
			// Never before the packet in front of it.
			s.due = max(w.lastDue, now+w.delay.Load()+w.jitterAt(now))
			w.lastDue = s.due
			w.n++
		}
	}
	return nil
}

// send writes the packets that are due and returns how long the next may wait.
func (l *Line) send(w *way, now int64) int64 {
	for w.n > 0 {
		s := &w.queue[w.head]
		if s.due > now+int64(ahead) {
			if now = monotonic(); s.due > now+int64(ahead) {
				return s.due - now
			}
		}
		// A device that is down or full loses the packet, as a wire would.
		if _, err := unix.Write(w.to, s.data[:s.size]); err != nil {
			w.dropped.Add(1)
		} else {
			w.passed.Add(1)
			l.late.add(now - s.due)
		}
		w.head = (w.head + 1) % slots
		w.n--
	}
	return int64(time.Second)
}

// jitterAt is the jitter in force now, drawn anew when its period is over.
func (w *way) jitterAt(now int64) int64 {
	j := w.jitter.Load()
	if j == nil || *j == (Jitter{}) {
		return 0
	}
	if now >= w.redraw {
		period := j.Period
		if period <= 0 {
			period = 10 * time.Millisecond
		}
		w.redraw = now + int64(period)
		w.extra = int64(j.draw(w.rng))
	}
	return w.extra
}

// monotonic is CLOCK_MONOTONIC in ns, the clock of ppoll.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail for this clock
	return ts.Nano()
}

// latency is a histogram in steps of 20 µs up to 20 ms.
type latency struct {
	bins [1001]atomic.Uint64
	max  atomic.Int64
}

const latencyStep = 20 * time.Microsecond

func (h *latency) add(ns int64) {
	ns = max(0, ns)
	h.bins[min(ns/int64(latencyStep), int64(len(h.bins)-1))].Add(1)
	if ns > h.max.Load() { // only one thread writes
		h.max.Store(ns)
	}
}

// quantile is an upper bound of the q-quantile, one step coarse.
func (h *latency) quantile(q float64) time.Duration {
	var total, sum uint64
	for i := range h.bins {
		total += h.bins[i].Load()
	}
	if total == 0 {
		return 0
	}
	for i := range h.bins {
		if sum += h.bins[i].Load(); float64(sum) >= q*float64(total) {
			return time.Duration(i+1) * latencyStep
		}
	}
	return time.Duration(h.max.Load())
}
