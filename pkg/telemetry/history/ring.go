package history

import "iter"

// ring keeps the newest so many of what was added.
type ring[T any] struct {
	most  int
	items []T
	next  int // where the next one goes once items is full
}

func (r *ring[T]) add(v T) {
	if len(r.items) < r.most {
		r.items = append(r.items, v)
		return
	}
	r.items[r.next] = v
	r.next = (r.next + 1) % r.most
}

// all goes from the oldest to the newest.
func (r *ring[T]) all() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range r.items {
			if !yield(&r.items[(r.next+i)%len(r.items)]) {
				return
			}
		}
	}
}
