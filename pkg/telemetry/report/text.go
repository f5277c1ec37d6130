package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Share is a part of a time.
type Share struct {
	Name    string
	Seconds float64
	Percent float64
}

// Shares returns the time in each state, from GREEN to RED.
func (d *Direction) Shares() []Share {
	total := 0.0
	for _, s := range d.States {
		total += s
	}
	var list []Share
	for _, name := range []string{"GREEN", "YELLOW", "SOFT_RED", "RED"} {
		share := Share{Name: name, Seconds: d.States[name]}
		if total > 0 {
			share.Percent = 100 * share.Seconds / total
		}
		list = append(list, share)
	}
	return list
}

// Count is how often something happened.
type Count struct {
	Name string
	N    uint32
}

// Counts returns the notable decisions that were made, the most frequent first.
func (d *Direction) Counts() []Count {
	var list []Count
	for _, name := range slices.Sorted(maps.Keys(d.Decisions)) {
		if n := d.Decisions[name]; n > 0 {
			list = append(list, Count{name, n})
		}
	}
	slices.SortStableFunc(list, func(a, b Count) int { return cmp.Compare(b.N, a.N) })
	return list
}

// Span returns seconds in the two largest units, such as "3 d 4 h".
func Span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	days, hours, minutes, rest := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d min %d s", minutes, rest)
	case seconds < 10:
		return fmt.Sprintf("%.1f s", seconds)
	}
	return fmt.Sprintf("%d s", rest)
}
