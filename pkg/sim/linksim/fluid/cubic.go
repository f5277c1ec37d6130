package fluid

import (
	"math"
	"time"
)

const (
	cubicC    = 0.4
	cubicBeta = 0.7
	// renoGain is what a TCP of old would grow by in an RTT, in segments.
	renoGain = 3 * (1 - cubicBeta) / (1 + cubicBeta)

	// Slow start ends when the RTT has grown by an eighth, at least and at most
	// so many seconds: HyStart, RFC 9406.
	hystartLeast = 0.004
	hystartMost  = 0.016
)

// cubic is the part of a Sender that is CUBIC's, RFC 9438.
type cubic struct {
	thresh float64 // bytes, end of slow start
	wmax   float64 // segments, at the last loss
	k      float64 // seconds from the last loss back to wmax
	epoch  time.Duration
	wary   bool // HyStart
}

func (c *cubic) start(now time.Duration, wary bool) {
	*c = cubic{thresh: math.Inf(1), epoch: now, wary: wary}
}

func (c *cubic) acked(s *Sender, now time.Duration, bytes float64) {
	if s.window < c.thresh {
		s.window += bytes
		if c.wary && s.window > 16*mss && s.rtt > s.minRTT+max(hystartLeast, min(s.minRTT/8, hystartMost)) {
			c.thresh, c.epoch, c.wmax = s.window, now, s.window/mss
		}
		return
	}
	since := float64(now-c.epoch) * 1e-9
	t := since + s.rtt - c.k
	target := max(cubicC*t*t*t+c.wmax, c.wmax*cubicBeta+renoGain*since/s.rtt) * mss
	if target > s.window {
		s.window += min(target/s.window-1, 0.5) * bytes
	}
}

func (c *cubic) lost(s *Sender, now time.Duration) {
	c.epoch = now
	c.wmax = s.window / mss
	c.k = math.Cbrt(c.wmax * (1 - cubicBeta) / cubicC)
	s.window = max(minWindow, s.window*cubicBeta)
	c.thresh = s.window
}
