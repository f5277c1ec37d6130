package actuate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	// PollBusy is the counter polling interval on a router that answers fast.
	PollBusy = 100 * time.Millisecond
	// PollIdle is the interval while neither direction carries traffic.
	PollIdle = 200 * time.Millisecond

	// idleShare is the load below which a direction carries nothing that the
	// law needs counters for.
	idleShare = 0.05
	// maxReadings bounds the readings kept for the next step of the law. At
	// one poll in PollBusy that is more than a tick of the slowest law sees.
	maxReadings = 16
)

// poller schedules the polls of the counters.
type poller struct {
	tick     time.Duration
	busy     bool          // a poll is under way
	askedAt  time.Duration // when the last one began
	next     time.Duration // when the next one is due
	took     time.Duration // how long the last answer took
	retry    backoff.Backoff
	readings []autorate.Reading // since the last decision, oldest first
}

func newPoller(tick time.Duration) poller {
	return poller{tick: tick, readings: make([]autorate.Reading, 0, maxReadings)}
}

// start reports whether a poll is due, and if so notes it as under way. While
// a queue stands polls are more frequent, but never so frequent that a slow
// router spends more than a third of its time on them: it has limits to write.
func (p *poller) start(now time.Duration, queueing bool) bool {
	urgent := queueing && p.retry.Failures() == 0 && now-p.askedAt >= max(p.tick, 3*p.took)
	if p.busy || now < p.next && !urgent {
		return false
	}
	p.busy, p.askedAt = true, now
	return true
}

func (p *poller) failed(now, took time.Duration) {
	p.busy, p.took = false, took
	p.next = now + p.retry.Fail(now)
}

func (p *poller) answered(now, took time.Duration, counters [2]autorate.Counters, idle bool) {
	p.busy, p.took = false, took
	p.retry.Reset()
	every := PollBusy
	if idle {
		every = PollIdle
	}
	// Half a tick early, so that the tick at which it is due is not missed.
	p.next = max(p.askedAt+every, now+2*took) - p.tick/2
	if len(p.readings) == maxReadings {
		p.readings = p.readings[:copy(p.readings, p.readings[1:])]
	}
	// The counters were read about when half of the time had passed.
	p.readings = append(p.readings, autorate.Reading{At: now - took/2, Queues: counters})
}

// idle reports that neither direction carries anything worth counting.
func idle(dec autorate.Decision) bool {
	if dec.Excess >= dec.Threshold {
		return false
	}
	for _, d := range autorate.Directions {
		if load := dec.Directions[d].Load; load < 0 || load >= idleShare {
			return false
		}
	}
	return true
}

// leastLoad is a throughput from which a direction is loaded, however small a share of
// its limit that is: the line may carry far less than the limit.
const leastLoad = 500 * bitrate.Kbps

// loaded reports that a direction carries enough, beside our own probes, that a queue may
// follow, or that it is not known. A direction that is not controlled has no load that is
// known.
func loaded(dec autorate.Decision) bool {
	for _, d := range autorate.Directions {
		dir := dec.Directions[d]
		if dir.Limit <= 0 {
			continue
		}
		probes := float64(dir.Probes) / float64(dir.Limit)
		if dir.Load < 0 || dir.Load-probes >= idleShare || dir.Throughput-dir.Probes >= leastLoad {
			return true
		}
	}
	return false
}
