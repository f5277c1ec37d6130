package probe

import (
	"sync/atomic"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// queueLen holds several seconds of events of three targets, or half a second
// of the largest set at the fastest interval.
const queueLen = 1024

// queue passes events to a consumer that may be slow. put never blocks: when the
// queue is full it drops and counts the oldest event, since the newest is the most
// useful.
type queue struct {
	ch      chan rtt.Event
	dropped atomic.Uint64
}

func newQueue(n int) *queue { return &queue{ch: make(chan rtt.Event, n)} }

func (q *queue) put(e rtt.Event) {
	for {
		select {
		case q.ch <- e:
			return
		default:
		}
		select {
		case <-q.ch:
			q.dropped.Add(1)
		default: // the consumer was faster
		}
	}
}
