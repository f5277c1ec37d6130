package probe

import (
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// lateFor is how long after its timeout a reply is still recognised and reverts the
// loss.
const lateFor = 10 * time.Second

type slotState uint8

const (
	pending slotState = iota + 1
	lost
	answered
)

// slot is the record of one probe.
type slot struct {
	at    time.Duration // when it was sent
	state slotState
}

// target is one measured address. It numbers probes, matches replies and counts. Its
// methods may be called by any goroutine; none of them blocks or allocates.
type target struct {
	// configuration
	name                    string
	host                    string
	port                    uint16 // TCP only
	method                  Method // ICMP or TCP
	index                   uint8
	interval, spareInterval time.Duration // between two probes; as a spare
	slow                    *atomic.Bool  // of the group
	slowInterval            time.Duration // while it is
	timeout                 time.Duration
	gateway                 bool // emits no events: its delay is not that of the WAN

	// dependencies
	clock clock
	queue *queue

	// state
	schedule      rtt.Schedule  // in use; set at the start of the run
	spareSchedule rtt.Schedule  // as a spare
	slowSchedule  rtt.Schedule  // while probes are slow
	role          atomic.Uint32 // rtt.Role
	roleChanged   chan struct{} // holds one signal
	selector      *selector     // nil: t is always in use

	mu     sync.Mutex // protects the following fields
	ring   []slot     // by sequence number; a power of two long
	next   uint32     // number of the next probe
	oldest uint32     // every probe before this one is answered or lost
	stats  targetStats
}

// targetStats is a snapshot of a target's counters.
type targetStats struct {
	sent, replies, lost, late uint64
	used                      replies // those received while in use

	addr        netip.Addr
	resolvedAt  time.Duration
	lastRTT     time.Duration
	lastSentAt  time.Duration // never before the first
	lastReplyAt time.Duration
	failedSince time.Duration // of the first of the failures in a row; 0: none
	err         error         // why nothing can be sent, nil when it can
}

func newTarget(name string, method Method, c *Config, clk clock, q *queue) *target {
	slots := uint(1+(c.Timeout+lateFor)/c.Interval) + 2
	slots = min(max(slots, 64), 8192)
	t := &target{
		name: name, method: method, timeout: c.Timeout, clock: clk, queue: q,
		ring:        make([]slot, 1<<bits.Len(slots-1)),
		stats:       targetStats{lastSentAt: never},
		roleChanged: make(chan struct{}, 1), slow: new(atomic.Bool),
	}
	t.role.Store(uint32(rtt.InUse))
	return t
}

func (t *target) slot(seq uint32) *slot { return &t.ring[seq&uint32(len(t.ring)-1)] }

// begin records a probe that leaves now and returns its number.
func (t *target) begin() (seq uint32) {
	now := t.clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireAt(now)
	seq = t.next
	t.next++
	if s := t.slot(seq); s.state == pending { // expire has not run for a whole ring
		t.markLost(seq-uint32(len(t.ring)), s, now)
	}
	*t.slot(seq) = slot{at: now, state: pending}
	t.stats.sent++
	t.stats.lastSentAt = now
	t.stats.err, t.stats.failedSince = nil, 0
	kind := rtt.Sent
	if !t.inUse() {
		kind = rtt.Spare
	}
	t.emit(rtt.Event{At: now, Seq: seq, Kind: kind})
	return seq
}

// reply records the answer to probe seq, now, and reports whether it was expected.
func (t *target) reply(seq uint32) bool {
	now := t.clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := t.next - seq; age == 0 || age > uint32(len(t.ring)) {
		return false // forgotten, or never sent
	}
	s := t.slot(seq)
	switch s.state {
	case pending:
	case lost:
		t.stats.lost--
		t.stats.late++
	default:
		return false
	}
	s.state = answered
	t.stats.replies++
	t.stats.lastRTT, t.stats.lastReplyAt = now-s.at, now
	if t.inUse() {
		t.stats.used.count++
		t.stats.used.at = now
	}
	t.emit(rtt.Event{At: now, RTT: now - s.at, Seq: seq, Kind: rtt.Reply})
	return true
}

// abandon counts probe seq as lost before its timeout, since no answer can come.
func (t *target) abandon(seq uint32, err error) {
	now := t.clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.err = err
	if age := t.next - seq; age == 0 || age > uint32(len(t.ring)) {
		return
	}
	if s := t.slot(seq); s.state == pending {
		t.markLost(seq, s, now)
	}
}

// expire counts probes that exceeded the timeout as lost. begin does so too; expire
// serves targets without new probes.
func (t *target) expire() {
	now := t.clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireAt(now)
}

func (t *target) expireAt(now time.Duration) {
	t.oldest = max(t.oldest, t.next-min(t.next, uint32(len(t.ring))))
	for ; t.oldest != t.next; t.oldest++ {
		s := t.slot(t.oldest)
		if s.state != pending {
			continue
		}
		if now-s.at < t.timeout {
			return
		}
		t.markLost(t.oldest, s, now)
	}
}

func (t *target) markLost(seq uint32, s *slot, now time.Duration) {
	s.state = lost
	t.stats.lost++
	t.emit(rtt.Event{At: now, Seq: seq, Kind: rtt.Lost})
}

func (t *target) emit(e rtt.Event) {
	if !t.gateway {
		e.Reflector = t.index
		if t.selector != nil {
			t.selector.observe(e)
		}
		t.queue.put(e)
	}
}

// cannotSend records why a probe could not be sent and returns how long that has
// lasted.
func (t *target) cannotSend(err error) time.Duration {
	now := t.clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.err = err
	if t.stats.failedSince == 0 {
		t.stats.failedSince = now
	}
	return now - t.stats.failedSince
}

// resolved records the address of t.
func (t *target) resolved(addr netip.Addr) {
	now := t.clock.now()
	t.mu.Lock()
	t.stats.addr, t.stats.resolvedAt = addr, now
	t.mu.Unlock()
	if t.selector != nil {
		t.selector.resolved(int(t.index), addr)
	}
}

// progress returns the number of the next probe and the time of the last one.
func (t *target) progress() (next uint32, last time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, t.stats.lastSentAt
}

func (t *target) snapshot() targetStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// clock returns monotonic event times, independent of the wall clock.
type clock struct {
	base   time.Time     // with a monotonic reading
	offset time.Duration // of base after the epoch
}

func newClock(epoch time.Time) clock {
	now := time.Now()
	return clock{base: now, offset: now.Sub(epoch)}
}

func (c clock) now() time.Duration { return c.offset + time.Since(c.base) }
