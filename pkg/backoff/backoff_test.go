package backoff

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDelay(t *testing.T) {
	const ms = time.Millisecond
	var got []time.Duration
	for _, n := range []int{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1 << 40} {
		got = append(got, Delay(n))
	}
	want := []time.Duration{0, 0, 250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, Longest, Longest, Longest}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefusalDelay(t *testing.T) {
	const minute = time.Minute
	var got []time.Duration
	for _, n := range []int{-1, 0, 1, 2, 3, 4, 5, 1 << 40} {
		got = append(got, RefusalDelay(n))
	}
	want := []time.Duration{0, 0, minute, 2 * minute, 4 * minute, LongestRefusal, LongestRefusal, LongestRefusal}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var b Backoff
	b.Refuse(minute)
	if pause := b.Refuse(2 * minute); pause != 2*minute || b.Until() != 4*minute || b.Failures() != 2 {
		t.Errorf("after two refusals: pause %v, %+v", pause, b)
	}
}

func TestStall(t *testing.T) {
	var b Backoff
	var total time.Duration
	for range 9 {
		total += b.Stall(total)
	}
	if b.Until() != total || total < time.Minute || total > 3*time.Minute {
		t.Errorf("nine pauses take %v, until %v", total, b.Until())
	}
	for range 100 {
		if pause := b.Stall(0); pause > LongestRefusal {
			t.Fatalf("pause %v", pause)
		}
	}
}

func TestBackoff(t *testing.T) {
	var b Backoff
	if b.Until() != 0 || b.Failures() != 0 {
		t.Errorf("zero value: %+v", b)
	}
	for n := 1; n <= 10; n++ {
		now := time.Duration(n) * time.Minute
		if pause := b.Fail(now); pause != Delay(n) || b.Until() != now+pause || b.Failures() != n {
			t.Fatalf("after failure %d: pause %v, %+v", n, pause, b)
		}
	}
	b.Skip()
	if b.Until() != 0 || b.Failures() != 10 {
		t.Errorf("after Skip: %+v", b)
	}
	if pause := b.Fail(0); pause != Longest {
		t.Errorf("pause %v after Skip, want the count to go on", pause)
	}
	b.Reset()
	if pause := b.Fail(time.Hour); pause != First {
		t.Errorf("pause %v after Reset, want %v", pause, First)
	}
}
