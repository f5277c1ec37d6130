package units

import (
	"math"
	"testing"
	"time"
)

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]float64{
		0: 0, 999 * time.Nanosecond: 0, 1500 * time.Microsecond: 1.5, -time.Second: -1000,
	} {
		if got := Millis(d); got != want {
			t.Errorf("Millis(%v) = %v, want %v", d, got, want)
		}
	}
}

func TestRound(t *testing.T) {
	for _, tt := range []struct {
		v      float64
		digits int
		want   float64
	}{
		{1.23456, 2, 1.23}, {1.235, 1, 1.2}, {-0.0004, 3, 0}, {1e9, 3, 1e9}, {math.Inf(1), 2, math.Inf(1)},
	} {
		if got := Round(tt.v, tt.digits); got != tt.want {
			t.Errorf("Round(%v, %d) = %v, want %v", tt.v, tt.digits, got, tt.want)
		}
	}
	if got := Round(math.NaN(), 2); !math.IsNaN(got) {
		t.Errorf("Round(NaN) = %v", got)
	}
}
