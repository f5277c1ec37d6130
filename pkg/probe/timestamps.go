package probe

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// updateInterval is the time between two updates of the peers, updateSoon while
	// no host answers echoes.
	updateInterval = 2 * time.Second
	updateSoon     = 500 * time.Millisecond
	// detectRetry is the pause after a host gave no usable answer.
	detectRetry = 5 * time.Minute
	// maxUnanswered requests without any answer end detection, and maxClockSilence
	// without one ends the use of a clock.
	maxUnanswered   = 4
	maxClockSilence = 5 * time.Second
	minUnanswered   = 10              // requests are rare while probes are slow
	replyWait       = 2 * time.Second // for the last answer of a detection
	// maxSendFailures in a row replace the socket.
	maxSendFailures = 10
	maxPending      = 64 // unanswered requests; a power of two
)

// timestampSocket sends and receives ICMP messages, without IP headers.
type timestampSocket interface {
	send(message []byte, to netip.Addr) error
	// receive waits for a message, for wait at most. It returns
	// os.ErrDeadlineExceeded when there is none.
	receive(b []byte, wait time.Duration) (n int, from netip.Addr, err error)
	// Close ends a receive under way.
	Close() error
}

// pollClocks sends timestamp requests to the ICMP targets that answer them, until
// ctx ends. Echoes do not depend on it: without permission it returns at once.
func (g *Group) pollClocks(ctx context.Context) {
	if g.cfg.NoOneWay || g.timestamps == nil || len(g.targetsBy(ICMP)) == 0 || g.binding.Source.IsValid() && !g.binding.Source.Is4() {
		return
	}
	if g.access != hostnet.RawSockets {
		g.log.Debug("one-way delays are not measured: that needs CAP_NET_RAW")
		return
	}
	a := newClockPoller(g.targetsBy(ICMP), g.clock, g.log)
	var retry backoff.Backoff
	logged := false
	for ctx.Err() == nil {
		sock, err := g.timestamps(ctx, a.id)
		if err == nil {
			answers := a.answers
			err = a.run(ctx, sock)
			if a.answers > answers {
				retry.Reset()
			}
		}
		if ctx.Err() == nil && !logged {
			logged = true
			g.log.Debug("requesting timestamps", "error", plain(err))
		}
		if !pause(ctx, retry.Fail(g.clock.now())) {
			return
		}
	}
}

// clockPoller requests timestamps from hosts. One goroutine owns it.
type clockPoller struct {
	clock clock
	log   *slog.Logger
	id    uint16

	peers   []peer
	turn    int // index of the next peer
	seq     uint16
	pending [maxPending]request
	answers uint64
	buf     [timestampLen]byte
}

// request is a timestamp request that awaits its answer.
type request struct {
	open  bool
	seq   uint16
	nonce uint32
	peer  int
	sent  time.Duration
}

// clockState is what is known about a peer's clock.
type clockState uint8

const (
	clockIdle      clockState = iota // unknown, and no requests for now
	clockDetecting                   // the format is being detected
	clockKnown
)

// peer is one host (RFC 5905's term).
type peer struct {
	t         *target
	addr      netip.Addr // of the newest requests
	state     clockState
	silent    bool          // no recent answer to an echo
	until     time.Duration // end of the pause in clockIdle
	lastReply time.Duration // or when requests began

	requests, answered int // since detection began
	lastRequest        time.Duration
	unanswered         int // requests in a row
	detector           clockDetector
	clock              remoteClock
	known              bool // whether clock is valid
}

func newClockPoller(targets []*target, c clock, log *slog.Logger) *clockPoller {
	a := &clockPoller{clock: c, log: log, id: uint16(rand.Uint32()), peers: make([]peer, len(targets))}
	for i, t := range targets {
		a.peers[i] = peer{t: t, silent: true}
	}
	return a
}

// run sends requests over sock and reads the answers until ctx ends or the socket
// fails.
func (a *clockPoller) run(ctx context.Context, sock timestampSocket) error {
	stop := context.AfterFunc(ctx, func() { _ = sock.Close() })
	defer func() {
		if stop() {
			_ = sock.Close()
		}
	}()
	update, next := a.clock.now(), a.clock.now()
	failures := 0
	buf := make([]byte, 128)
	for {
		now := a.clock.now()
		if now >= update {
			update = now + a.updatePeers(now)
		}
		wake := update
		if i := a.nextPeer(); i >= 0 {
			if now >= next {
				next = rtt.NextClockRequest(now, rand.Float64(), a.slow())
				if err := a.request(sock, i); err == nil {
					failures = 0
				} else if failures++; failures >= maxSendFailures {
					return err
				}
			}
			wake = min(wake, next)
		}
		n, from, err := sock.receive(buf, wake-a.clock.now())
		switch {
		case err == nil:
			a.reply(buf[:n], from)
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
	}
}

// updatePeers updates the state of every peer and returns the time until the next
// update.
func (a *clockPoller) updatePeers(now time.Duration) time.Duration {
	again := updateSoon
	for i := range a.peers {
		a.updatePeer(&a.peers[i], now)
		if !a.peers[i].silent {
			again = updateInterval
		}
	}
	return again
}

// updatePeer updates the state of h from its answers to timestamp requests and to
// echoes.
func (a *clockPoller) updatePeer(h *peer, now time.Duration) {
	n := h.t.snapshot()
	alive := h.t.inUse() && n.used.within(now, max(maxSilence, 3*h.t.currentInterval()))
	if addr := n.addr.Unmap(); addr != h.addr {
		h.addr, h.state, h.known, h.until = addr, clockIdle, false, 0
	}
	if !alive || !h.addr.Is4() {
		// A host that answers no echo, or is not in use, gets no further requests.
		h.silent, h.state = true, clockIdle
		return
	}
	back := h.silent
	h.silent = false
	switch {
	case h.state == clockIdle && back && h.known:
		h.state, h.lastReply = clockKnown, now
	case h.state == clockIdle && (back || now >= h.until):
		h.state, h.detector, h.requests, h.answered, h.lastReply = clockDetecting, clockDetector{}, 0, 0, now
	case h.state == clockDetecting && !h.mayPoll() && now-h.lastRequest > replyWait:
		a.log.Debug("host sends no usable timestamps", "host", h.t.name, "answers", h.answered)
		h.suspend(now)
	case h.state == clockKnown && now-h.lastReply > maxClockSilence && h.unanswered >= minUnanswered:
		a.log.Debug("host stopped answering timestamp requests", "host", h.t.name)
		h.suspend(now)
	}
}

func (h *peer) suspend(now time.Duration) {
	h.state, h.known, h.until = clockIdle, false, now+detectRetry
}

// slow returns the time between two slow probes, 0 while probes are at full rate.
func (a *clockPoller) slow() time.Duration {
	if len(a.peers) == 0 || !a.peers[0].t.slow.Load() {
		return 0
	}
	return a.peers[0].t.slowInterval
}

// mayPoll reports whether h gets requests.
func (h *peer) mayPoll() bool {
	switch h.state {
	case clockKnown:
		return true
	case clockDetecting:
		return h.requests < maxAnswers && (h.requests < maxUnanswered || h.answered > 0)
	case clockIdle:
	}
	return false
}

// nextPeer returns the index of the peer whose turn it is, -1 if none gets requests.
func (a *clockPoller) nextPeer() int {
	for i := range a.peers {
		if next := (a.turn + i) % len(a.peers); a.peers[next].mayPoll() {
			return next
		}
	}
	return -1
}

// request sends a request to peer i. Its originate timestamp is a random number: the
// time is known here, and a host that did not see the request cannot guess it.
func (a *clockPoller) request(sock timestampSocket, i int) error {
	h := &a.peers[i]
	a.turn = i + 1
	a.seq++
	s := stamp{id: a.id, seq: a.seq, originate: rand.Uint32N(dayMS)}
	message := s.appendRequest(a.buf[:0])
	now := a.clock.now()
	if err := sock.send(message, h.addr); err != nil {
		return err
	}
	h.requests++
	h.unanswered++
	h.lastRequest = now
	a.pending[a.seq%maxPending] = request{open: true, seq: a.seq, nonce: s.originate, peer: i, sent: now}
	return nil
}

// reply handles a message that arrived just now.
func (a *clockPoller) reply(message []byte, from netip.Addr) {
	now := a.clock.now()
	s, ok := parseReply(message)
	f := &a.pending[s.seq%maxPending]
	if !ok || s.id != a.id || !f.open || f.seq != s.seq || f.nonce != s.originate {
		return
	}
	h := &a.peers[f.peer]
	if from != h.addr {
		return
	}
	f.open = false
	h.unanswered = 0
	a.answers++
	got := answer{sent: f.sent, arrived: now, receive: s.receive, transmit: s.transmit}
	switch h.state {
	case clockDetecting:
		h.answered++
		h.detector.add(got)
		if h.clock, h.known = h.detector.detect(); h.known {
			a.log.Debug("host sends usable timestamps", "host", h.t.name, "swapped", h.clock.swapped, "standard", h.clock.period == dayMS)
			h.state, h.lastReply = clockKnown, now
		}
	case clockKnown:
		if up, down, ok := h.clock.delays(got); ok {
			h.lastReply = now
			h.t.emitOneWay(now, up, down)
		}
	case clockIdle:
	}
}

// emitOneWay emits the delays of both directions.
func (t *target) emitOneWay(at, up, down time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.emit(rtt.Event{At: at, Up: up, Down: down, Kind: rtt.OneWay})
}
