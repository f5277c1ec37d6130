// Package units turns durations and numbers into the form that documents and
// log lines show. It does not parse.
package units

import (
	"strconv"
	"time"
)

// Millis returns d in milliseconds with microsecond resolution.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// Round returns v rounded to so many decimal digits, or v itself when it is not
// a finite number.
func Round(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}
