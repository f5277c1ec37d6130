package linksim

import (
	"math"
	"time"
)

const (
	mss        = 1448.0
	cubicC     = 0.4
	cubicBeta  = 0.7
	minWindow  = 2 * mss
	slowBurst  = 4 // a step may send this many times the paced share
	firstWndow = 10 * mss
)

func sqrt(x float64) float64 { return math.Sqrt(x) }

// flow is one TCP-like bulk transfer with CUBIC's window (RFC 9438) in fluid
// approximation: bytes instead of segments, one reaction to loss per RTT.
type flow struct {
	dir      int
	active   bool
	window   float64 // bytes
	thresh   float64
	inflight float64
	wmax     float64
	epoch    time.Duration
	reacted  time.Duration
	rtt      time.Duration // smoothed
}

func (f *flow) start(now, rtt time.Duration) {
	*f = flow{dir: f.dir, active: true, window: firstWndow, thresh: math.Inf(1), rtt: rtt, inflight: f.inflight, epoch: now}
}

// want returns the bytes to send in a step of dt.
func (f *flow) want(dt time.Duration) float64 {
	if !f.active {
		return 0
	}
	room := f.window - f.inflight
	if room <= 0 {
		return 0
	}
	paced := f.window * float64(dt) / float64(f.rtt)
	return min(room, slowBurst*paced)
}

func (f *flow) acked(now time.Duration, bytes float64) {
	f.inflight = max(0, f.inflight-bytes)
	if !f.active {
		return
	}
	if f.window < f.thresh {
		f.window += bytes
		return
	}
	t := (now - f.epoch + f.rtt).Seconds()
	k := math.Cbrt(f.wmax / mss * (1 - cubicBeta) / cubicC)
	target := (cubicC*(t-k)*(t-k)*(t-k) + f.wmax/mss) * mss
	reno := f.wmax*cubicBeta + 3*(1-cubicBeta)/(1+cubicBeta)*(now-f.epoch).Seconds()/f.rtt.Seconds()*mss
	target = max(target, reno)
	if target > f.window {
		f.window += min(target-f.window, f.window/2) * bytes / f.window
	}
}

func (f *flow) lost(now time.Duration, bytes float64) {
	f.inflight = max(0, f.inflight-bytes)
	if now-f.reacted < f.rtt {
		return
	}
	f.reacted, f.epoch = now, now
	f.wmax = f.window
	f.window = max(minWindow, f.window*cubicBeta)
	f.thresh = f.window
}
