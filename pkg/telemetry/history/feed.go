package history

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// History is a Store that running loops feed without waiting and without a lock;
// the task Run adds what they send, and passes it on to the writers.
type History struct {
	*Store
	in chan item
}

// waiting bounds the rollups and events that a goroutine has not dealt with yet: seconds
// of many WANs. Beyond that they are lost and counted.
const waiting = 256

type item struct {
	feed *Feed
	record
}

// New returns a History without WANs.
func New() *History { return &History{NewStore(), make(chan item, waiting)} }

// Run adds what the feeds send, until ctx ends.
func (h *History) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case it := <-h.in:
			h.receive(it)
		}
	}
}

func (h *History) receive(it item) {
	if it.event != nil {
		it.feed.keep(h.stampEvent(it.event))
	} else {
		at := h.stampPoint(it.feed.wan, it.rollup.point())
		it.rollup.Start = at.Add(-it.rollup.Length)
		if it.feed.writer != nil {
			it.feed.writer.put(it.record)
		} else {
			recycle(it.rollup)
		}
	}
	if n := it.feed.lost.Swap(0); n > 0 {
		it.feed.keep(h.stampEvent(&Event{WAN: it.feed.wan, Kind: "life",
			Text: fmt.Sprintf("%d seconds or events are missing here: the process was too busy to keep them", n)}))
	}
}

// Feed sends the history of one WAN. Its methods never block.
type Feed struct {
	wan    string
	in     chan<- item
	writer *Writer // nil: nothing is kept on disk
	lost   atomic.Uint64
}

// Feed returns the feed of a WAN; its seconds show once AddWAN has added the WAN. Unless w is nil, it keeps what is sent on disk as well.
func (h *History) Feed(wan string, w *Writer) *Feed { return &Feed{wan: wan, in: h.in, writer: w} }

// keep writes e to disk if it is more than the usual work of the law.
func (f *Feed) keep(e *Event) {
	if f.writer != nil && !e.Usual() {
		f.writer.put(record{event: e})
	}
}

var rollups = sync.Pool{New: func() any { return new(Rollup) }}

// NewRollup returns an empty rollup to be passed to Add. It seldom allocates.
func NewRollup() *Rollup { return rollups.Get().(*Rollup) }

func recycle(r *Rollup) {
	r.reset()
	rollups.Put(r)
}

// Add sends the second that has just ended. The feed owns r from then on and sets its
// start.
func (f *Feed) Add(r *Rollup) {
	if !f.send(item{f, record{rollup: r}}) {
		recycle(r)
	}
}

// Event sends something that has just happened. Its time and WAN are filled in;
// its text is shortened to one line.
func (f *Feed) Event(e Event) {
	e.WAN, e.Text = f.wan, telemetry.OneLine(e.Text)
	f.send(item{f, record{event: &e}})
}

func (f *Feed) send(it item) bool {
	select {
	case f.in <- it:
		return true
	default:
		f.lost.Add(1)
		return false
	}
}
