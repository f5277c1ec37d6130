package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Two directions that fill at the same time, after the capacity of one has changed
// unseen, find limits that stay: no queue comes back again and again because the wrong
// cut was taken back.
func TestBothFillAtOnce(t *testing.T) {
	for seed := range lives(100) {
		l := newLine(plainConfig(), seed)
		l.react = 10 * time.Millisecond // so many flows that they are at the limit at once
		for d := range l.capacity {
			l.capacity[d] = float64(l.cfg.Directions[d].Ceiling) * (0.3 + 0.7*l.rng.Float64())
		}
		l.run(5*time.Second, nil)
		l.demand = [2]float64{greedy, greedy}
		l.run(5*time.Second, nil)
		bad := 0
		l.run(20*time.Second, func(autorate.Decision) {
			if l.excess() > 100*time.Millisecond {
				bad++
			}
		})
		if bad > 100 {
			t.Errorf("seed %d: %d of 400 steps with a queue of more than 100 ms: %+v", seed, bad, l.dec.Directions)
		}
	}
}
