package fluid

import "time"

const (
	bbrRounds    = 10 // the bandwidth filter, in round trips
	bbrStartup   = 2.885
	bbrDrain     = 0.35
	bbrWindow    = 2.0 // of the product of bandwidth and delay
	bbrMinRTTFor = 10 * time.Second
	bbrProbeRTT  = 200 * time.Millisecond
)

// bbrCycle is the pacing gain over the round trips of probing for bandwidth.
var bbrCycle = [8]float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}

// bbr is the part of a Sender that behaves like BBR's first version: it paces
// at the highest delivery rate of the last round trips, asks for a quarter more
// now and then, and pauses every ten seconds to see the RTT without its own
// queue. Loss does not matter to it.
type bbr struct {
	rates   [bbrRounds]float64 // bytes a second, of each round trip
	round   int
	began   time.Duration // of the round
	got     float64       // bytes acknowledged in it
	best    float64       // of rates
	full    float64       // bandwidth at which start-up last grew
	stalls  int           // rounds in which it did not
	phase   bbrPhase
	minRTT  float64 // seconds
	minAt   time.Duration
	probing time.Duration // end of the pause for the RTT, 0 for none
}

type bbrPhase uint8

const (
	bbrStarting bbrPhase = iota
	bbrDraining
	bbrCruising
)

func (b *bbr) start(now time.Duration, rtt float64) {
	*b = bbr{minRTT: rtt, minAt: now, best: firstWindow / rtt, round: 1}
	b.rates[0] = b.best
}

func (b *bbr) gain() float64 {
	switch b.phase {
	case bbrStarting:
		return bbrStartup
	case bbrDraining:
		return bbrDrain
	case bbrCruising:
	}
	return bbrCycle[b.round%len(bbrCycle)]
}

// want is what the pacing earns in dt, and the room in the window.
func (b *bbr) want(s *Sender, dt float64) (paced, room float64) {
	window := bbrWindow * b.best * b.minRTT
	if b.phase == bbrStarting {
		window *= bbrStartup / bbrWindow
	}
	window = max(window, 4*mss)
	if b.probing > 0 {
		window = 4 * mss
	}
	s.window = window
	return b.gain() * b.best * dt, window - s.inflight
}

func (b *bbr) acked(s *Sender, now time.Duration, bytes float64) {
	if b.began == 0 { // the first round begins with the first answer
		b.began = now
		return
	}
	b.got += bytes
	b.look(s, now)
	length := float64(now-b.began) * 1e-9
	if length < s.rtt {
		return
	}
	// A round is over.
	if b.probing == 0 {
		b.rates[b.round%bbrRounds] = b.got / length
		b.best = 0
		for _, r := range b.rates {
			b.best = max(b.best, r)
		}
	}
	b.round++
	b.began, b.got = now, 0
	switch b.phase {
	case bbrStarting:
		if b.best > 1.25*b.full {
			b.full, b.stalls = b.best, 0
		} else if b.stalls++; b.stalls == 3 {
			b.phase = bbrDraining
		}
	case bbrDraining:
		if s.inflight <= b.best*b.minRTT {
			b.phase = bbrCruising
		}
	case bbrCruising:
	}
}

// look keeps the lowest RTT, and pauses for it when it has become old.
func (b *bbr) look(s *Sender, now time.Duration) {
	switch {
	case b.probing > 0:
		b.minRTT = min(b.minRTT, s.rtt)
		if now >= b.probing {
			b.probing, b.minAt = 0, now
			b.began, b.got = now, 0
		}
	case s.rtt <= b.minRTT:
		b.minRTT, b.minAt = s.rtt, now
	case now-b.minAt > bbrMinRTTFor && b.phase == bbrCruising:
		b.probing = now + bbrProbeRTT
		b.minRTT = s.rtt
	}
}
