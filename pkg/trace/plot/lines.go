package plot

import "time"

// gapPixels is how many empty columns in a row interrupt a line: steps that
// lie farther apart than a pixel leave empty columns, too.
func (p *Plot) gapPixels() float64 {
	seen := float64(max(p.at-p.first, time.Millisecond))
	pixel := seen / plotWidth
	// Twice the usual time between two steps, and a second at least.
	between := max(2*seen/float64(max(p.steps, 1)), float64(time.Second))
	return max(2, between/pixel)
}

// path draws a line through what of says of each column, raised by lift.
func (p *Plot) path(s *svg, class string, cols []column, a axis, lift float64, of func(*column) *span) {
	p.trail(s, class, cols, of, func(x float64, v *span, joined bool) {
		first := "L"
		if !joined {
			first = "M"
		}
		s.put("%s%.0f %.1f", first, x, a.at(v.first+lift))
		if v.low != v.high {
			s.put("V%.1fV%.1fV%.1f", a.at(v.low+lift), a.at(v.high+lift), a.at(v.last+lift))
		}
	}, func() {})
}

// steppedPath draws what stays as it is until it changes.
func (p *Plot) steppedPath(s *svg, class string, cols []column, a axis, of func(*column) *span) {
	before, still := 0.0, 0.0 // the value, and up to where it has stayed
	rest := func() {
		if still > 0 {
			s.put("H%.0f", still)
		}
		still = 0
	}
	p.trail(s, class, cols, of, func(x float64, v *span, joined bool) {
		switch {
		case !joined:
			rest()
			s.put("M%.0f %.1f", x, a.at(v.first))
		case v.first != before || v.low != v.high:
			s.put("H%.0fV%.1f", x, a.at(v.first))
			still = 0
		default:
			still = x
		}
		if v.low != v.high {
			s.put("V%.1fV%.1fV%.1f", a.at(v.low), a.at(v.high), a.at(v.last))
		}
		before = v.last
	}, rest)
}

// trail hands every column that has a value to point, and whether it is joined
// to the one before. end follows the last.
func (p *Plot) trail(s *svg, class string, cols []column, of func(*column) *span, point func(x float64, v *span, joined bool), end func()) {
	gap, last, begun := p.gapPixels(), -1, false
	for i := range cols {
		v := of(&cols[i])
		if v.n == 0 {
			continue
		}
		if !begun {
			s.put(`<path class="%s" d="`, class)
			begun = true
		}
		point(float64(left+i), v, last >= 0 && float64(i-last) <= gap)
		last = i
	}
	if begun {
		end()
		s.put("\"/>\n")
	}
}

// area fills what lies below the lowest of each column.
func (p *Plot) area(s *svg, cols []column, a axis, of func(*column) *span) {
	gap, last := p.gapPixels(), -1
	floor := a.at(0)
	for i := range cols {
		v := of(&cols[i])
		if v.n == 0 {
			continue
		}
		if last < 0 || float64(i-last) > gap {
			if last >= 0 {
				s.put(`V%.1fz"/>`+"\n", floor)
			}
			s.put(`<path class="thru" d="M%d %.1f`, left+i, floor)
		}
		s.put("L%d %.1f", left+i, a.at(v.low))
		last = i
	}
	if last >= 0 {
		s.put(`V%.1fz"/>`+"\n", floor)
	}
}

// runs hands on the stretches of equal value, where there are steps at all.
func (p *Plot) runs(cols []column, value func(*column) int, each func(x, w float64, from, to time.Duration, v int)) {
	gap, start, last := p.gapPixels(), -1, -1
	at := func(i int) time.Duration {
		return p.first + time.Duration(float64(i)/plotWidth*float64(p.at-p.first))
	}
	end := func(to int) {
		if start >= 0 && to > start {
			each(float64(left+start), float64(to-start), at(start), at(to), value(&cols[start]))
		}
	}
	for i := range cols {
		if cols[i].steps == 0 {
			continue
		}
		switch {
		case start < 0:
			start = i
		case float64(i-last) > gap:
			end(last + 1)
			start = i
		case value(&cols[i]) != value(&cols[start]):
			end(i)
			start = i
		}
		last = i
	}
	end(min(last+1, plotWidth))
}
