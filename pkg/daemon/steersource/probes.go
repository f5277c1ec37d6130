package steersource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// idleAfter is how long probes go on when nobody asks for them any more.
	idleAfter = 30 * time.Second
	// firstReply is how long the first reply may take before it is missed.
	firstReply = 1500 * time.Millisecond
	// lossProbes is how many of the last probes the loss is measured over.
	lossProbes = 40
)

var errNoReply = errors.New("does not answer own probes")

var errBegun = errors.New("own probes have just begun")

// Probes measures the path on its own, but only while somebody asks: where a
// loop runs, it has better numbers, and a second set of probes is noise.
type Probes struct {
	// configuration
	cfg   probe.Config
	count int           // replies that make a round-trip time
	stale time.Duration // a reply older than this says nothing of now

	wake chan struct{}

	// mu protects the following fields.
	mu      sync.Mutex
	wanted  time.Time // by the last read
	path    *rtt.Path
	began   time.Time
	replies []reply              // newest last, at most count
	fates   [lossProbes]rtt.Kind // of the last probes: Reply, Lost, or 0 where not known yet
	err     error                // why probes cannot be sent
}

type reply struct {
	at  time.Time
	rtt time.Duration
}

// NewProbes measures the targets of cfg; the middle one of the newest count
// replies is the round-trip time. It fails where cfg names no target.
func NewProbes(cfg probe.Config, count int) (*Probes, error) {
	cfg.NoOneWay = true
	if _, err := probe.New(cfg); err != nil && !errors.Is(err, probe.ErrNotPermitted) {
		return nil, err
	}
	return &Probes{
		cfg: cfg, count: max(1, count), stale: max(2*time.Second, time.Duration(2*count)*cfg.Interval),
		wake: make(chan struct{}, 1),
	}, nil
}

// Run measures, whenever it is wanted, until ctx ends.
func (p *Probes) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		}
		err := p.measure(ctx)
		p.mu.Lock()
		p.path, p.replies, p.err = nil, nil, err
		p.mu.Unlock()
		if err == nil {
			continue
		}
		// What keeps probes from being sent may go away: a network that comes up.
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

// measure probes until nobody has wanted it for a while.
func (p *Probes) measure(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, err := probe.New(p.cfg)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.path, p.began, p.replies, p.err = &rtt.Path{Interval: p.cfg.Interval}, time.Now(), nil, nil
	p.fates = [lossProbes]rtt.Kind{}
	p.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	check := time.NewTicker(time.Second)
	defer check.Stop()
	for {
		select {
		case e := <-group.Events():
			p.observe(e)
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-check.C:
			if p.unwanted() {
				cancel()
				<-ended
				return nil
			}
		}
	}
}

func (p *Probes) observe(e rtt.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Never as clean: what else the line carries is not known here, and a
	// queue that stands for long must not become the baseline.
	p.path.Observe(e, false)
	switch e.Kind {
	case rtt.Sent:
		p.fates[e.Seq%lossProbes] = 0
	case rtt.Reply, rtt.Lost: // a reply after all replaces the loss
		p.fates[e.Seq%lossProbes] = e.Kind
	case rtt.OneWay:
	}
	if e.Kind == rtt.Reply {
		if len(p.replies) == p.count {
			p.replies = p.replies[1:]
		}
		p.replies = append(p.replies, reply{time.Now(), e.RTT})
	}
}

func (p *Probes) unwanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.wanted) > max(idleAfter, 2*p.stale)
}

// rest says that somebody else measures now.
func (p *Probes) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = time.Time{}
}

// read returns the lowest and the present round-trip time, and sees to it that
// there are some: the first reply is worth waiting for.
func (p *Probes) read(ctx context.Context) (lowest, now time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, firstReply)
	defer cancel()
	for {
		lowest, now, err = p.look()
		if !errors.Is(err, errBegun) {
			return lowest, now, err
		}
		select {
		case <-ctx.Done():
			return 0, 0, err
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// look is read without waiting.
func (p *Probes) look() (lowest, now time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = time.Now()
	switch {
	case p.path == nil && p.err != nil:
		p.poke()
		return 0, 0, fmt.Errorf("probing %s: %w", p.cfg.Targets[0], p.err)
	case p.path == nil:
		p.poke()
		return 0, 0, errBegun
	case len(p.replies) == 0 && time.Since(p.began) < firstReply:
		return 0, 0, errBegun
	}
	var fresh []time.Duration
	for _, r := range p.replies {
		if time.Since(r.at) <= p.stale {
			fresh = append(fresh, r.rtt)
		}
	}
	if len(fresh) == 0 {
		return 0, 0, fmt.Errorf("%s %w", p.cfg.Targets[0], errNoReply)
	}
	slices.Sort(fresh)
	for i := range p.path.Used() {
		if b := p.path.Reflector(i).Baseline(); b > 0 && (lowest == 0 || b < lowest) {
			lowest = b
		}
	}
	return lowest, fresh[len(fresh)/2], nil
}

// loss returns the share of the last probes without a reply.
func (p *Probes) loss() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var count [rtt.OneWay + 1]int
	for _, fate := range p.fates {
		count[fate]++
	}
	return float64(count[rtt.Lost]) / float64(max(1, count[rtt.Lost]+count[rtt.Reply]))
}

// ranFor reports whether probes have been sent for that long.
func (p *Probes) ranFor(d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.path != nil && time.Since(p.began) >= d
}

// poke lets Run measure.
func (p *Probes) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
