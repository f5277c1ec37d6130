package labrun

import (
	"math"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
)

// Report is what a record was worth, in numbers that can be compared. Excess
// is the pinger's RTT above that of the idle path. Fields that do not apply are
// nil.
type Report struct {
	Scenario   string  `json:"scenario"`
	Controller string  `json:"controller"`
	Seconds    float64 `json:"load_seconds"`

	IdleRTTMs   float64 `json:"idle_rtt_ms"`
	IdleP95Ms   float64 `json:"idle_p95_excess_ms"` // the path's own jitter
	Pings       int     `json:"pings"`
	PingsLost   int     `json:"pings_lost"`
	ExcessP50Ms float64 `json:"excess_p50_ms"`
	ExcessP95Ms float64 `json:"excess_p95_ms"`
	ExcessP99Ms float64 `json:"excess_p99_ms"`
	ExcessMaxMs float64 `json:"excess_max_ms"`
	// Without the first two seconds, in which slow start floods any limit.
	SettledP95Ms float64 `json:"settled_p95_ms"`
	SettledP99Ms float64 `json:"settled_p99_ms"`
	Above30ms    float64 `json:"share_above_30ms"` // of the pings, lost ones included

	Download DirectionReport `json:"download"`
	Upload   DirectionReport `json:"upload"`
	Steps    []StepReport    `json:"steps"`

	Writes   int `json:"limit_writes"` // both directions, from the controller's start on
	Requests int `json:"router_requests"`

	Controlled *ProcessReport `json:"process,omitempty"`

	LineLateP99Ms float64 `json:"line_late_p99_ms"` // how much the lab itself can be trusted
	LineLateMaxMs float64 `json:"line_late_max_ms"`
	LineDropped   uint64  `json:"line_dropped_packets"`
}

// DirectionReport is one direction of a Report.
type DirectionReport struct {
	Loaded        bool     `json:"loaded"`
	Utilisation   *float64 `json:"utilisation,omitempty"` // delivered over capacity, both integrated
	DeliveredMbps float64  `json:"delivered_mbps"`        // Ethernet frames
	PayloadMbps   float64  `json:"payload_mbps"`          // TCP payload
	KeptMin       *float64 `json:"kept_min,omitempty"`    // of the initial limit, while this direction was idle
	KeptMean      *float64 `json:"kept_mean,omitempty"`
	LimitMinMbps  float64  `json:"limit_min_mbps"` // ever set; 0: none
	LimitMaxMbps  float64  `json:"limit_max_mbps"`
}

// StepReport is how a loaded direction took one large change of its capacity.
// Times are in ms after the change, nil: never before the next change.
type StepReport struct {
	Direction string  `json:"direction"`
	FromMbps  float64 `json:"from_mbps"`
	ToMbps    float64 `json:"to_mbps"`

	// After a cut of capacity: the first write that lowers the limit, the first
	// limit at or below the new capacity, the excess back under 10 ms.
	FirstCutMs *float64 `json:"first_cut_ms,omitempty"`
	BelowMs    *float64 `json:"below_capacity_ms,omitempty"`
	DrainedMs  *float64 `json:"drained_ms,omitempty"`

	// After capacity came back: 90 % of it delivered.
	RecoveredMs *float64 `json:"recovered_ms,omitempty"`
}

// IsCut says whether capacity was lost.
func (s StepReport) IsCut() bool { return s.ToMbps < s.FromMbps }

// ProcessReport is what the program under test cost.
type ProcessReport struct {
	ExitStatus int     `json:"exit_status"` // after SIGTERM; -1: killed
	CPUPercent float64 `json:"cpu_percent"` // of one core
	PeakRSS    uint64  `json:"peak_rss_bytes"`
}

const (
	highExcess    = 30 * time.Millisecond
	calmExcess    = 10 * time.Millisecond
	calmTime      = 250 * time.Millisecond // a calm moment counts when it lasts
	startUp       = time.Second            // of iperf3, left out of the utilisation
	settleTime    = 2 * time.Second
	largeChange   = 0.75 // capacities that differ less than this ratio are no step
	recoverShare  = 0.9
	recoverWindow = 300 * time.Millisecond
)

// Report evaluates a record.
func (r *Record) Report() Report {
	rep := Report{
		Scenario:      r.Scenario.Name,
		Controller:    r.Controller,
		Seconds:       (r.LoadEnd - r.LoadStart).Seconds(),
		Requests:      r.Requests,
		LineLateP99Ms: ms(r.Line.LateP99),
		LineLateMaxMs: ms(r.Line.LateMax),
		LineDropped:   r.Line.Dropped,
	}
	idle := r.idleRTT()
	rep.IdleRTTMs = ms(idle)
	rep.IdleP95Ms = ms(quantile(r.excess(idle, r.Begin, r.Start), 0.95))
	load := r.excess(idle, r.LoadStart, r.LoadEnd)
	rep.Pings = len(load)
	rep.PingsLost = len(load) - len(answered(load))
	rep.ExcessP50Ms = ms(quantile(load, 0.50))
	rep.ExcessP95Ms = ms(quantile(load, 0.95))
	rep.ExcessP99Ms = ms(quantile(load, 0.99))
	rep.ExcessMaxMs = ms(quantile(load, 1))
	settled := r.excess(idle, r.LoadStart+settleTime, r.LoadEnd)
	rep.SettledP95Ms = ms(quantile(settled, 0.95))
	rep.SettledP99Ms = ms(quantile(settled, 0.99))
	for _, e := range load {
		if e.lost || e.value > highExcess {
			rep.Above30ms += 1 / float64(len(load))
		}
	}
	for _, c := range r.Limits {
		if c.At > r.Start {
			rep.Writes++
		}
	}
	rep.Download = r.direction(autorate.Download)
	rep.Upload = r.direction(autorate.Upload)
	rep.Steps = r.steps(idle)
	if u := r.Usage; u.Ran {
		rep.Controlled = &ProcessReport{
			ExitStatus: u.ExitStatus,
			CPUPercent: 100 * u.CPU.Seconds() / u.Wall.Seconds(),
			PeakRSS:    u.PeakRSS,
		}
	}
	return rep
}

// excess of one ping.
type excess struct {
	at    time.Duration
	value time.Duration
	lost  bool
}

// idleRTT is that of the undisturbed path: a low quantile, so that jitter of
// the path counts as excess.
func (r *Record) idleRTT() time.Duration { return quantile(r.excess(0, r.Begin, r.Start), 0.1) }

// excess of the pings sent in a span. A path that became longer by itself is
// no excess.
func (r *Record) excess(idle, from, to time.Duration) []excess {
	var all []excess
	for _, s := range r.Pinger {
		if s.At < from || s.At >= to {
			continue
		}
		all = append(all, excess{s.At, max(0, s.RTT-idle-(r.extraAt(s.At)-r.extraAt(r.Begin))), s.RTT == 0})
	}
	return all
}

func (r *Record) extraAt(at time.Duration) time.Duration {
	var extra time.Duration
	for i, p := range r.Path {
		if i == 0 || p.At <= at {
			extra = p.Extra
		}
	}
	return extra
}

func (r *Record) direction(d autorate.Direction) DirectionReport {
	rep := DirectionReport{Loaded: r.Scenario.Load[d], PayloadMbps: r.Payload[d]}
	bits, capacity, seconds := r.delivered(d, r.LoadStart+startUp, r.LoadEnd)
	if seconds > 0 {
		rep.DeliveredMbps = bits / seconds / 1e6
		if rep.Loaded && capacity > 0 {
			rep.Utilisation = ptr(bits / capacity)
		}
	}
	for _, c := range r.Limits {
		if c.Direction != d || c.Rate == 0 {
			continue
		}
		mbps := c.Rate.Mbps()
		rep.LimitMaxMbps = max(rep.LimitMaxMbps, mbps)
		if rep.LimitMinMbps == 0 || mbps < rep.LimitMinMbps {
			rep.LimitMinMbps = mbps
		}
	}
	if initial := lab.RateAt(r.Limits, d, r.Start); !rep.Loaded && initial > 0 && r.LoadEnd > r.LoadStart {
		lowest := lab.RateAt(r.Limits, d, r.LoadStart)
		for _, c := range r.Limits {
			if c.Direction == d && c.At >= r.LoadStart && c.At < r.LoadEnd {
				lowest = min(lowest, c.Rate)
			}
		}
		mean := integrate(r.Limits, d, r.LoadStart, r.LoadEnd) / (r.LoadEnd - r.LoadStart).Seconds()
		rep.KeptMin = ptr(float64(lowest) / float64(initial))
		rep.KeptMean = ptr(mean / float64(initial))
	}
	return rep
}

// delivered is the bits that a direction delivered in a span, the bits that its
// capacity allowed, and the length of what of that span was metered.
func (r *Record) delivered(d autorate.Direction, from, to time.Duration) (bits, capacity, seconds float64) {
	first := slices.IndexFunc(r.Meter, func(m MeterSample) bool { return m.At >= from })
	if first < 0 {
		return 0, 0, 0
	}
	last := first
	for last+1 < len(r.Meter) && r.Meter[last+1].At <= to {
		last++
	}
	a, b := r.Meter[first], r.Meter[last]
	return 8 * float64(b.Delivered[d]-a.Delivered[d]), integrate(r.Capacity, d, a.At, b.At), (b.At - a.At).Seconds()
}

// integrate gives bits from a rate that changes.
func integrate(changes []lab.Change, d autorate.Direction, from, to time.Duration) float64 {
	sum, at, rate := 0.0, from, lab.RateAt(changes, d, from)
	for _, c := range changes {
		if c.Direction == d && c.At > from && c.At < to {
			sum += float64(rate) * (c.At - at).Seconds()
			at, rate = c.At, c.Rate
		}
	}
	return sum + float64(rate)*(to-at).Seconds()
}

// steps evaluates the large changes of capacity under load.
func (r *Record) steps(idle time.Duration) []StepReport {
	var steps []StepReport
	for i, c := range r.Capacity {
		if c.At < r.LoadStart || c.At >= r.LoadEnd || !r.Scenario.Load[c.Direction] {
			continue
		}
		before := lab.RateAt(r.Capacity[:i], c.Direction, c.At)
		until := r.LoadEnd
		for _, next := range r.Capacity[i+1:] {
			if next.Direction == c.Direction {
				until = min(until, next.At)
				break
			}
		}
		step := StepReport{Direction: c.Direction.String(), FromMbps: before.Mbps(), ToMbps: c.Rate.Mbps()}
		switch ratio := float64(c.Rate) / float64(before); {
		case ratio <= largeChange:
			step.FirstCutMs, step.BelowMs = r.reaction(c, until)
			step.DrainedMs = r.drained(idle, c.At, until)
		case ratio >= 1/largeChange:
			step.RecoveredMs = r.recovered(c, until)
		default:
			continue
		}
		steps = append(steps, step)
	}
	return steps
}

// reaction is when the limit was first lowered after a cut of capacity, and
// when it was first at or below the new one.
func (r *Record) reaction(cut lab.Change, until time.Duration) (lowered, below *float64) {
	limit := orUnlimited(lab.RateAt(r.Limits, cut.Direction, cut.At))
	if limit <= cut.Rate {
		below = ptr(0.0)
	}
	for _, c := range r.Limits {
		if c.Direction != cut.Direction || c.At <= cut.At || c.At >= until {
			continue
		}
		next, after := orUnlimited(c.Rate), ms(c.At-cut.At)
		if lowered == nil && next < limit {
			lowered = ptr(after)
		}
		if below == nil && next <= cut.Rate {
			below = ptr(after)
		}
		limit = next
	}
	return lowered, below
}

func orUnlimited(r bitrate.Rate) bitrate.Rate {
	if r == 0 {
		return math.MaxInt64
	}
	return r
}

// drained is when delay was calm again after it had not been; 0 when it never
// stopped being calm.
func (r *Record) drained(idle, from, until time.Duration) *float64 {
	pings := r.excess(idle, from, until)
	high := func(e excess) bool { return e.lost || e.value >= calmExcess }
	i := slices.IndexFunc(pings, high)
	if i < 0 {
		return ptr(0.0)
	}
	for ; i < len(pings); i++ {
		calm := !high(pings[i])
		for k := i + 1; calm && k < len(pings) && pings[k].at < pings[i].at+calmTime; k++ {
			calm = !high(pings[k])
		}
		if calm && pings[i].at+calmTime <= until {
			return ptr(ms(pings[i].at - from))
		}
	}
	return nil
}

// recovered is when returned capacity was in use again.
func (r *Record) recovered(c lab.Change, until time.Duration) *float64 {
	for _, m := range r.Meter {
		if m.At < c.At+recoverWindow || m.At > until {
			continue
		}
		bits, _, seconds := r.delivered(c.Direction, m.At-recoverWindow, m.At)
		if seconds > 0 && bits/seconds >= recoverShare*float64(c.Rate) {
			return ptr(ms(m.At - c.At))
		}
	}
	return nil
}

func answered(all []excess) []excess {
	var some []excess
	for _, e := range all {
		if !e.lost {
			some = append(some, e)
		}
	}
	return some
}

// quantile is the nearest rank among the answered pings, 0 without any.
func quantile(all []excess, q float64) time.Duration {
	some := answered(all)
	if len(some) == 0 {
		return 0
	}
	slices.SortFunc(some, func(a, b excess) int { return int(a.value - b.value) })
	return some[max(0, int(math.Ceil(q*float64(len(some))))-1)].value
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ptr[T any](v T) *T { return &v }
