package calibrate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
)

func TestGrade(t *testing.T) {
	for _, tt := range []struct {
		increase time.Duration
		want     string
	}{
		{0, "A+"}, {5*ms - 1, "A+"}, {5 * ms, "A"}, {30*ms - 1, "A"}, {30 * ms, "B"}, {60 * ms, "C"}, {200*ms - 1, "C"},
		{200 * ms, "D"}, {400*ms - 1, "D"}, {400 * ms, "F"}, {time.Hour, "F"},
	} {
		if got := calibrate.Grade(tt.increase); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.increase, got, tt.want)
		}
	}
}

func TestPlan(t *testing.T) {
	p := calibrate.Plan{
		Controlled: [2]bool{true, true}, Expected: [2]bitrate.Rate{80 * mbps, 8 * mbps},
		IdleLength: 10 * time.Second, LoadLength: 10 * time.Second,
	}
	if got := p.Bytes(); got != 231_000_000 {
		t.Errorf("%d bytes", got)
	}
	if got := p.Length(); got != 62*time.Second {
		t.Errorf("length %v", got)
	}
	if got := p.Lifted([2]bitrate.Rate{0, 500 * mbps}); got != [2]bitrate.Rate{320 * mbps, 2000 * mbps} {
		t.Errorf("lifted to %v", got)
	}
	if got := (calibrate.Plan{Controlled: [2]bool{true, false}, Expected: [2]bitrate.Rate{10_000 * mbps, 0}}).Lifted([2]bitrate.Rate{}); got != [2]bitrate.Rate{10_000 * mbps, 0} {
		t.Errorf("lifted to %v", got)
	}
}
