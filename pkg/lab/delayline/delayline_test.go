//go:build linux

package delayline

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// device stands in for a TUN: a pair of sockets that keep packets apart.
func device(t *testing.T) (outside, inside *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The far ends are never blocking either, so that deadlines work on them.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20); err != nil {
			t.Fatal(err)
		}
	}
	outside, inside = os.NewFile(uintptr(fds[0]), "outside"), os.NewFile(uintptr(fds[1]), "inside")
	t.Cleanup(func() {
		_ = outside.Close()
		_ = inside.Close()
	})
	return outside, inside
}

func start(t *testing.T, delay time.Duration) (l *Line, a, b *os.File) {
	t.Helper()
	a, insideA := device(t)
	b, insideB := device(t)
	l, err := Start(insideA, insideB, delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return l, a, b
}

// packet carries its number and when it was sent.
func packet(n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(n))
	return binary.BigEndian.AppendUint64(b, uint64(monotonic()))
}

func send(t *testing.T, to *os.File, n int) {
	t.Helper()
	if _, err := to.Write(packet(n)); err != nil {
		t.Fatal(err)
	}
}

// receive returns the number of the next packet and how long it was under way.
func receive(t *testing.T, from *os.File) (n int, took time.Duration) {
	t.Helper()
	if err := from.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, maxPacket)
	size, err := from.Read(b)
	if err != nil || size != 12 {
		t.Fatalf("reading a packet: %d bytes, %v", size, err)
	}
	return int(binary.BigEndian.Uint32(b)), time.Duration(monotonic() - int64(binary.BigEndian.Uint64(b[4:])))
}

// statsOf returns what l has counted once that is all of the packets. A packet
// is counted after it has left, so that the last one may be read before that.
func statsOf(l *Line, packets uint64) Stats {
	s := l.Stats()
	for limit := time.Now().Add(20 * time.Second); s.Passed+s.Dropped < packets && time.Now().Before(limit); s = l.Stats() {
		time.Sleep(time.Millisecond)
	}
	return s
}

// TestJitterDraw: half of the periods of a uniform jitter are above half of its
// maximum, half of those to the fourth power above a sixteenth.
func TestJitterDraw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		power  float64
		median time.Duration
	}{{0, 8 * time.Millisecond}, {4, time.Millisecond}} {
		j, above := Jitter{Max: 16 * time.Millisecond, Power: tt.power}, 0
		for range 1000 {
			d := j.draw(rng)
			if d < 0 || d > j.Max {
				t.Fatalf("power %g: drew %v, want at most %v", tt.power, d, j.Max)
			}
			if d > tt.median {
				above++
			}
		}
		if above < 450 || above > 550 {
			t.Errorf("power %g: %d of 1000 draws above %v, want half", tt.power, above, tt.median)
		}
	}
}

func TestDelayAndOrder(t *testing.T) {
	const delay = 10 * time.Millisecond
	tests := []struct {
		name   string
		set    func(*Line)
		atMost time.Duration // of delay; a busy machine adds to what is seen
	}{
		{"plain", func(*Line) {}, delay},
		{"jitter", func(l *Line) {
			l.SetJitter(Forth, Jitter{Max: 5 * time.Millisecond, Period: time.Millisecond})
			l.SetJitter(Back, Jitter{Max: 5 * time.Millisecond, Period: time.Millisecond})
		}, delay + 5*time.Millisecond},
		{"spikes", func(l *Line) {
			l.SetJitter(Forth, Jitter{Spike: 20 * time.Millisecond, SpikeProbability: 0.5})
			l.SetJitter(Back, Jitter{Spike: 20 * time.Millisecond, SpikeProbability: 0.5})
		}, delay + 20*time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, a, b := start(t, delay)
			tt.set(l)
			const packets = 100
			for n := range packets {
				send(t, a, n)
				send(t, b, n)
			}
			for _, end := range []*os.File{b, a} {
				least := time.Hour
				for want := range packets {
					n, took := receive(t, end)
					if n != want {
						t.Fatalf("packet %d came where %d was next", n, want)
					}
					if took < delay-ahead {
						t.Errorf("packet %d took %v, less than %v", n, took, delay)
					}
					least = min(least, took)
				}
				// The quickest of a hundred must be about on time even on a
				// machine that is busy with other things.
				if limit := tt.atMost + 200*time.Millisecond; least > limit {
					t.Errorf("the quickest packet took %v, want at most %v", least, limit)
				}
			}
			s := statsOf(l, 2*packets)
			if s.Passed != 2*packets || s.Dropped != 0 || s.Eaten != 0 {
				t.Errorf("stats %+v, want %d packets passed", s, 2*packets)
			}
		})
	}
}

func TestDelayChanges(t *testing.T) {
	l, a, b := start(t, 40*time.Millisecond)
	send(t, a, 0)
	l.SetDelay(Forth, 0) // on the way already: nothing overtakes it
	send(t, a, 1)
	for want := range 2 {
		if n, _ := receive(t, b); n != want {
			t.Errorf("packet %d came where %d was next", n, want)
		}
	}
	l.SetDelay(Back, 60*time.Millisecond)
	send(t, b, 2)
	if n, took := receive(t, a); n != 2 || took < 60*time.Millisecond-ahead {
		t.Errorf("packet %d took %v back, want packet 2 after 60 ms", n, took)
	}
}

func TestFilter(t *testing.T) {
	l, a, b := start(t, 0)
	l.SetFilter(func(p []byte) bool { return p[3]%2 == 1 })
	for n := range 4 {
		send(t, a, n)
	}
	for _, want := range []int{0, 2} {
		if n, _ := receive(t, b); n != want {
			t.Errorf("packet %d, want %d: odd ones are eaten", n, want)
		}
	}
	l.SetFilter(nil)
	send(t, a, 5)
	if n, _ := receive(t, b); n != 5 {
		t.Errorf("packet %d, want 5 without a filter", n)
	}
	if s := l.Stats(); s.Eaten != 2 {
		t.Errorf("stats %+v, want 2 eaten", s)
	}
}

// TestBound: a line that is full drops what comes, and keeps what it has.
func TestBound(t *testing.T) {
	l, a, b := start(t, 300*time.Millisecond)
	const packets = slots + 200
	for n := range packets {
		for {
			_, err := a.Write(packet(n))
			if err == nil {
				break
			}
			if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
		}
	}
	for want := range slots {
		if n, _ := receive(t, b); n != want {
			t.Fatalf("packet %d came where %d was next", n, want)
		}
	}
	if s := statsOf(l, packets); s.Passed+s.Dropped != packets || s.Dropped > 200 {
		t.Errorf("stats %+v, want %d packets, at most 200 of them dropped", s, packets)
	}
}

// TestBrokenDevice: a device that goes away ends the line, and Stop says so.
func TestBrokenDevice(t *testing.T) {
	a, insideA := device(t)
	_, insideB := device(t)
	l, err := Start(insideA, insideB, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	l.done <- <-l.done // it has ended by itself
	if err := l.Stop(); !errors.Is(err, io.EOF) {
		t.Errorf("stopping a broken line: %v, want what broke it", err)
	}
}
