//go:build linux

package lab_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
)

// TestLabIdleThrift measures what slow probes cost in reaction: load begins on a line that
// carries two fifths of its ceiling, before the minute without load is over, when probes
// are at full rate, and after it, when there is one a second. The first cut is in the
// table.
//
//	go test ./pkg/lab -run LabIdleThrift -v -timeout 1h -lab.full -lab.busy -lab.repeat 5
func TestLabIdleThrift(t *testing.T) {
	if !*full {
		t.Skip("takes three minutes a repetition: -lab.full")
	}
	l := build(t, lab.Config{Busy: *busy})
	binary := builtWanctl(t)
	var reports []labrun.Report
	for i := range *repeat {
		for _, idle := range []time.Duration{50 * time.Second, 75 * time.Second} {
			s := scenario(fmt.Sprintf("load after %v without", idle), downLoad, 6*time.Second)
			s.Warmup = idle
			s.Capacity = []labrun.CapacityStep{{At: time.Millisecond, Download: 16 * mbps}} // with the load
			t.Run(fmt.Sprintf("%s/%d", s.Name, i), func(t *testing.T) {
				reports = append(reports, shape(t, l, binary, trial{scenario: s}))
			})
		}
	}
	publish(t, reports)
}
