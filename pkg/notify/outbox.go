package notify

import (
	"slices"
	"sync"
)

// outbox holds what a receiver is to get next: of each condition the newest event only, so
// that its size is bounded, and a receiver that was away gets what is so now. Its methods
// never block.
type outbox struct {
	wake chan struct{} // capacity 1

	mu     sync.Mutex // protects the following fields
	events []Event    // at most one of each condition, the oldest first
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put adds e, and returns how many events will not be delivered because of it. An attempt
// that failed may have reached the receiver all the same, so that what it has is not known:
// the newest event is delivered even when it leads back to an old value.
func (o *outbox) put(e Event) (superseded int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := o.index(e); i >= 0 {
		o.events = slices.Delete(o.events, i, i+1)
		superseded = 1
	}
	o.events = append(o.events, e)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return superseded
}

// restore puts e back, which could not be delivered, unless there is a newer one. It
// returns how many events will not be delivered.
func (o *outbox) restore(e Event) (superseded int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.index(e) >= 0 {
		return 1
	}
	o.events = slices.Insert(o.events, 0, e)
	return 0
}

func (o *outbox) index(e Event) int {
	return slices.IndexFunc(o.events, func(x Event) bool { return x.Kind == e.Kind && x.Direction == e.Direction })
}

// take removes the oldest event.
func (o *outbox) take() (e Event, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.events) == 0 {
		return e, false
	}
	e = o.events[0]
	o.events = slices.Delete(o.events, 0, 1)
	return e, true
}
