package rtt

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name      string
		plan      Plan
		echoes    []Schedule
		fallbacks []Schedule
	}{
		{
			"together from zero", Plan{Interval: 50 * ms},
			[]Schedule{{50 * ms, 50 * ms}, {50 * ms, 50 * ms}, {50 * ms, 50 * ms}},
			[]Schedule{{50 * ms, 200 * ms}, {150 * ms, 200 * ms}},
		},
		{
			"together, started between two ticks", Plan{Start: 1012 * ms, Interval: 500 * ms},
			[]Schedule{{1500 * ms, 500 * ms}, {1500 * ms, 500 * ms}, {1500 * ms, 500 * ms}},
			[]Schedule{{1500 * ms, 500 * ms}, {1750 * ms, 500 * ms}},
		},
		{
			"staggered", Plan{Start: 7 * ms, Interval: 60 * ms, Staggered: true},
			[]Schedule{{7 * ms, 60 * ms}, {27 * ms, 60 * ms}, {47 * ms, 60 * ms}},
			[]Schedule{{7 * ms, 200 * ms}, {107 * ms, 200 * ms}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.echoes, tt.plan.Echoes(3)); diff != "" {
				t.Errorf("echoes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.fallbacks, tt.plan.Spread(2, tt.plan.Fallback())); diff != "" {
				t.Errorf("fallbacks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScheduleDue(t *testing.T) {
	const ms = time.Millisecond
	s := Schedule{First: 10 * ms, Interval: 50 * ms}
	for _, tt := range []struct {
		name            string
		now, last, want time.Duration
	}{
		{"before the first", 0, -time.Hour, 10 * ms},
		{"at the first", 10 * ms, -time.Hour, 10 * ms},
		{"a little late", 20 * ms, -time.Hour, 10 * ms},
		{"too late", 21 * ms, -time.Hour, 60 * ms},
		{"just sent", 10 * ms, 10 * ms, 60 * ms},
		{"sent a little late", 18 * ms, 18 * ms, 60 * ms},
		{"sent a little early", 58 * ms, 58 * ms, 110 * ms},
		{"after a long break", 1009 * ms, 60 * ms, 1010 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.Due(tt.now, tt.last); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNextClockRequest(t *testing.T) {
	for _, tt := range []struct {
		random float64
		slow   time.Duration
		want   time.Duration
	}{{0, 0, 1096 * time.Millisecond}, {0.5, 0, 1100 * time.Millisecond}, {1, 0, 1104 * time.Millisecond}, {0.5, time.Second, 2 * time.Second}} {
		if got := NextClockRequest(time.Second, tt.random, tt.slow); got != tt.want {
			t.Errorf("random %v: %v, want %v", tt.random, got, tt.want)
		}
	}
}
