package plot

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// maxColumns bounds what is kept: twice what is drawn, so that halving it when
// it is full never leaves less than a column a pixel.
const maxColumns = 2 * plotWidth

// span is all the values of a column, as far as a line through them shows.
type span struct {
	first, low, high, last float64
	n                      int
}

func (s *span) add(v float64) { s.merge(span{v, v, v, v, 1}) }

// merge takes in what came after s.
func (s *span) merge(b span) {
	switch {
	case b.n == 0:
		return
	case s.n == 0:
		*s = b
		return
	}
	s.low, s.high, s.last = min(s.low, b.low), max(s.high, b.high), b.last
	s.n += b.n
}

// mark is something a law did at one moment.
type mark struct {
	at                time.Duration
	reason            string
	from, to          bitrate.Rate
	dec               autorate.DirectionDecision // zero for what the law did not do
	excess, threshold time.Duration
}

// marks is the first mark of a column and the number of all.
type marks struct {
	first mark
	n     int
}

func (m *marks) add(x mark) { m.merge(marks{x, 1}) }

func (m *marks) merge(b marks) {
	if m.n == 0 {
		m.first = b.first
	}
	m.n += b.n
}

// column is what happened in a slice of time.
type column struct {
	rtt, base, threshold span // ms
	steps, silent        int
	lanes                [2]lane
}

// lane is the part of a column for one direction. Rates are Mbit/s.
type lane struct {
	limit, inForce, throughput, capacity span
	state                                autorate.State // the worst
	cuts, others                         marks
}

func (c *column) merge(b *column) {
	c.rtt.merge(b.rtt)
	c.base.merge(b.base)
	c.threshold.merge(b.threshold)
	c.steps += b.steps
	c.silent += b.silent
	for d := range c.lanes {
		l, m := &c.lanes[d], &b.lanes[d]
		l.limit.merge(m.limit)
		l.inForce.merge(m.inForce)
		l.throughput.merge(m.throughput)
		l.capacity.merge(m.capacity)
		l.state = max(l.state, m.state)
		l.cuts.merge(m.cuts)
		l.others.merge(m.others)
	}
}

// columns is time in slices of equal width, which doubles when there are too
// many.
type columns struct {
	from  time.Duration
	width time.Duration
	list  []column
}

// at returns the column of t, which is not before from.
func (c *columns) at(t time.Duration) *column {
	i := max(0, int((t-c.from)/c.width))
	for i >= maxColumns {
		c.halve()
		i = max(0, int((t-c.from)/c.width))
	}
	for len(c.list) <= i {
		c.list = append(c.list, column{})
	}
	return &c.list[i]
}

func (c *columns) halve() {
	c.width *= 2
	for i := range c.list {
		if i%2 == 1 {
			c.list[i/2].merge(&c.list[i])
		} else {
			c.list[i/2] = c.list[i]
		}
	}
	c.list = c.list[:(len(c.list)+1)/2]
}

// fit returns n columns over the same time and the pixel that each begins at.
func (c *columns) fit(span time.Duration) []column {
	out := make([]column, plotWidth+1)
	for i := range c.list {
		x := int(float64(i) * float64(c.width) / float64(max(span, 1)) * plotWidth)
		out[min(x, plotWidth)].merge(&c.list[i])
	}
	return out
}
