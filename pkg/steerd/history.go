package steerd

import "time"

// History holds the samples since the start of the loop, oldest first, at most
// Config.History of each.
type History struct {
	RTT         []time.Duration
	Excess      []time.Duration // RTT above the baseline
	Drops       []int           // packets dropped a sample, both queues
	Depth       []int           // packets queued at each sample
	Transitions []Transition
}

// ring keeps the newest values.
type ring[T any] struct {
	values []T
	size   int
	oldest int // once it is full
}

// newRing allocates all values at once, so that add does not allocate.
func newRing[T any](size int) ring[T] {
	return ring[T]{values: make([]T, 0, max(0, size)), size: size}
}

func (r *ring[T]) add(v T) {
	switch {
	case r.size <= 0:
	case len(r.values) < r.size:
		r.values = append(r.values, v)
	default:
		r.values[r.oldest] = v
		r.oldest = (r.oldest + 1) % r.size
	}
}

// list copies the values, oldest first.
func (r *ring[T]) list() []T {
	out := make([]T, 0, len(r.values))
	return append(append(out, r.values[r.oldest:]...), r.values[:r.oldest]...)
}
