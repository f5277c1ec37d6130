package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// clocks answers timestamp requests in the fake time of synctest.
type clocks struct {
	net *fakeNet

	mu      sync.Mutex
	up      map[string]time.Duration // how long requests take; replies take 10 ms
	answer  map[string]func(asked uint32, at time.Duration) (reported uint32, ok bool)
	asks    map[string][]time.Duration
	opened  int
	openErr error
	sendErr error
}

func newClocks(n *fakeNet) *clocks {
	return &clocks{
		net: n, up: map[string]time.Duration{}, asks: map[string][]time.Duration{},
		answer: map[string]func(uint32, time.Duration) (uint32, bool){},
	}
}

// proper is how a host with a clock answers.
func proper(ahead time.Duration) func(uint32, time.Duration) (uint32, bool) {
	return func(_ uint32, at time.Duration) (uint32, bool) { return sinceMidnight(ahead)(at), true }
}

func (c *clocks) change(edit func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit()
}

func (c *clocks) asked(addr string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asks[addr])
}

func (c *clocks) open(context.Context, uint16) (timestampSocket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	if c.openErr != nil {
		return nil, c.openErr
	}
	return &fakeSocket{c, make(chan fakeMessage, 100), make(chan struct{})}, nil
}

type fakeMessage struct {
	from netip.Addr
	b    []byte
}

type fakeSocket struct {
	clocks *clocks
	in     chan fakeMessage
	closed chan struct{}
}

func (s *fakeSocket) send(message []byte, to netip.Addr) error {
	c := s.clocks
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sendErr != nil {
		return c.sendErr
	}
	name := to.String()
	c.asks[name] = append(c.asks[name], time.Since(c.net.start))
	answer := c.answer[name]
	if answer == nil {
		return nil
	}
	reply := append([]byte(nil), message...)
	time.AfterFunc(20*time.Millisecond+c.up[name]-10*time.Millisecond, func() {
		reported, ok := answer(binary.BigEndian.Uint32(reply[8:]), time.Since(c.net.start))
		if !ok {
			return
		}
		reply[0], reply[2], reply[3] = timestampReply, 0, 0
		binary.BigEndian.PutUint32(reply[12:], reported)
		binary.BigEndian.PutUint32(reply[16:], reported)
		binary.BigEndian.PutUint16(reply[2:], checksum(reply))
		time.AfterFunc(10*time.Millisecond, func() { s.in <- fakeMessage{to, reply} })
	})
	return nil
}

func (s *fakeSocket) receive(b []byte, wait time.Duration) (int, netip.Addr, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case m := <-s.in:
		return copy(b, m.b), m.from, nil
	case <-timer.C:
		return 0, netip.Addr{}, os.ErrDeadlineExceeded
	case <-s.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (s *fakeSocket) Close() error {
	close(s.closed)
	return nil
}

func reported(events []rtt.Event, reflector uint8, from, to time.Duration) (found []rtt.Event) {
	for _, e := range events {
		if e.Kind == rtt.OneWay && e.Reflector == reflector && e.At >= from && e.At < to {
			found = append(found, e)
		}
	}
	return found
}

func TestTimestampsAreRequested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, two, three, "2001:db8::1")
		c := newClocks(n)
		c.answer[one], c.answer[two] = proper(5*time.Hour), proper(23*time.Hour+59*time.Minute+50*time.Second)
		g := n.group(t, Config{Targets: []string{one, two, three, "2001:db8::1"}, Method: ICMP, Epoch: time.Now()})
		g.timestamps = c.open
		stop := run(t, g)
		sleep(30 * time.Second)
		c.change(func() { c.up[one] = 50 * time.Millisecond })
		sleep(4 * time.Minute)
		events := stop()

		for i := range uint8(2) {
			if got := len(reported(events, i, 10*time.Second, 30*time.Second)); got < 90 || got > 110 {
				t.Errorf("target %d reported %d times in 20 s, want 5 a second", i, got)
			}
			for _, e := range reported(events, i, 0, time.Hour) {
				want := 10 * time.Millisecond
				if i == 0 && e.At > 30200*time.Millisecond {
					want += 50 * time.Millisecond
				}
				if i == 0 && e.At > 30*time.Second && e.At <= 30200*time.Millisecond {
					continue
				}
				if (e.Up-want).Abs() > time.Millisecond || (e.Down-10*time.Millisecond).Abs() > time.Millisecond {
					t.Fatalf("target %d: up %v, down %v, want %v and 10ms", i, e.Up, e.Down, want)
				}
			}
		}
		if first := reported(events, 0, 0, time.Hour)[0].At; first > 4*time.Second {
			t.Errorf("reported for the first time after %v", first)
		}
		if got := len(reported(events, 2, 0, time.Hour)) + len(reported(events, 3, 0, time.Hour)); got != 0 {
			t.Errorf("%d times reported by hosts without a clock", got)
		}
		if got := c.asked(three); got != maxUnanswered {
			t.Errorf("a host that does not answer was asked %d times, want %d", got, maxUnanswered)
		}
		if got := c.asked("2001:db8::1"); got != 0 {
			t.Errorf("an IPv6 host was asked %d times", got)
		}
	})
}

// A host with unusable timestamps gets no requests after a few answers, and tried again later.
func TestInvalidClocks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(asked uint32, at time.Duration) (uint32, bool)
	}{
		{"what was asked", func(asked uint32, _ time.Duration) (uint32, bool) { return asked, true }},
		{"zero", func(uint32, time.Duration) (uint32, bool) { return 0, true }},
		{"seconds", func(_ uint32, at time.Duration) (uint32, bool) { return uint32(at / time.Second), true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNet(one)
				c := newClocks(n)
				c.answer[one] = tt.answer
				g := n.group(t, Config{Targets: []string{one}, Method: ICMP, Epoch: time.Now()})
				g.timestamps = c.open
				stop := run(t, g)
				sleep(4 * time.Minute)
				if got := c.asked(one); got != maxAnswers {
					t.Errorf("asked %d times, want %d", got, maxAnswers)
				}
				c.change(func() { c.answer[one] = proper(time.Hour) })
				sleep(90 * time.Second)
				events := stop()
				if got := reported(events, 0, 0, 5*time.Minute); len(got) > 0 {
					t.Errorf("believed: %+v", got[0])
				}
				if len(reported(events, 0, 5*time.Minute, time.Hour)) == 0 {
					t.Error("not tried again")
				}
			})
		})
	}
}

func TestTimestampsWithoutReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		c := newClocks(n)
		c.answer[one] = proper(time.Hour)
		g := n.group(t, Config{Targets: []string{one}, Method: ICMP, Epoch: time.Now()})
		g.timestamps = c.open
		stop := run(t, g)
		sleep(20 * time.Second)
		gone := func(is bool) {
			n.change(one, func(h *fakeHost) { h.silent = is })
			c.change(func() {
				if c.answer[one] = nil; !is {
					c.answer[one] = proper(time.Hour)
				}
			})
		}
		gone(true)
		sleep(5 * time.Second)
		before := c.asked(one)
		sleep(time.Minute)
		if got := c.asked(one); got != before {
			t.Errorf("a host that is away was asked %d times", got-before)
		}
		gone(false)
		sleep(5 * time.Second)

		// Only its clock is gone: it is left alone until the next attempt.
		c.change(func() { c.answer[one] = nil })
		sleep(10 * time.Second)
		before = c.asked(one)
		sleep(4 * time.Minute)
		if got := c.asked(one); got != before {
			t.Errorf("a host without a clock was asked %d times", got-before)
		}
		events := stop()
		back := reported(events, 0, 85*time.Second, 95*time.Second)
		if len(back) < 20 {
			t.Fatalf("reported %d times after coming back", len(back))
		}
		if e := back[0]; (e.Up - 10*time.Millisecond).Abs() > time.Millisecond {
			t.Errorf("after coming back up is %v: the clock was read from the start again", e.Up)
		}
	})
}

func TestTimestampsNeedPermission(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(g *Group, c *clocks)
		opened int
	}{
		{"ping sockets", func(g *Group, _ *clocks) { g.access = hostnet.PingSockets }, 0},
		{"switched off", func(g *Group, _ *clocks) { g.cfg.NoOneWay = true }, 0},
		{"IPv6 source", func(g *Group, _ *clocks) { g.binding.Source = netip.MustParseAddr("2001:db8::2") }, 0},
		{"refused", func(_ *Group, c *clocks) { c.openErr = syscall.EPERM }, 9},        // 0, .25, .75, 1.75, 3.75, 7.75, 15.75, 25.75, 35.75 s
		{"cannot send", func(_ *Group, c *clocks) { c.sendErr = errors.New("no") }, 8}, // each for a second more
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNet(one)
				c := newClocks(n)
				c.answer[one] = proper(time.Hour)
				g := n.group(t, Config{Targets: []string{one}, Method: ICMP, Epoch: time.Now()})
				g.timestamps = c.open
				tt.edit(g, c)
				stop := run(t, g)
				sleep(40 * time.Second)
				if s := g.Status(); tt.name != "IPv6 source" && !s.Targets[0].Alive {
					t.Errorf("echoes suffer: %+v", s.Targets[0])
				}
				if got := reported(stop(), 0, 0, time.Hour); len(got) != 0 {
					t.Errorf("reported %d times", len(got))
				}
				if c.opened != tt.opened {
					t.Errorf("%d sockets opened, want %d", c.opened, tt.opened)
				}
			})
		})
	}
}

// Replies that were not requested are discarded.
func TestForgedTimestamps(t *testing.T) {
	a := newClockPoller([]*target{newTarget(one, ICMP, &Config{Interval: DefaultInterval, Timeout: time.Second}, newClock(time.Now()), newQueue(8))},
		newClock(time.Now()), nil)
	h := &a.peers[0]
	h.addr, h.state, h.clock = netip.MustParseAddr(one), clockKnown, remoteClock{timestampFormat: timestampFormat{period: dayMS}}
	c := newClocks(newFakeNet())
	sock := &fakeSocket{clocks: c}
	for _, tt := range []struct {
		name string
		edit func(s *stamp, from *netip.Addr)
		want uint64
	}{
		{"the answer", func(*stamp, *netip.Addr) {}, 1},
		{"another number", func(s *stamp, _ *netip.Addr) { s.seq++ }, 0},
		{"another process", func(s *stamp, _ *netip.Addr) { s.id++ }, 0},
		{"a guess", func(s *stamp, _ *netip.Addr) { s.originate ^= 1 }, 0},
		{"somebody else", func(_ *stamp, from *netip.Addr) { *from = netip.MustParseAddr(two) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.answers = 0
			if err := a.request(sock, 0); err != nil {
				t.Fatal(err)
			}
			s := stamp{id: a.id, seq: a.seq, originate: a.pending[a.seq%maxPending].nonce}
			from := h.addr
			tt.edit(&s, &from)
			message := s.appendRequest(nil)
			message[0], message[2], message[3] = timestampReply, 0, 0
			binary.BigEndian.PutUint16(message[2:], checksum(message))
			a.reply(message, from)
			a.reply(message, from) // again
			if a.answers != tt.want {
				t.Errorf("%d answers taken, want %d", a.answers, tt.want)
			}
		})
	}
}
