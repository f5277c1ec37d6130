// Package report sums up what the archives of a host hold about a span of time: latency
// of the idle and the loaded line, states, cuts, capacity by hour of day, outages and
// steering, as a document for programs and as a page of HTML. It only reads.
package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// Schema is the version of the document. Keys may be added to a version.
const Schema = 1

// Report is the document. Unknown numbers are null.
type Report struct {
	Schema int       `json:"schema_version"`
	At     time.Time `json:"generated_at"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	WANs   []WAN     `json:"wans"`
}

// WAN is one WAN in it.
type WAN struct {
	Name       string          `json:"wan"`
	Measured   float64         `json:"measured_seconds"` // in which its loop ran
	NoReply    float64         `json:"no_reply_seconds"` // of these, without any answer to a probe
	Latency    Latency         `json:"latency"`
	Download   *Direction      `json:"download,omitempty"` // absent: not controlled
	Upload     *Direction      `json:"upload,omitempty"`
	Outages    []Outage        `json:"outages"`
	Steering   []history.Event `json:"steering"`
	Events     []history.Event `json:"events"` // the others that matter
	Router     Router          `json:"router"`
	Reflectors []Reflector     `json:"reflectors"`
	Series     []Interval      `json:"series"`
	SeriesStep float64         `json:"series_step_seconds"`
}

// Latency is round-trip times. The line is loaded while one of its directions uses half
// of its limit.
type Latency struct {
	Idle     Percentiles `json:"idle"`
	Loaded   Percentiles `json:"loaded"`
	Increase Percentiles `json:"increase"` // under load, above the idle baseline of that moment
	// Grade is that of the mean increase; "" while the line was hardly loaded.
	Grade string `json:"grade"`
}

// Percentiles describes many delays.
type Percentiles struct {
	Samples int      `json:"samples"`
	Mean    *float64 `json:"mean_ms"`
	P50     *float64 `json:"p50_ms"`
	P95     *float64 `json:"p95_ms"`
	P99     *float64 `json:"p99_ms"`
}

// Direction is one direction of a WAN.
type Direction struct {
	States     map[string]float64 `json:"state_seconds"` // by name
	Decisions  map[string]uint32  `json:"decisions"`     // notable ones of the law, by reason
	Limit      Range              `json:"limit_mbps"`
	Throughput Range              `json:"throughput_mbps"`
	Capacity   []HourCapacity     `json:"capacity_by_hour"` // hours in which it was known
}

// Range is a value over time.
type Range struct {
	Min  *float64 `json:"min"`
	Mean *float64 `json:"mean"`
	Max  *float64 `json:"max"`
}

// HourCapacity is the estimated capacity during one hour of the day, in local time.
type HourCapacity struct {
	Hour   int     `json:"hour"`
	Min    float64 `json:"min_mbps"`
	Median float64 `json:"median_mbps"`
	Max    float64 `json:"max_mbps"`
}

// Outage is a time in which no probe was answered.
type Outage struct {
	At       time.Time `json:"at"`
	Duration float64   `json:"duration_seconds"`
}

// Router is the requests of the loop to the router.
type Router struct {
	Requests uint32 `json:"requests"`
	Errors   uint32 `json:"errors"`
	Writes   uint32 `json:"writes"`
	Refused  uint32 `json:"refused_writes"`
	Latency  Range  `json:"latency_ms"`
}

// Reflector is the probes of one reflector.
type Reflector struct {
	Host    string   `json:"host"`
	Sent    uint32   `json:"probes"`
	Answers *float64 `json:"answer_ratio"`
	RTT     Range    `json:"rtt_ms"`
}

// Interval is one interval of the series.
type Interval struct {
	At         time.Time `json:"at"` // its start
	Idle       *float64  `json:"idle_p50_ms"`
	Loaded     *float64  `json:"loaded_p95_ms"`
	Highest    *float64  `json:"rtt_max_ms"`
	NoReply    float64   `json:"no_reply_seconds"`
	Directions [2]*Lane  `json:"directions"` // download, upload; null: not controlled
}

// Lane is one direction of an Interval.
type Lane struct {
	Limit      *float64 `json:"limit_mbps"`
	Throughput *float64 `json:"throughput_mbps"`
	Peak       *float64 `json:"throughput_max_mbps"`
	Capacity   *float64 `json:"capacity_mbps"`
	State      string   `json:"state"` // the worst
}

const (
	// hourly is the span from which on hours are read instead of minutes.
	hourly = 72 * time.Hour
	// intervals bounds the series.
	intervals = 300
	// leastLoaded is how many delays under load a grade needs: ten seconds.
	leastLoaded = 200
)

// Build returns the report on what happened from one moment up to another.
func Build(kept []history.Kept, from, to, now time.Time) (*Report, error) {
	r := &Report{Schema: Schema, At: now.Truncate(time.Second), From: from.Truncate(time.Second), To: to.Truncate(time.Second), WANs: []WAN{}}
	for _, k := range kept {
		if k.Steering {
			continue
		}
		w, err := buildWAN(k, from, to)
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", k.WAN, err)
		}
		for _, s := range kept {
			if s.Steering && s.WAN == k.WAN {
				if err := w.addEvents(s.Archive, from, to); err != nil {
					return nil, fmt.Errorf("history of the steering of %s: %w", k.WAN, err)
				}
			}
		}
		r.WANs = append(r.WANs, *w)
	}
	return r, nil
}

func buildWAN(k history.Kept, from, to time.Time) (*WAN, error) {
	w := &WAN{Name: k.WAN, Outages: []Outage{}, Steering: []history.Event{}, Events: []history.Event{}, Reflectors: []Reflector{}, Series: []Interval{}}
	step := time.Minute
	if to.Sub(from) >= hourly {
		step = time.Hour
	}
	series := max(step, ((to.Sub(from)/intervals+step-1)/step)*step)
	var total history.Rollup
	var capacities [2][24][]history.Gauge
	var groups []*history.Rollup
	err := k.Rollups(from, to, step, func(r *history.Rollup) bool {
		total.Merge(r)
		for d := range r.Directions {
			if c := r.Directions[d].Capacity; c.Count > 0 {
				hour := r.Start.In(from.Location()).Hour()
				capacities[d][hour] = append(capacities[d][hour], c)
			}
		}
		at := r.Start.Truncate(series)
		if n := len(groups); n == 0 || !groups[n-1].Start.Equal(at) {
			groups = append(groups, &history.Rollup{Start: at})
		}
		groups[len(groups)-1].Merge(r)
		return true
	})
	if err != nil {
		return nil, err
	}
	w.Measured, w.NoReply = seconds(total.Observed), seconds(total.NoReply)
	w.Latency = LatencyOf(&total)
	for i, to := range []**Direction{&w.Download, &w.Upload} {
		if d := &total.Directions[i]; d.Limit.Count > 0 {
			*to = newDirection(d, &capacities[i])
		}
	}
	w.Router = Router{total.Router.Requests, total.Router.Errors, total.Router.Writes, total.Router.Refused, rangeOf(total.Router.Latency, 1)}
	for _, x := range total.Reflectors {
		w.Reflectors = append(w.Reflectors, newReflector(x))
	}
	slices.SortStableFunc(w.Reflectors, func(a, b Reflector) int { return int(b.Sent) - int(a.Sent) })
	slices.SortStableFunc(groups, func(a, b *history.Rollup) int { return a.Start.Compare(b.Start) })
	w.SeriesStep = seconds(series)
	for _, g := range groups {
		w.Series = append(w.Series, newInterval(g, from.Location()))
	}
	return w, w.addEvents(k.Archive, from, to)
}

// addEvents adds the events of an archive to the list they belong to.
func (w *WAN) addEvents(a *history.Archive, from, to time.Time) error {
	events, err := a.Events(from, to)
	for _, e := range events {
		e.At = e.At.In(from.Location())
		switch {
		case e.Kind == "outage" && e.Duration > 0:
			w.Outages = append(w.Outages, Outage{e.At.Add(-time.Duration(e.Duration * float64(time.Second))), e.Duration})
		case e.Kind == "steering":
			w.Steering = append(w.Steering, e)
		default:
			w.Events = append(w.Events, e)
		}
	}
	slices.SortStableFunc(w.Events, func(a, b history.Event) int { return a.At.Compare(b.At) })
	return err
}

// LatencyOf returns the latencies of r and their grade.
func LatencyOf(r *history.Rollup) Latency {
	l := Latency{Idle: percentiles(&r.Idle), Loaded: percentiles(&r.Loaded), Increase: percentiles(&r.Increase)}
	if l.Increase.Samples >= leastLoaded {
		l.Grade = rtt.Grade(r.Increase.Mean())
	}
	return l
}

func percentiles(h *history.Histogram) Percentiles {
	p := Percentiles{Samples: h.Count()}
	if p.Samples > 0 {
		ms := func(d time.Duration) *float64 { return new(units.Round(units.Millis(d), 2)) }
		p.Mean, p.P50, p.P95, p.P99 = ms(h.Mean()), ms(h.Quantile(0.5)), ms(h.Quantile(0.95)), ms(h.Quantile(0.99))
	}
	return p
}

func newDirection(d *history.DirectionRollup, capacities *[24][]history.Gauge) *Direction {
	out := &Direction{
		States: map[string]float64{}, Decisions: map[string]uint32{}, Capacity: []HourCapacity{},
		Limit: rangeOf(d.Limit, 1000), Throughput: rangeOf(d.Throughput, 1000),
	}
	for s := autorate.Green; s <= autorate.Red; s++ {
		out.States[s.String()] = seconds(d.States[s])
	}
	for reason, n := range d.Reasons {
		if r := autorate.Reason(reason); r.Notable() {
			out.Decisions[r.String()] = n
		}
	}
	for hour, list := range capacities {
		if len(list) == 0 {
			continue
		}
		var all history.Gauge
		means := make([]float64, len(list))
		for i, c := range list {
			all.Merge(c)
			means[i] = c.Mean()
		}
		slices.Sort(means)
		out.Capacity = append(out.Capacity, HourCapacity{hour, mbps(all.Min), mbps(means[len(means)/2]), mbps(all.Max)})
	}
	return out
}

func newReflector(x history.ReflectorRollup) Reflector {
	r := Reflector{Host: x.Host, Sent: x.Sent, RTT: rangeOf(x.RTT, 1)}
	if x.Sent > 0 {
		r.Answers = new(units.Round(min(float64(x.Replies)/float64(x.Sent), 1), 4))
	}
	return r
}

func newInterval(r *history.Rollup, zone *time.Location) Interval {
	out := Interval{At: r.Start.In(zone), NoReply: seconds(r.NoReply), Highest: rangeOf(r.RTT, 1).Max}
	out.Idle, out.Loaded = percentiles(&r.Idle).P50, percentiles(&r.Loaded).P95
	for i := range r.Directions {
		d := &r.Directions[i]
		if d.Limit.Count == 0 {
			continue
		}
		used := rangeOf(d.Throughput, 1000)
		out.Directions[i] = &Lane{
			Limit: rangeOf(d.Limit, 1000).Mean, Throughput: used.Mean, Peak: used.Max,
			Capacity: rangeOf(d.Capacity, 1000).Mean, State: d.Worst().String(),
		}
	}
	return out
}

// rangeOf returns g in a unit that is so many times that of g.
func rangeOf(g history.Gauge, unit float64) Range {
	if g.Count == 0 {
		return Range{}
	}
	in := func(v float64) *float64 { return new(units.Round(v/unit, 3)) }
	return Range{in(g.Min), in(g.Mean()), in(g.Max)}
}

func mbps(kbps float64) float64 { return units.Round(kbps/1000, 3) }

func seconds(d time.Duration) float64 { return units.Round(d.Seconds(), 1) }

// Direction returns direction i, 0 for the download, nil when it is not controlled.
func (w *WAN) Direction(i int) *Direction { return [2]*Direction{w.Download, w.Upload}[i] }

// Titles are the headings of the directions.
func (r *Report) Titles() [2]string { return [2]string{"Download", "Upload"} }
