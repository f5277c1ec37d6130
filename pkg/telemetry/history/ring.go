package history

import "iter"

// ring keeps the newest items, at most a fixed number.
type ring[T any] struct {
	most  int
	items []T
	next  int // index of the next item once items is full
}

func (r *ring[T]) add(v T) {
	if len(r.items) < r.most {
		r.items = append(r.items, v)
		return
	}
	r.items[r.next] = v
	r.next = (r.next + 1) % r.most
}

// all iterates from the oldest to the newest.
func (r *ring[T]) all() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range r.items {
			if !yield(&r.items[(r.next+i)%len(r.items)]) {
				return
			}
		}
	}
}
