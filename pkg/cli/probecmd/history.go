package probecmd

import (
	"math"
	"time"
)

// history is the recent past in cells of equal length: the worst value of
// each and how many probes it lost. The zero value is empty.
type history struct {
	cells [historyCells]historyCell
}

type historyCell struct {
	number int64 // since the start, from 1, of the cell that uses this slot
	worst  time.Duration
	any    bool // worst is valid
	lost   int
}

// slot returns the slot of cell number, emptied if it held an older cell, or
// nil if it holds a newer one already.
func (p *history) slot(number int64) *historyCell {
	number = max(number, 0) + 1
	c := &p.cells[number%historyCells]
	if c.number > number {
		return nil
	}
	if c.number < number {
		*c = historyCell{number: number}
	}
	return c
}

func (p *history) add(number int64, d time.Duration) {
	if c := p.slot(number); c != nil {
		c.worst, c.any = max(c.worst, d), true
	}
}

func (p *history) lose(number int64, n int) {
	if c := p.slot(number); c != nil {
		c.lost += n
	}
}

// values returns the cells up to newest, at most n, oldest first, for a
// sparkline: milliseconds, NaN where nothing is known, +Inf where a probe was
// lost. lo and hi are the scale that suits them.
func (p *history) values(newest int64, n int) (values []float64, lo, hi float64) {
	n = min(n, historyCells)
	lo, hi = math.Inf(1), 0
	for number := newest + 2 - int64(n); number <= newest+1; number++ {
		v := math.NaN()
		if number > 0 {
			if c := p.cells[number%historyCells]; c.number == number {
				switch {
				case c.lost > 0:
					v = math.Inf(1)
				case c.any:
					v = float64(c.worst) / 1e6
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
		values = append(values, v)
	}
	// The noise of a quiet line must not fill the height.
	const smallestRange = 5
	return values, lo, max(hi, lo+smallestRange, 1.25*lo)
}
