package plot

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// axis maps values from 0 to top onto pixels.
type axis struct {
	top, step float64
	y, height float64 // of the upper edge
}

// newAxis is an axis with round steps that reaches most.
func newAxis(most, y, height float64) axis {
	step := niceStep(most / 4)
	return axis{top: step * math.Ceil(most/step-1e-9), step: step, y: y, height: height}
}

func (a axis) at(v float64) float64 { return a.y + a.height*(1-v/a.top) }

// niceStep is the next of 1, 2, 5, 10, 20 ... that is not less than v.
func niceStep(v float64) float64 {
	if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*scale*(1+1e-9) {
			return m * scale
		}
	}
	return 10 * scale
}

// label is a value of the axis, with as many digits as its steps have.
func (a axis) label(v float64) string {
	digits := 0
	for scaled := a.step; digits < 9 && math.Abs(scaled-math.Round(scaled)) > 1e-6*scaled; scaled *= 10 {
		digits++
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// timeSteps are the round steps of a time axis, in seconds.
var timeSteps = [...]float64{
	0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
	3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600,
}

// timeTicks are the round times in [from, to], at most a dozen, and how to write them.
func timeTicks(from, to time.Duration) (ticks []time.Duration, label func(time.Duration) string) {
	span := (to - from).Seconds()
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if span/s <= 12 {
			step = s
			break
		}
	}
	step = max(step, span/12)
	for n := math.Ceil(from.Seconds()/step - 1e-9); n*step <= to.Seconds()+1e-9; n++ {
		ticks = append(ticks, time.Duration(n*step*1e9))
	}
	switch {
	case to < 2*time.Minute:
		digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
		return ticks, func(t time.Duration) string { return strconv.FormatFloat(t.Seconds(), 'f', digits, 64) + " s" }
	case to < time.Hour:
		return ticks, func(t time.Duration) string {
			s := int(math.Round(t.Seconds()))
			return fmt.Sprintf("%d:%02d", s/60, s%60)
		}
	}
	return ticks, func(t time.Duration) string {
		s := int(math.Round(t.Seconds()))
		if step < 60 {
			return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
		}
		return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
	}
}
