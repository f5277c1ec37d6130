package page

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// none stands for a value that is unknown.
const none = "–"

// ms formats milliseconds, with one decimal below 100.
func ms(x *float64) string {
	switch {
	case x == nil:
		return none
	case math.Abs(*x) < 100:
		return fixed(*x, 1)
	}
	return fixed(*x, 0)
}

// signedMs formats a difference in milliseconds.
func signedMs(x *float64) string {
	if x == nil || *x < 0 {
		return ms(x)
	}
	return "+" + ms(x)
}

// mbps formats a rate in Mbit/s, to three figures or all before the point.
func mbps(x *float64) string {
	switch {
	case x == nil:
		return none
	case *x < 10:
		return fixed(*x, 2)
	case *x < 100:
		return fixed(*x, 1)
	}
	return fixed(*x, 0)
}

func number(x *float64, decimals int) string {
	if x == nil {
		return none
	}
	return fixed(*x, decimals)
}

func count(n *int) string {
	if n == nil {
		return none
	}
	return strconv.Itoa(*n)
}

func fixed(x float64, decimals int) string { return strconv.FormatFloat(x, 'f', decimals, 64) }

// duration formats a length of time in its two largest units.
func duration(seconds float64) string {
	if seconds < 9.95 {
		return fixed(max(seconds, 0), 1) + " s"
	}
	s := int64(math.Round(seconds))
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
}

// ago formats the age of something.
func ago(seconds *float64) string {
	if seconds == nil {
		return "never"
	}
	return duration(*seconds) + " ago"
}

// clock formats the time of day of at, with the date unless it is that of now,
// in the zone of this process.
func clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("2 Jan 15:04:05")
}

// orNone returns text, or none when it is empty.
func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}
