package rtt

import (
	"testing"
	"time"
)

func TestGrade(t *testing.T) {
	for ms, want := range map[int]string{-1: "A+", 0: "A+", 4: "A+", 5: "A", 29: "A", 30: "B", 60: "C", 199: "C", 200: "D", 400: "F", 5000: "F"} {
		if got := Grade(time.Duration(ms) * time.Millisecond); got != want {
			t.Errorf("%d ms: %s, want %s", ms, got, want)
		}
	}
}
