package simrun

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// startUp is the beginning of a load that utilisation leaves out: TCP's start, not
// the controller, decides it.
const startUp = time.Second

// sample is the state of a link at one moment.
type sample struct {
	at       time.Duration
	queue    time.Duration // that would be added to the RTT of a sparse packet by queues alone
	noise    time.Duration // and by jitter of the link alone
	excess   time.Duration // what both have added to that of one sent now
	good     [2]float64
	could    [2]float64
	limit    [2]bitrate.Rate
	capacity [2]bitrate.Rate
	loaded   [2]bool // with bulk transfers
	used     [2]bool // with any
}

// recorder collects the samples and changes that a Result is computed from.
type recorder struct {
	link      *linksim.Link
	from, end time.Duration
	samples   []sample
	changes   []Change
	writes    int
	min, max  [2]bitrate.Rate
}

func newRecorder(l *linksim.Link, from, end time.Duration) *recorder {
	m := &recorder{link: l, from: from, end: end}
	for _, d := range autorate.Directions {
		m.min[d], m.max[d] = l.Limit(d), l.Limit(d)
	}
	m.samples = make([]sample, 0, max(0, (end-max(from, l.Now()))/sampleInterval)+2)
	return m
}

func (m *recorder) sample() {
	l := m.link
	if l.Now() < m.from {
		return
	}
	k := sample{at: l.Now(), queue: l.Excess(), noise: l.Noise()}
	for _, d := range autorate.Directions {
		k.good[d], k.could[d] = l.Delivered(d), l.Deliverable(d)
		k.limit[d], k.capacity[d] = l.Limit(d), l.Capacity(d)
		k.loaded[d], k.used[d] = l.Loaded(d), l.Used(d)
	}
	k.excess = k.queue + k.noise // until it is back
	i := len(m.samples)
	l.TimePacket(func(excess time.Duration) { m.samples[i].excess = excess })
	m.samples = append(m.samples, k)
}

func (m *recorder) changed(c Change) {
	m.min[c.Direction], m.max[c.Direction] = min(m.min[c.Direction], c.Limit), max(m.max[c.Direction], c.Limit)
	m.changes = append(m.changes, c)
}

func (m *recorder) wrote() {
	if m.link.Now() >= m.from {
		m.writes++
	}
}

func (m *recorder) result(disturbances []Disturbance) Result {
	r := Result{Changes: m.changes, LimitMin: m.min, LimitMax: m.max, Writes: m.writes}
	if len(m.samples) == 0 {
		return r
	}
	r.Span = m.samples[len(m.samples)-1].at - m.samples[0].at
	for _, c := range m.changes {
		if c.Limit < c.Before || c.Before == 0 {
			r.Cuts++
		} else {
			r.Raises++
		}
	}
	r.Summary, r.Own = m.delays()
	for _, d := range autorate.Directions {
		r.Utilisation[d], r.Loaded[d] = m.utilisation(d)
	}
	for _, d := range autorate.Directions {
		if r.Idle[d] = r.Loaded[1-d] && !m.ever(func(k sample) bool { return k.used[d] }); r.Idle[d] {
			r.Kept[d], r.KeptMin[d] = m.kept(d)
		}
	}
	for _, dist := range disturbances {
		r.Reactions = append(r.Reactions, m.reaction(dist))
	}
	return r
}

func (m *recorder) ever(what func(sample) bool) bool { return slices.ContainsFunc(m.samples, what) }

// delays summarises the delay of sparse packets while there was load, or all the
// time if there never was any.
func (m *recorder) delays() (all, own linksim.Summary) {
	used := func(k sample) bool { return k.used[0] || k.used[1] }
	ever := m.ever(used)
	sum := make([]time.Duration, 0, len(m.samples))
	noise := make([]time.Duration, 0, len(m.samples))
	for _, k := range m.samples {
		if ever && !used(k) {
			continue
		}
		sum = append(sum, k.excess)
		noise = append(noise, k.noise)
	}
	return linksim.Summarise(sum), linksim.Summarise(noise)
}

// utilisation returns what was delivered in d while it was loaded, over what could
// have been.
func (m *recorder) utilisation(d autorate.Direction) (share float64, loaded bool) {
	var good, could float64
	began := time.Duration(-1)
	for i, k := range m.samples {
		if !k.loaded[d] {
			began = -1
			continue
		}
		if began < 0 {
			began = k.at
			if i == 0 {
				began = -startUp // loaded before the first sample
			}
		}
		if i > 0 && k.at-began > startUp {
			good += k.good[d] - m.samples[i-1].good[d]
			could += k.could[d] - m.samples[i-1].could[d]
		}
	}
	if could == 0 {
		return 0, false
	}
	return good / could, true
}

// kept returns what the limit of d, which is idle, leaves of its capacity while the
// other direction is loaded: on average, and at worst.
func (m *recorder) kept(d autorate.Direction) (mean, least float64) {
	n := 0
	least = 1
	for _, k := range m.samples {
		if !k.loaded[1-d] || k.capacity[d] == 0 {
			continue
		}
		share := 1.0
		if k.limit[d] > 0 {
			share = min(1, float64(k.limit[d])/float64(k.capacity[d]))
		}
		mean += share
		least = min(least, share)
		n++
	}
	return mean / float64(max(1, n)), least
}
