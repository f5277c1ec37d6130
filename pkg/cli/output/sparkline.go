package output

import (
	"math"
	"strings"
)

// Ramp is what a sparkline is drawn with: one character for no data, one for a
// value off the scale, and then the levels from low to high.
type Ramp string

// Ramps for terminals with and without Unicode.
const (
	Blocks Ramp = " ×▁▂▃▄▅▆▇█"
	ASCII  Ramp = " x_.-:=+*#"
)

// Sparkline draws values, one character each, between lo and hi. NaN is no
// data, +Inf is off the scale; other values outside lo..hi are drawn at its
// edges.
func Sparkline(r Ramp, values []float64, lo, hi float64) string {
	runes := []rune(string(r))
	none, off, levels := runes[0], runes[1], runes[2:]
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteRune(none)
		case math.IsInf(v, 1):
			b.WriteRune(off)
		default:
			at := 0.0
			if hi > lo {
				at = min(max((v-lo)/(hi-lo), 0), 1)
			}
			b.WriteRune(levels[int(math.Round(at*float64(len(levels)-1)))])
		}
	}
	return b.String()
}
