package calibrate

import (
	"testing"
	"time"
)

// What was sent or answered while this process did not run is no measurement; what was
// under way meanwhile is one.
func TestSpoiltProbes(t *testing.T) {
	const ms = time.Millisecond
	r := recording{to: 400 * ms, late: []span{{100 * ms, 120 * ms}, {200 * ms, 260 * ms}}}
	for _, tt := range []struct {
		sent, rtt time.Duration
		want      bool
	}{
		{50 * ms, 20 * ms, false}, {90 * ms, 20 * ms, true}, {90 * ms, 40 * ms, false}, {110 * ms, 50 * ms, true},
		{130 * ms, 20 * ms, false}, {90 * ms, 150 * ms, true}, {90 * ms, 200 * ms, false}, {255 * ms, 100 * ms, true}, {300 * ms, 10 * ms, false},
	} {
		if got := r.spoilt(probe{sent: tt.sent, rtt: tt.rtt}); got != tt.want {
			t.Errorf("sent at %v, %v: %v, want %v", tt.sent, tt.rtt, got, tt.want)
		}
	}
	if got := r.lateShare(); got != 0.2 {
		t.Errorf("share %v", got)
	}
}
