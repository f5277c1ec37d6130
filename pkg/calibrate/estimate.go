package calibrate

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Latency is the delay of a sparse packet above the idle RTT.
type Latency struct {
	Mean, P50, P95, P99 time.Duration
	Lost                float64 // share of the moments without an answer
	Samples             int
}

func latencyOf(delays []delay) (l Latency) {
	if len(delays) == 0 {
		return l
	}
	sorted := make([]time.Duration, 0, len(delays))
	sum, lost := time.Duration(0), 0
	for _, d := range delays {
		sorted = append(sorted, d.excess)
		sum += d.excess
		if d.lost {
			lost++
		}
	}
	slices.Sort(sorted)
	n := len(sorted)
	at := func(percent int) time.Duration { return sorted[min(n-1, n*percent/100)] }
	return Latency{
		Mean: sum / time.Duration(n), P50: at(50), P95: at(95), P99: at(99),
		Lost: float64(lost) / float64(n), Samples: n,
	}
}

// Grade returns the grade of a mean increase of the latency under load.
func Grade(increase time.Duration) string { return rtt.Grade(increase) }

// Capacity is what a line carries in one direction, as the router's queue counts it.
type Capacity struct {
	Mean      bitrate.Rate
	Low, High bitrate.Rate // 10th and 90th percentile of a second
	// Saturated is set when the load has made a queue, so that it was the line that
	// held it, as far as this measurement can tell.
	Saturated bool
}

// Varies reports whether the capacity changes by so much that no constant limit fits.
func (c Capacity) Varies() bool { return c.High-c.Low > c.Mean/4 }

// best is what the line carries on a good day.
func (c Capacity) best() bitrate.Rate {
	if c.Varies() {
		return c.High
	}
	return c.Mean
}

// queueAbove is the delay above the noise of the idle line that is a queue.
const queueAbove = 5 * time.Millisecond

// capacityOf estimates the capacity of d from a phase without limits. noise is the 95th
// percentile of the delay of the idle line.
func capacityOf(r *recording, d autorate.Direction, delays []delay, noise time.Duration) (c Capacity, ok bool) {
	from, to := r.steady()
	rates := r.rates(from, to, window)
	if len(rates) < 2 {
		return c, false
	}
	seconds := make([]bitrate.Rate, 0, len(rates))
	bits, length := 0.0, time.Duration(0)
	for _, w := range rates {
		seconds = append(seconds, w.rate[d])
		bits += float64(w.rate[d]) * w.length.Seconds()
		length += w.length
	}
	inside := slices.DeleteFunc(slices.Clone(delays), func(x delay) bool { return x.at < from || x.at > to })
	if d == autorate.Upload {
		// The router counts before the line: what has only lengthened the queue there, or
		// was dropped, has not been carried.
		length += growth(inside)
		bits *= 1 - min(0.5, r.transfer.Resent)
	}
	slices.Sort(seconds)
	n := len(seconds)
	c = Capacity{Mean: bitrate.Rate(bits / length.Seconds()), Low: seconds[n/10], High: seconds[(n-1)*9/10]}
	c.Saturated = latencyOf(inside).P50 > noise+queueAbove
	return c, true
}

// growth returns by how much the delay has grown from the first tenth to the last.
func growth(delays []delay) time.Duration {
	n := len(delays) / 10
	if n == 0 {
		return 0
	}
	return latencyOf(delays[len(delays)-n:]).P50 - latencyOf(delays[:n]).P50
}

// watched estimates the capacity of d from the traffic of users: from those seconds in
// which there was a queue and d carried about as much as it ever did.
func watched(r *recording, d autorate.Direction, delays []delay, noise time.Duration) (c Capacity, full []delay, ok bool) {
	var most bitrate.Rate
	rates := r.rates(r.from, r.to, window)
	for _, w := range rates {
		most = max(most, w.rate[d])
	}
	var seconds []bitrate.Rate
	for _, w := range rates {
		inside := slices.DeleteFunc(slices.Clone(delays), func(x delay) bool { return x.at <= w.at-w.length || x.at > w.at })
		if w.rate[d] < most/10*7 || latencyOf(inside).P50 <= noise+queueAbove && r.Kind == Before {
			continue
		}
		seconds, full = append(seconds, w.rate[d]), append(full, inside...)
	}
	const enough = 5 // seconds
	if n := len(seconds); n >= enough {
		slices.Sort(seconds)
		return Capacity{Mean: seconds[n/2], Low: seconds[n/10], High: seconds[(n-1)*9/10], Saturated: true}, full, true
	}
	return c, full, false
}

// serialisation returns how long a full packet takes at a rate.
func serialisation(r bitrate.Rate) time.Duration {
	const packet = 1514 * 8 // bits
	if r <= 0 {
		return 0
	}
	return time.Duration(packet / float64(r) * float64(time.Second))
}
