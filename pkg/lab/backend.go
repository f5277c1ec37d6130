//go:build linux

package lab

import (
	"fmt"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// Backend lets a simulated router own the lab's queues under the names that it
// gives them: a change of max-limit becomes a change of the kernel's class, and
// its counters are the kernel's.
type Backend struct {
	lab   *Lab
	names [2]string // by direction

	mu   sync.Mutex // protects the following
	rate [2]average
}

// average is what RouterOS shows as rate.
type average struct {
	at    time.Duration
	bytes uint64
	rate  bitrate.Rate
}

// averageTime is the least time an average is taken over.
const averageTime = 500 * time.Millisecond

// NewBackend makes the lab's queues known as download and upload.
func NewBackend(l *Lab, download, upload string) *Backend {
	return &Backend{lab: l, names: [2]string{download, upload}}
}

// SetMaxLimit sets the limit of a queue, 0 for none.
func (b *Backend) SetMaxLimit(queue string, limit bitrate.Rate) error {
	d, err := b.direction(queue)
	if err != nil {
		return err
	}
	return b.lab.SetLimit(d, limit)
}

// Counters reads the counters of a queue.
func (b *Backend) Counters(queue string) (router.Counters, error) {
	d, err := b.direction(queue)
	if err != nil {
		return router.Counters{}, err
	}
	c, err := b.lab.Counters(d)
	if err != nil {
		return router.Counters{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.rate[d]
	if now := b.lab.Now(); now-a.at >= averageTime {
		if a.at > 0 {
			a.rate = bitrate.Rate(float64(8*(c.Bytes-a.bytes)) / (now - a.at).Seconds())
		}
		a.at, a.bytes = now, c.Bytes
	}
	c.Rate = a.rate
	return c, nil
}

func (b *Backend) direction(queue string) (autorate.Direction, error) {
	for _, d := range autorate.Directions {
		if b.names[d] == queue {
			return d, nil
		}
	}
	return 0, fmt.Errorf("the lab has no queue %q, only %q and %q", queue, b.names[0], b.names[1])
}
