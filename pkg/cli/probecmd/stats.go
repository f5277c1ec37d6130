package probecmd

import (
	"math"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/trace"
	"github.com/wanctl/wanctl/pkg/units"
)

// sample is one answered or lost probe, a one-way delay, or a route of the probes, as
// programs read it. It is also a record of a trace, whose reader passes over routes.
type sample struct {
	Time     time.Time `json:"time"`
	TimeMS   float64   `json:"t_ms"`
	Host     string    `json:"host,omitempty"`
	Method   string    `json:"method,omitempty"`
	Seq      *uint32   `json:"seq,omitempty"`
	Event    string    `json:"event"`
	RTTMS    *float64  `json:"rtt_ms,omitempty"`
	Lost     bool      `json:"lost,omitempty"`
	MedianMS *float64  `json:"median_ms,omitempty"`
	UpMS     *float64  `json:"up_ms,omitempty"`
	DownMS   *float64  `json:"down_ms,omitempty"`

	Source    string `json:"source,omitempty"`
	Interface string `json:"interface,omitempty"`
	Gateway   string `json:"gateway,omitempty"`
}

const (
	historyCells = 240                    // of history behind the sparklines
	cellLength   = 200 * time.Millisecond // what one character of them stands for, at least
	freshFor     = time.Second            // how long a reply has a say in the median, at least
)

// stats keeps what the views and the summary show of each target, in
// memory that does not grow.
type stats struct {
	// configuration
	epoch   time.Time
	cell    time.Duration
	fresh   time.Duration
	timeout time.Duration

	// state
	hosts   []*hostStats // by rtt.Event.Reflector
	all     *rtt.Histogram
	medians history
	path    rtt.Path

	routes   []hostnet.Route // in use
	routesAt time.Time       // when they were looked up
	newest   time.Duration   // of all events
	scratch  []time.Duration
}

// hostStats is one target.
type hostStats struct {
	name   string
	method string

	lostProbe [2048]lostProbe // the newest lost probes, by sequence number
	rtts      rtt.Histogram
	last      time.Duration // newest round-trip time
	lastAt    time.Duration // when it was measured
	lastSeq   uint32
	replied   bool
	jitter    float64 // sum of the differences in ns
	jitterOf  uint64  // how many
	history   history
}

// lostProbe is a probe that was lost, and may still be answered.
type lostProbe struct {
	is   bool
	seq  uint32
	cell int64 // of the history, where the loss is counted
}

func newStats(targets []probe.TargetStatus, cfg probe.Config) *stats {
	st := &stats{
		epoch: cfg.Epoch, timeout: cfg.Timeout,
		cell: max(cellLength, cfg.Interval), fresh: max(freshFor, 3*cfg.Interval),
		all: new(rtt.Histogram), path: rtt.Path{Interval: cfg.Interval},
	}
	for _, t := range targets {
		if !t.Gateway {
			st.hosts = append(st.hosts, &hostStats{name: t.Name, method: string(t.Method)})
		}
	}
	return st
}

// observe takes in an event and returns the sample that it is, if it is one.
func (st *stats) observe(e rtt.Event) (s sample, ok bool) {
	if int(e.Reflector) >= len(st.hosts) {
		return s, false
	}
	joins := e.Kind == rtt.Sent && st.path.Reflector(int(e.Reflector)).Spare()
	// Whether there is load is not known here, so that the best of all times
	// stays what the others are compared with.
	st.path.Observe(e, false)
	if e.Kind == rtt.Sent && !joins {
		return s, false
	}
	h := st.hosts[e.Reflector]
	st.newest = max(st.newest, e.At)
	s = sample{
		Time: st.epoch.Add(e.At).UTC(), TimeMS: units.Millis(e.At),
		Host: h.name, Method: h.method,
	}
	if e.Kind == rtt.OneWay {
		up, down := units.Millis(e.Up), units.Millis(e.Down)
		s.Event, s.UpMS, s.DownMS = trace.OneWay, &up, &down
		return s, true
	}
	seq := e.Seq // of its own, or every event would be allocated
	s.Seq = &seq
	switch e.Kind {
	case rtt.Spare:
		s.Event = trace.Spare
		return s, true
	case rtt.Sent:
		s.Event = trace.Sent
		return s, true
	case rtt.Lost:
		s.Event, s.Lost = trace.Lost, true
		h.markLost(e.Seq, st.cellOf(e.At-st.timeout))
	case rtt.Reply:
		s.Event = trace.Reply
		if h.unmarkLost(e.Seq) {
			s.Event = trace.Late
		}
		ms := units.Millis(e.RTT)
		s.RTTMS = &ms
		st.all.Add(e.RTT)
		h.reply(e, st.cellOf(e.At-e.RTT))
	case rtt.OneWay:
	}
	if m, ok := st.medianAt(e.At); ok {
		ms := units.Millis(m)
		s.MedianMS = &ms
		st.medians.add(st.cellOf(e.At), m)
	}
	return s, true
}

func (st *stats) cellOf(at time.Duration) int64 { return int64(at / st.cell) }

func (h *hostStats) markLost(seq uint32, cell int64) {
	h.lostProbe[seq%uint32(len(h.lostProbe))] = lostProbe{true, seq, cell}
	h.history.lose(cell, 1)
}

// unmarkLost reports whether probe seq had been given up.
func (h *hostStats) unmarkLost(seq uint32) bool {
	g := &h.lostProbe[seq%uint32(len(h.lostProbe))]
	if !g.is || g.seq != seq {
		return false
	}
	g.is = false
	h.history.lose(g.cell, -1)
	return true
}

func (h *hostStats) reply(e rtt.Event, cell int64) {
	h.history.add(cell, e.RTT)
	if h.replied && e.Seq > h.lastSeq {
		h.jitter += math.Abs(float64(e.RTT - h.last))
		h.jitterOf++
	}
	h.rtts.Add(e.RTT)
	if !h.replied || e.Seq > h.lastSeq {
		h.last, h.lastAt, h.lastSeq, h.replied = e.RTT, e.At, e.Seq, true
	}
}

// meanJitter is the mean difference of one round-trip time from the one before.
func (h *hostStats) meanJitter() time.Duration {
	if h.jitterOf == 0 {
		return 0
	}
	return time.Duration(h.jitter / float64(h.jitterOf))
}

// medianAt is the median of the newest round-trip times of those hosts in use that
// answer; of an even number, the lower of the two in the middle.
func (st *stats) medianAt(now time.Duration) (time.Duration, bool) {
	st.scratch = st.scratch[:0]
	for i, h := range st.hosts {
		if h.replied && !st.path.Reflector(i).Spare() && now-h.lastAt <= st.fresh {
			st.scratch = append(st.scratch, h.last)
		}
	}
	if len(st.scratch) == 0 {
		return 0, false
	}
	slices.Sort(st.scratch)
	return st.scratch[(len(st.scratch)-1)/2], true
}
