package notify

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// sampleInterval is the time between two samples of the loop.
	sampleInterval = time.Second
	// endGrace is how long the end of a loop, or a reload, waits for receivers.
	endGrace = time.Second
)

// Config is what a Notifier has for its whole life.
type Config struct {
	WAN     string // the name in the configuration
	Version string
	// Sample returns how the loop is. It may take a second.
	Sample func(context.Context) Status
	Log    *slog.Logger
	// Count returns the counter of a receiver.
	Count func(receiver string) Counter
}

// Settings is what a reload may change.
type Settings struct {
	For       time.Duration // see Tracker
	Kinds     []Kind        // of the events to send
	Receivers []Receiver    // each is used once
}

// Follower is a receiver that also follows the status.
type Follower interface {
	Receiver
	// Run publishes statuses until ctx ends, after the last Send, and then that the loop
	// has ended, which it gives up when last ends.
	Run(ctx, last context.Context)
	// Update is the newest status. It never blocks.
	Update(Status)
}

// Notifier sends the events of one loop. It is used once.
type Notifier struct {
	cfg   Config
	fresh chan Settings // capacity 1: the newest that Replace has brought

	// The following fields belong to the goroutine of Run.
	settings Settings
	tracker  Tracker
	last     Status
	current  *group
}

// New returns a Notifier that does nothing before Run.
func New(cfg Config, s Settings) *Notifier {
	return &Notifier{cfg: cfg, settings: s, fresh: make(chan Settings, 1)}
}

// Replace has the receivers of s take the place of the present ones, which get a second to
// end. What they could not deliver goes to those of the same name. It never blocks. One goroutine at a time may call it.
func (n *Notifier) Replace(s Settings) {
	select {
	case <-n.fresh:
	default:
	}
	n.fresh <- s
}

// Run samples the loop until ctx ends, and waits for receivers for a second then. It
// returns nil: whatever becomes of a receiver is no fault of the loop.
func (n *Notifier) Run(ctx context.Context) error {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	n.start(ctx, ticker, nil)
	for {
		select {
		case <-ctx.Done():
			n.emit(n.tracker.Stop(time.Now()))
			_ = n.current.end() // nobody is left to deliver it
			return nil
		case s := <-n.fresh:
			left := n.current.end()
			n.settings = s
			n.start(ctx, ticker, left)
			continue
		case <-ticker.C:
		}
		n.last = n.cfg.Sample(ctx)
		n.last.Time = time.Now()
		if ctx.Err() != nil {
			continue
		}
		n.emit(n.tracker.Step(&n.last))
		n.current.update(n.last)
	}
}

func (n *Notifier) start(ctx context.Context, ticker *time.Ticker, left map[string][]Event) {
	if ticker.Reset(sampleInterval); len(n.settings.Receivers) == 0 {
		ticker.Stop() // nobody is awake for nobody
	}
	n.tracker.For = n.settings.For
	n.current = startGroup(ctx, n.settings.Receivers, &n.cfg, left)
}

func (n *Notifier) emit(events []Event) {
	for _, e := range events {
		if slices.Contains(n.settings.Kinds, e.Kind) {
			e.Status = n.last
			n.current.put(Complete(e, n.cfg.WAN, n.cfg.Version))
		}
	}
}

// Complete returns e with what all events have.
func Complete(e Event, wan, version string) Event {
	host, _ := os.Hostname() // an event without a name is one too
	e.WAN, e.Version, e.Host = wan, version, cmp.Or(host, "localhost")
	e.Summary = e.summary()
	return e
}

// group is the receivers that are in use together.
type group struct {
	deliveries []*delivery
	stop       context.CancelFunc // of the deliveries, once all is put
	unfollow   context.CancelFunc // of the followers
	last       context.Context
	giveUp     context.CancelFunc

	delivering, following sync.WaitGroup
}

// startGroup starts the receivers. left is what those of a name still have to deliver.
func startGroup(ctx context.Context, receivers []Receiver, cfg *Config, left map[string][]Event) *group {
	g := &group{}
	// The receivers do not see ctx end by themselves: the event of that is yet to come.
	g.last, g.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	deliver, stop := context.WithCancel(g.last)
	follow, unfollow := context.WithCancel(g.last)
	g.stop, g.unfollow = stop, unfollow
	for _, r := range receivers {
		d := &delivery{receiver: r, outbox: newOutbox(), count: cfg.Count(r.Name()), log: cfg.Log}
		for _, e := range left[r.Name()] {
			d.put(e)
		}
		g.deliveries = append(g.deliveries, d)
		g.delivering.Go(func() { d.run(deliver, g.last) })
		if f, follows := r.(Follower); follows {
			g.following.Go(func() { f.Run(follow, g.last) })
		}
	}
	return g
}

func (g *group) put(e Event) {
	for _, d := range g.deliveries {
		d.put(e)
	}
}

func (g *group) update(s Status) {
	for _, d := range g.deliveries {
		if f, follows := d.receiver.(Follower); follows {
			f.Update(s)
		}
	}
}

// end delivers what is left and stops the receivers, within endGrace and as long as their
// Send takes to notice that. It returns what could not be delivered, by receiver.
func (g *group) end() (left map[string][]Event) {
	g.stop()
	defer time.AfterFunc(endGrace, g.giveUp).Stop()
	g.delivering.Wait()
	g.unfollow()
	g.following.Wait()
	g.giveUp()
	left = map[string][]Event{}
	for _, d := range g.deliveries {
		left[d.receiver.Name()] = d.left
	}
	return left
}
