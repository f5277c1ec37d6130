package autorate

import (
	"math"
	"time"
)

// overfull estimates the capacity from what has just filled a queue. Where it goes
// below a capacity that this does not refute, it keeps that one as echoed.
func (d *direction) overfull(s sight, which Direction) (capacity float64) {
	again := d.echoed > 0 && d.rate > 0.95*d.share*d.edge // back at what the last cut was not believed to refute
	d.echoed = 0
	lag := d.history.mean(s.now-s.loop-250*time.Millisecond, s.now-s.loop)
	if lag <= 0 {
		lag = d.applied
	}
	capacity = lag / (1 + max(0, s.slope))
	if d.load < loaded && d.through > 0 {
		// Far below the limit: what flows is all that can be known.
		capacity = d.through
	} else if which == Download && s.slope < 0.1 {
		// The shaper is behind the bottleneck: what feeds the queue is not the
		// limit, and what comes through while it stands is the capacity.
		capacity = lag
		if through, since := d.meter.rate(loadSpan); through > 0 && d.history.lowest(since-s.effect) > 0.9*lag {
			capacity = min(lag, through)
		}
	}
	if d.edge > 0 && d.mode == steady && s.now-d.since < rebound && !again {
		// What follows a drain at once is mostly its echo: the limits of the
		// drain are still in the mean, and the last estimate is the better one.
		if capacity = max(capacity, echo*d.edge); capacity < d.edge && which == Download {
			d.echoed = d.edge
		}
	}
	if through := d.arriving(s, which); through > capacity && which == Download && d.rising() {
		// Senders that double their rate feed a queue with more than the limit
		// lets them acknowledge, and its growth says little.
		d.echoed = min(through, lag)
		capacity = max(capacity, echo*d.echoed)
	} else if through > 0 && through < capacity {
		capacity, d.echoed = through, 0
	}
	if d.load >= loaded {
		capacity = max(capacity, 0.2*lag)
	}
	return capacity
}

// arriving estimates the capacity from the throughput while a queue stands
// behind an empty shaper, 0 where it says nothing. Then the flow is clocked by
// the bottleneck: in the download the throughput is the capacity; in the upload
// it is what the queue is fed with, and the slope says how that compares.
//
// A throughput that our own limit made, now or a moment ago, says nothing.
func (d *direction) arriving(s sight, which Direction) float64 {
	recent, since := d.meter.rate(80 * time.Millisecond)
	if !d.meter.fresh(s.now) || recent <= 0 || !d.meter.idleNow() ||
		recent > 0.95*d.history.lowest(since-s.effect) {
		return 0
	}
	if which == Download {
		return recent
	}
	if s.slope < -0.02 {
		return 0 // already draining: less arrives than the capacity
	}
	return recent / (1 + max(0, s.slope))
}

// falls estimates the capacity of an upload from how fast its queue falls under
// a limit that has been in force for a while, 0 where that says nothing. A sample
// that comes now has met the queue when it was sent.
func (d *direction) falls(s sight, which Direction, other *direction) float64 {
	const span = slopePoints * 50 * time.Millisecond
	sent := s.now - s.view.Base - s.excess
	if which != Upload || !d.acted || s.excess < 2*s.threshold || !s.told && other.load >= loaded ||
		sent-span < d.actedAt || !d.meter.busyWithin(s.now, span+2*s.write) {
		return 0
	}
	limit := d.history.mean(sent-span, sent)
	if math.Abs(limit/d.applied-1) > 0.03 {
		return 0
	}
	return limit * (1 - max(-1, min(s.slope, 0.5)))
}
