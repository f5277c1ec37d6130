package history

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// codec writes the fields of a rollup to buf, or reads them from there: one list of
// fields is the format in both directions. Fields are added at its end only. A reader
// leaves out what it does not know, and fields that are missing stay zero.
type codec struct {
	buf     []byte
	reading bool
	bad     bool
}

var errMalformed = errors.New("malformed record")

// encode appends r to buf.
func (r *Rollup) encode(buf []byte) []byte {
	c := codec{buf: buf}
	r.fields(&c)
	return c.buf
}

// decode reads r, which is empty, from a record.
func (r *Rollup) decode(record []byte) error {
	c := codec{buf: record, reading: true}
	r.fields(&c)
	if c.bad {
		return errMalformed
	}
	return nil
}

func (r *Rollup) fields(c *codec) {
	c.time(&r.Start)
	for _, d := range []*time.Duration{&r.Length, &r.Observed, &r.NoReply} {
		c.duration(d)
	}
	for _, g := range []*Gauge{&r.RTT, &r.Baseline, &r.Excess} {
		c.gauge(g, 1000)
	}
	for _, h := range []*Histogram{&r.Idle, &r.Loaded, &r.Increase} {
		c.histogram(h)
	}
	for i := range r.Directions {
		d := &r.Directions[i]
		for _, g := range []*Gauge{&d.Limit, &d.Throughput, &d.Capacity} {
			c.gauge(g, 1)
		}
		sparse(c, d.States[:], c.duration)
		sparse(c, d.Reasons[:], c.count)
	}
	c.gauge(&r.Router.Latency, 1000)
	for _, n := range []*uint32{&r.Router.Requests, &r.Router.Errors, &r.Router.Writes, &r.Router.Refused} {
		c.count(n)
	}
	n := uint64(len(r.Reflectors))
	if c.uint(&n); n > maxReflectors {
		c.bad = true
		return
	}
	if c.reading && n > 0 {
		r.Reflectors = make([]ReflectorRollup, n)
	}
	for i := range r.Reflectors {
		x := &r.Reflectors[i]
		c.text(&x.Host)
		c.count(&x.Sent)
		c.count(&x.Replies)
		c.gauge(&x.RTT, 1000)
	}
}

// uint is the base of all others. Behind the end there are zeros.
func (c *codec) uint(v *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	*v = 0
	if len(c.buf) == 0 || c.bad {
		return
	}
	x, n := binary.Uvarint(c.buf)
	if n <= 0 {
		c.bad = true
		return
	}
	*v, c.buf = x, c.buf[n:]
}

func (c *codec) count(v *uint32) {
	x := uint64(*v)
	c.uint(&x)
	*v = uint32(min(x, math.MaxUint32))
}

// duration keeps milliseconds.
func (c *codec) duration(d *time.Duration) {
	x := uint64(max(*d, 0).Round(time.Millisecond) / time.Millisecond)
	c.uint(&x)
	if c.reading {
		*d = time.Duration(min(x, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	}
}

// time keeps milliseconds since 1970.
func (c *codec) time(t *time.Time) {
	x := uint64(max(t.UnixMilli(), 0))
	c.uint(&x)
	if c.reading {
		*t = time.UnixMilli(int64(min(x, math.MaxInt64))).UTC()
	}
}

// gauge keeps values in units of 1/scale: the count, the lowest, and how much the mean
// and the highest are above it.
func (c *codec) gauge(g *Gauge, scale float64) {
	c.count(&g.Count)
	if g.Count == 0 {
		return
	}
	lowest, mean, highest := units(g.Min, scale), units(g.Mean(), scale), units(g.Max, scale)
	above, most := max(mean, lowest)-lowest, max(highest, mean, lowest)-max(mean, lowest)
	c.signed(&lowest)
	for _, v := range []*int64{&above, &most} {
		x := uint64(*v)
		c.uint(&x)
		*v = int64(min(x, math.MaxInt64/4))
	}
	if c.reading {
		g.Min, g.Max = float64(lowest)/scale, float64(lowest+above+most)/scale
		g.Sum = float64(lowest+above) / scale * float64(g.Count)
	}
}

func units(v, scale float64) int64 {
	return int64(math.Round(min(max(v*scale, -1e15), 1e15)))
}

func (c *codec) signed(v *int64) {
	x := uint64(*v<<1) ^ uint64(*v>>63)
	c.uint(&x)
	*v = max(min(int64(x>>1)^-int64(x&1), math.MaxInt64/4), math.MinInt64/4)
}

func (c *codec) histogram(h *Histogram) { sparse(c, h[:], c.count) }

// sparse keeps those elements of list that are not zero, each behind the number of zeros
// before it.
func sparse[T comparable](c *codec, list []T, each func(*T)) {
	var zero T
	n := uint64(0)
	for _, v := range list {
		if v != zero {
			n++
		}
	}
	c.uint(&n)
	at := 0
	for ; n > 0 && !c.bad; n-- {
		gap := uint64(0)
		for !c.reading && list[at+int(gap)] == zero {
			gap++
		}
		c.uint(&gap)
		if gap >= uint64(len(list)-at) {
			c.bad = true
			return
		}
		at += int(gap)
		each(&list[at])
		at++
	}
}

// text keeps a short string.
func (c *codec) text(s *string) {
	const most = 255
	n := uint64(min(len(*s), most))
	c.uint(&n)
	switch {
	case !c.reading:
		c.buf = append(c.buf, (*s)[:n]...)
	case n > uint64(len(c.buf)):
		c.bad = true
	default:
		*s, c.buf = string(c.buf[:n]), c.buf[n:]
	}
}
