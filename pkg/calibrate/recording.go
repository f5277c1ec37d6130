package calibrate

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Kind is what a phase measures.
type Kind uint8

// Kinds of phases.
const (
	Idle   Kind = iota // nothing but probes
	Before             // load, and limits above what the line carries
	After              // load, and the limits that are proposed
)

// Phase is a stretch of the measurement.
type Phase struct {
	Kind   Kind
	Load   [2]bool         // the directions that are loaded
	Limits [2]bitrate.Rate // in force; 0: as it was
	Length time.Duration
}

func (p Phase) String() string {
	side := ""
	switch p.Load {
	case [2]bool{true, false}:
		side = ", download"
	case [2]bool{false, true}:
		side = ", upload"
	}
	switch p.Kind {
	case Idle:
		return "idle line"
	case Before:
		return "without a limit" + side
	case After:
		return "with a limit" + side
	}
	return "unknown"
}

// probe is the outcome of one probe. A lost one has the time after which it was given
// up as its RTT: it was no faster than that.
type probe struct {
	sent, rtt time.Duration
	reflector uint8
	lost      bool
}

// recording is what was measured in one phase.
type recording struct {
	Phase
	from, to time.Duration
	probes   []probe
	readings []autorate.Reading
	transfer Transfer // by the word of the load
	late     []span   // in which this process did not run
}

// span is a stretch of time.
type span struct{ from, to time.Duration }

func (s span) contains(t time.Duration) bool { return s.from <= t && t <= s.to }

// spoilt reports whether a probe was sent or answered while this process did not run:
// its time says nothing of the line.
func (r *recording) spoilt(p probe) bool {
	after, _ := slices.BinarySearchFunc(r.late, p.sent, func(s span, t time.Duration) int { return int(s.to - t) })
	for _, s := range r.late[after:] {
		if s.from > p.sent+p.rtt {
			return false
		}
		if s.contains(p.sent) || s.contains(p.sent+p.rtt) {
			return true
		}
	}
	return false
}

// lateShare returns the share of the phase in which this process did not run.
func (r *recording) lateShare() float64 {
	sum := time.Duration(0)
	for _, s := range r.late {
		sum += s.to - s.from
	}
	return float64(sum) / float64(max(1, r.to-r.from))
}

// observe adds an event of the probes.
func (r *recording) observe(e rtt.Event, timeout time.Duration) {
	switch e.Kind {
	case rtt.Reply:
		r.probes = append(r.probes, probe{sent: e.At - e.RTT, rtt: e.RTT, reflector: e.Reflector})
	case rtt.Lost:
		r.probes = append(r.probes, probe{sent: e.At - timeout, rtt: timeout, reflector: e.Reflector, lost: true})
	case rtt.Sent, rtt.OneWay, rtt.Spare:
	}
}

const (
	rampUp = 3 * time.Second
	// window is the length over which a rate is averaged.
	window = time.Second
)

// RampUp returns the part of a loaded phase in which flows find their rate.
func RampUp(length time.Duration) time.Duration { return min(rampUp, length/4) }

// steady returns the part of a loaded phase in which the load has found its rate.
func (r *recording) steady() (from, to time.Duration) {
	begin, most := r.from, bitrate.Rate(0)
	rates := r.rates(r.from, r.to, window/2)
	for _, w := range rates {
		most = max(most, r.loadedRate(w))
	}
	for _, w := range rates {
		if r.loadedRate(w) > most/2 {
			begin = w.at - w.length
			break
		}
	}
	return min(begin+RampUp(r.Length), r.to), r.to
}

func (r *recording) loadedRate(w rateWindow) bitrate.Rate {
	best := bitrate.Rate(0)
	for d, loaded := range r.Load {
		if loaded {
			best = max(best, w.rate[d])
		}
	}
	return best
}

// rateWindow is the throughput of both directions over a window that ends at at.
type rateWindow struct {
	at, length time.Duration
	rate       [2]bitrate.Rate
}

// rates returns the throughput from one time to another in windows of at least length.
// A counter that has become smaller was reset: its window is left out.
func (r *recording) rates(from, to, length time.Duration) (list []rateWindow) {
	var last *autorate.Reading
	for i := range r.readings {
		now := &r.readings[i]
		switch {
		case now.At < from || now.At > to:
			continue
		case last == nil:
			last = now
			continue
		case now.At-last.At < length:
			continue
		}
		w := rateWindow{at: now.At, length: now.At - last.At}
		reset := false
		for d := range w.rate {
			if now.Queues[d].Bytes < last.Queues[d].Bytes {
				reset = true
				continue
			}
			w.rate[d] = bitrate.Rate(float64(now.Queues[d].Bytes-last.Queues[d].Bytes) * 8 / w.length.Seconds())
		}
		if last = now; !reset {
			list = append(list, w)
		}
	}
	return list
}

// baselines is the idle RTT of each reflector, 0 where it has not answered.
type baselines [rtt.MaxReflectors]time.Duration

// learn lowers the baselines to what the recording shows: of each reflector a low
// percentile, since a single reply may be wrong.
func (b *baselines) learn(r *recording) {
	var seen [rtt.MaxReflectors][]time.Duration
	for _, p := range r.probes {
		if !p.lost && int(p.reflector) < len(seen) && !r.spoilt(p) {
			seen[p.reflector] = append(seen[p.reflector], p.rtt)
		}
	}
	const enough = 20 // replies
	for i, rtts := range seen {
		if len(rtts) < enough && r.Kind != Idle || len(rtts) == 0 {
			continue
		}
		slices.Sort(rtts)
		if low := rtts[len(rtts)/10]; b[i] == 0 || low < b[i] {
			b[i] = low
		}
	}
}

// combined returns the median of the baselines.
func (b *baselines) combined() time.Duration {
	known := slices.DeleteFunc(slices.Clone(b[:]), func(d time.Duration) bool { return d == 0 })
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[(len(known)-1)/2]
}

// delay is the delay above the baseline of the probes that left together.
type delay struct {
	at     time.Duration
	excess time.Duration
	lost   bool // by most of them
}

// delays returns the delay from one time to another: of the probes that left in the
// same interval the median, as one reflector may misbehave.
func (r *recording) delays(base *baselines, from, to, interval time.Duration) (list []delay) {
	probes := slices.Clone(r.probes)
	slices.SortStableFunc(probes, func(a, b probe) int { return int(a.sent - b.sent) })
	for i := 0; i < len(probes); {
		first := probes[i].sent
		var round []probe
		for ; i < len(probes) && probes[i].sent-first < interval/2; i++ {
			p := probes[i]
			if base[p.reflector] > 0 && !r.spoilt(p) {
				p.rtt = max(0, p.rtt-base[p.reflector])
				round = append(round, p)
			}
		}
		if len(round) == 0 || first < from || first > to {
			continue
		}
		slices.SortFunc(round, func(a, b probe) int { return int(a.rtt - b.rtt) })
		middle := round[(len(round)-1)/2]
		list = append(list, delay{at: first, excess: middle.rtt, lost: middle.lost})
	}
	return list
}
