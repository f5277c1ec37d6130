package actuate

import (
	"testing"
	"time"
)

func TestLatency(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name string
		took []time.Duration
		want time.Duration
	}{
		{"no call yet", nil, presumedLatency},
		{"one", []time.Duration{5 * ms}, 5 * ms},
		{"an outlier among few", []time.Duration{5 * ms, 500 * ms, 6 * ms}, 500 * ms},
		{"an outlier among many", append(make([]time.Duration, 15), 500*ms), 0},
		{"two among many", append(make([]time.Duration, 14), 500*ms, 400*ms), 400 * ms},
		{"the oldest are forgotten", append([]time.Duration{900 * ms, 900 * ms}, make([]time.Duration, 16)...), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l latency
			for _, d := range tt.took {
				l.add(d)
			}
			if got := l.p90(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
