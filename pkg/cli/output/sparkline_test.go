package output

import (
	"math"
	"testing"
)

func TestSparkline(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name   string
		ramp   Ramp
		values []float64
		lo, hi float64
		want   string
	}{
		{"empty", Blocks, nil, 0, 1, ""},
		{"ramp", Blocks, []float64{0, 1, 2, 3, 4, 5, 6, 7}, 0, 7, "▁▂▃▄▅▆▇█"},
		{"ascii", ASCII, []float64{0, 7}, 0, 7, "_#"},
		{"beyond the edges", Blocks, []float64{-5, 50, -math.MaxFloat64, math.MaxFloat64}, 0, 10, "▁█▁█"},
		{"flat", Blocks, []float64{3, 3}, 3, 3, "▁▁"},
		{"upside down scale", Blocks, []float64{1, 2}, 9, 3, "▁▁"},
		{"gaps and losses", Blocks, []float64{nan, 1, inf, 0}, 0, 1, " █×▁"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Sparkline(tt.ramp, tt.values, tt.lo, tt.hi); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
