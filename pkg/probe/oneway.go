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
	// reviewEvery is how often it is seen who is to be asked, reviewSoon while
	// nobody answers echoes.
	reviewEvery = 2 * time.Second
	reviewSoon  = 500 * time.Millisecond
	// retryAfter is how long a host that gives no sensible answer is left alone.
	retryAfter = 5 * time.Minute
	// firstTries without any answer are enough to give a host up, tellsNoMore
	// after its newest one too long.
	firstTries  = 4
	tellsNoMore = 5 * time.Second
	lastTry     = 2 * time.Second // how long the last answer of a trial is waited for
	// sendFailures in a row make a socket worth replacing.
	sendFailures = 10
	flyingAsks   = 64 // requests that may be answered yet; a power of two
)

// timestampSocket sends and receives ICMP messages, without IP headers.
type timestampSocket interface {
	send(message []byte, to netip.Addr) error
	// receive waits for a message for so long. It returns
	// os.ErrDeadlineExceeded when there is none.
	receive(b []byte, wait time.Duration) (n int, from netip.Addr, err error)
	// Close ends a receive under way.
	Close() error
}

// askClocks asks those ICMP targets that answer timestamp requests for their
// clock, until ctx ends. It is a companion of the echoes: nothing depends on it,
// and it gives up quietly where it may not send.
func (g *Group) askClocks(ctx context.Context) {
	if g.cfg.NoOneWay || g.timestamps == nil || len(g.of(ICMP)) == 0 || g.source.IsValid() && !g.source.Is4() {
		return
	}
	if g.access != hostnet.RawSockets {
		g.log.Debug("delays are not told apart by direction: that needs CAP_NET_RAW")
		return
	}
	a := newAsker(g.of(ICMP), g.clock, g.log)
	var retry backoff.Backoff
	told := false
	for ctx.Err() == nil {
		sock, err := g.timestamps(ctx)
		if err == nil {
			answers := a.answers
			err = a.work(ctx, sock)
			if a.answers > answers {
				retry.Reset()
			}
		}
		if ctx.Err() == nil && !told {
			told = true
			g.log.Debug("asking for timestamps", "error", plain(err))
		}
		if !pause(ctx, retry.Fail(g.clock.now())) {
			return
		}
	}
}

// asker asks hosts for their clocks. One goroutine does it all.
type asker struct {
	clock clock
	log   *slog.Logger
	id    uint16

	hosts   []asked
	turn    int // of hosts
	seq     uint16
	flying  [flyingAsks]ask
	answers uint64
	buf     [timestampLen]byte
}

// ask is a request under way.
type ask struct {
	open  bool
	seq   uint16
	nonce uint32
	host  int
	sent  time.Duration
}

// stage is how far a host has come.
type stage uint8

const (
	resting stage = iota // not asked, for now
	trying               // asked, to see whether it makes sense
	telling              // its clock is known
)

// asked is one host.
type asked struct {
	t     *target
	addr  netip.Addr // that was asked last
	stage stage
	away  bool          // it did not answer echoes when last seen
	until time.Duration // resting
	heard time.Duration // newest answer, or when asking began

	asks, answered int // since it is on trial
	lastAsk        time.Duration
	trial          trial
	clock          farClock
	known          bool // clock is
}

func newAsker(targets []*target, c clock, log *slog.Logger) *asker {
	a := &asker{clock: c, log: log, id: uint16(rand.Uint32()), hosts: make([]asked, len(targets))}
	for i, t := range targets {
		a.hosts[i] = asked{t: t, away: true}
	}
	return a
}

// work asks over sock until ctx ends or the socket is of no use any more, which
// is the error.
func (a *asker) work(ctx context.Context, sock timestampSocket) error {
	stop := context.AfterFunc(ctx, func() { _ = sock.Close() })
	defer func() {
		if stop() {
			_ = sock.Close()
		}
	}()
	review, next := a.clock.now(), a.clock.now()
	failures := 0
	buf := make([]byte, 128)
	for {
		now := a.clock.now()
		if now >= review {
			review = now + a.review(now)
		}
		wake := review
		if host := a.pick(); host >= 0 {
			if now >= next {
				next = rtt.NextClockRequest(now, rand.Float64())
				if err := a.ask(sock, host); err == nil {
					failures = 0
				} else if failures++; failures >= sendFailures {
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

// review reviews every host and returns when to do so again.
func (a *asker) review(now time.Duration) time.Duration {
	again := reviewSoon
	for i := range a.hosts {
		a.reviewHost(&a.hosts[i], now)
		if !a.hosts[i].away {
			again = reviewEvery
		}
	}
	return again
}

// reviewHost moves h to the stage that its answers, and those to its echoes, call
// for.
func (a *asker) reviewHost(h *asked, now time.Duration) {
	n := h.t.tally()
	alive := heard{n.replies, n.lastReplyAt}.within(now, max(maxSilence, 3*h.t.every))
	if addr := n.addr.Unmap(); addr != h.addr {
		h.addr, h.stage, h.known, h.until = addr, resting, false, 0
	}
	if !alive || !h.addr.Is4() {
		// Nobody is asked for more than echoes who does not answer those.
		h.away, h.stage = true, resting
		return
	}
	back := h.away
	h.away = false
	switch {
	case h.stage == resting && back && h.known:
		h.stage, h.heard = telling, now
	case h.stage == resting && (back || now >= h.until):
		h.stage, h.trial, h.asks, h.answered, h.heard = trying, trial{}, 0, 0, now
	case h.stage == trying && !h.wanted() && now-h.lastAsk > lastTry:
		a.log.Debug("host does not tell its clock", "host", h.t.name, "answers", h.answered)
		h.rest(now)
	case h.stage == telling && now-h.heard > tellsNoMore:
		a.log.Debug("host tells its clock no more", "host", h.t.name)
		h.rest(now)
	}
}

func (h *asked) rest(now time.Duration) {
	h.stage, h.known, h.until = resting, false, now+retryAfter
}

// wanted reports whether h is to be asked in its turn.
func (h *asked) wanted() bool {
	switch h.stage {
	case telling:
		return true
	case trying:
		return h.asks < mostAnswers && (h.asks < firstTries || h.answered > 0)
	case resting:
	}
	return false
}

// pick returns the host whose turn it is, -1 if nobody is to be asked.
func (a *asker) pick() int {
	for i := range a.hosts {
		if host := (a.turn + i) % len(a.hosts); a.hosts[host].wanted() {
			return host
		}
	}
	return -1
}

// ask sends a request. What it gives for the time of sending is a random number:
// when it was sent is known here, and nobody who did not see it can answer it.
func (a *asker) ask(sock timestampSocket, host int) error {
	h := &a.hosts[host]
	a.turn = host + 1
	a.seq++
	s := stamp{id: a.id, seq: a.seq, originate: rand.Uint32N(dayMS)}
	message := s.appendRequest(a.buf[:0])
	now := a.clock.now()
	if err := sock.send(message, h.addr); err != nil {
		return err
	}
	h.asks++
	h.lastAsk = now
	a.flying[a.seq%flyingAsks] = ask{open: true, seq: a.seq, nonce: s.originate, host: host, sent: now}
	return nil
}

// reply takes in a message that arrived just now.
func (a *asker) reply(message []byte, from netip.Addr) {
	now := a.clock.now()
	s, ok := parseReply(message)
	f := &a.flying[s.seq%flyingAsks]
	if !ok || s.id != a.id || !f.open || f.seq != s.seq || f.nonce != s.originate {
		return
	}
	h := &a.hosts[f.host]
	if from != h.addr {
		return
	}
	f.open = false
	a.answers++
	got := answer{sent: f.sent, arrived: now, receive: s.receive, transmit: s.transmit}
	switch h.stage {
	case trying:
		h.answered++
		h.trial.add(got)
		if h.clock, h.known = h.trial.verdict(); h.known {
			a.log.Debug("host tells its clock", "host", h.t.name, "swapped", h.clock.swapped, "standard", h.clock.period == dayMS)
			h.stage, h.heard = telling, now
		}
	case telling:
		if up, down, ok := h.clock.delays(got); ok {
			h.heard = now
			h.t.told(now, up, down)
		}
	case resting:
	}
}

// told hands over what a timestamp says about each direction.
func (t *target) told(at, up, down time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.emit(rtt.Event{At: at, Up: up, Down: down, Kind: rtt.OneWay})
}
