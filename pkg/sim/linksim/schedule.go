package linksim

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Constant returns a function of time that is always v.
func Constant[T any](v T) func(time.Duration) T { return func(time.Duration) T { return v } }

// At is a value from a time on.
type At[T any] struct {
	Time  time.Duration
	Value T
}

// Steps returns a function of time that changes at the given times, in order.
func Steps[T any](first T, changes ...At[T]) func(time.Duration) T {
	return func(t time.Duration) T {
		v := first
		for _, c := range changes {
			if t < c.Time {
				break
			}
			v = c.Value
		}
		return v
	}
}

// Ramp returns a function that goes from one rate to another between two times.
func Ramp(from, to bitrate.Rate, begin, end time.Duration) func(time.Duration) bitrate.Rate {
	return func(t time.Duration) bitrate.Rate {
		share := float64(t-begin) / float64(end-begin)
		return from + bitrate.Rate(max(0, min(1, share))*float64(to-from))
	}
}

// During returns a function that is value between two times and otherwise
// elsewhere.
func During[T any](elsewhere, value T, from, to time.Duration) func(time.Duration) T {
	return Steps(elsewhere, At[T]{from, value}, At[T]{to, elsewhere})
}

// Walk returns a random walk from first: every period it is multiplied by something
// between 1-share and 1+share, and stays between low and high.
func Walk(seed uint64, period time.Duration, first, low, high bitrate.Rate, share float64) func(time.Duration) bitrate.Rate {
	rng := rand.New(rand.NewPCG(seed, 0x77616c6b))
	values := []bitrate.Rate{first}
	return func(t time.Duration) bitrate.Rate {
		i := int(max(0, t) / period)
		for len(values) <= i {
			next := float64(values[len(values)-1]) * (1 - share + 2*share*rng.Float64())
			values = append(values, bitrate.Rate(next).Clamp(low, high))
		}
		return values[i]
	}
}
