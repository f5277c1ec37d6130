package steering_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// What a damaged file holds is taken for what it can be.
func TestMemoryIsValidated(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    steering.Memory
		ok   func(steering.Decision) bool
	}{
		{"both rows", steering.Memory{Sampled: true, Red: 5, Good: 30}, func(d steering.Decision) bool { return d.Red == 5 && d.Good == 0 }},
		{"changes in disorder", steering.Memory{Changes: []time.Duration{time.Hour, second}}, func(d steering.Decision) bool {
			return d.InState == second && d.HoldUntil == 29*second
		}},
		{"a change to come", steering.Memory{Changes: []time.Duration{-time.Hour}}, func(d steering.Decision) bool {
			return d.InState == 0 && d.HoldUntil == 30*second
		}},
		{"an endless penalty", steering.Memory{Penalty: math.MaxInt64}, func(d steering.Decision) bool { return d.PenaltyUntil == 6*time.Minute }},
		{"no number", steering.Memory{Sampled: true, ExcessEWMA: math.NaN(), Read: true, DepthEWMA: math.Inf(1)}, func(d steering.Decision) bool {
			return d.ExcessEWMA == 0 && d.DepthEWMA == 1<<20
		}},
		{"no such congestion", steering.Memory{Sampled: true, Congestion: 9}, func(d steering.Decision) bool { return d.Congestion == steering.Unknown }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if dec := steering.New(plain(), tt.m).Step(0, steering.Input{}); !tt.ok(dec) {
				t.Errorf("%+v", dec)
			}
		})
	}
}

// A memory survives being written down.
func TestMemoryIsJSON(t *testing.T) {
	r := steered(t, plain())
	r.step(3, mild)
	want := r.law.Remember(r.now + second)
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got steering.Memory
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := steering.New(plain(), got).Remember(0)
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("remembered again (-want +got):\n%s", diff)
	}
}

func TestAged(t *testing.T) {
	m := steering.Memory{Changes: []time.Duration{second}, Penalty: 3 * second, SampleAge: second}
	got := m.Aged(2 * second)
	want := steering.Memory{
		Changes: []time.Duration{3 * second}, Penalty: second, AskAge: 2 * second, StepAge: 2 * second,
		SampleAge: 3 * second, ReadingAge: 2 * second, WouldAge: 2 * second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Changes[0] != second {
		t.Error("the memory itself was changed")
	}
}
