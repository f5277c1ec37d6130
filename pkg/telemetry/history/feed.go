package history

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// History is a Store that running loops feed without waiting and without a lock;
// the task Run adds what they send.
type History struct {
	*Store
	in chan item
}

// waiting bounds the samples and events that Run has not added yet: seconds of
// many WANs. Beyond that they are lost and counted.
const waiting = 256

type item struct {
	feed   *Feed
	second Second
	event  *Event // nil: a second
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
			if it.event != nil {
				h.stampEvent(*it.event)
			} else {
				h.stampSample(it.feed.wan, it.second.sample())
			}
			if n := it.feed.lost.Swap(0); n > 0 {
				h.stampEvent(Event{WAN: it.feed.wan, Kind: "life",
					Text: fmt.Sprintf("%d seconds or events are missing here: the process was too busy to keep them", n)})
			}
		}
	}
}

// Feed sends the history of one WAN. Its methods never block.
type Feed struct {
	wan  string
	in   chan<- item
	lost atomic.Uint64
}

// Feed returns the feed of a WAN.
func (h *History) Feed(wan string) *Feed { return &Feed{wan: wan, in: h.in} }

// Second is a Sample as a loop hands it over. 0 is for what was not known.
type Second struct {
	RTT        time.Duration // median; 0: nothing answered
	RTTMax     time.Duration
	Baseline   time.Duration
	Excess     time.Duration // highest; meaningless without RTT
	Directions [2]SecondDirection
}

// SecondDirection is one direction of it.
type SecondDirection struct {
	Limit      bitrate.Rate
	Throughput bitrate.Rate
	State      autorate.State // the worst
}

// Second sends the second that has just ended. It allocates nothing.
func (f *Feed) Second(s Second) { f.send(item{feed: f, second: s}) }

// Event sends something that has just happened. Its time and WAN are filled in;
// its text is shortened to one line.
func (f *Feed) Event(e Event) {
	e.WAN, e.Text = f.wan, telemetry.OneLine(e.Text)
	f.send(item{feed: f, event: &e})
}

func (f *Feed) send(it item) {
	select {
	case f.in <- it:
	default:
		f.lost.Add(1)
	}
}

func (s *Second) sample() Sample {
	var out Sample
	block := new([4]float64) // one object, not four
	known := func(i int, d time.Duration) *float64 {
		block[i] = math.Round(float64(d)/float64(time.Microsecond)) / 1e3
		return &block[i]
	}
	if s.RTT > 0 {
		out.RTT, out.RTTMax, out.Excess = known(0, s.RTT), known(1, s.RTTMax), known(2, s.Excess)
	}
	if s.Baseline > 0 {
		out.Baseline = known(3, s.Baseline)
	}
	for d, x := range s.Directions {
		out.Directions[d] = Direction{Limit: int64(x.Limit), Throughput: int64(x.Throughput), State: x.State.String()}
	}
	return out
}
