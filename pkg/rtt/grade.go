package rtt

import "time"

// Grade returns the grade of a mean increase of the latency under load on the scale of
// the DSLReports speed test, which other public tests have adopted
// (https://www.dslreports.com/faq/17930): A+, A, B, C, D or F.
func Grade(increase time.Duration) string {
	for _, g := range []struct {
		below time.Duration
		grade string
	}{
		{5 * time.Millisecond, "A+"}, {30 * time.Millisecond, "A"}, {60 * time.Millisecond, "B"},
		{200 * time.Millisecond, "C"}, {400 * time.Millisecond, "D"},
	} {
		if increase < g.below {
			return g.grade
		}
	}
	return "F"
}
