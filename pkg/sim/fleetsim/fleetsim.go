// Package fleetsim pretends to be the hosts of a fleet: it publishes for each what its loops
// would, by the publisher of the daemon, and has no loops. It is for trying the page and
// for measuring what a fleet costs.
package fleetsim

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Fleet is hosts that there are not.
type Fleet struct {
	Nodes, WANs int           // hosts, and WANs of all together
	Every       time.Duration // between two batches of a host
	Log         *slog.Logger
	// Bus returns the connection of a host, and what ends it.
	Bus func(node string) (bus live.Bus, end func(), err error)

	Dropped atomic.Int64 // batches
}

// perSite is how many hosts a site has.
const perSite = 5

// Run publishes until ctx ends.
func (f *Fleet) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range f.Nodes {
		name := fmt.Sprintf("node-%03d", i)
		bus, end, err := f.Bus(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n := newNode(i, f.WANs/f.Nodes)
		p := live.Publisher{
			Site: fmt.Sprintf("site-%02d", i/perSite), Node: name, Every: f.Every, Log: f.Log,
			Sample: n.sample, History: n.history, Dropped: func() { f.Dropped.Add(1) },
		}
		wg.Go(func() {
			defer end()
			select {
			case <-ctx.Done():
			case <-time.After(rand.N(f.Every)): // hosts do not tick together
				p.Run(ctx, bus)
			}
		})
	}
	<-ctx.Done()
	return nil
}

// node is the loops of a host.
type node struct {
	random *rand.Rand
	wans   []line
}

// line is a WAN whose load and delay wander.
type line struct {
	name              string
	ceiling, baseline float64
	load, excess      float64
	bad               bool
}

func newNode(i, wans int) *node {
	n := &node{random: rand.New(rand.NewPCG(uint64(i), 1))}
	for j := range wans {
		n.wans = append(n.wans, line{
			name: fmt.Sprintf("wan-%05d", i*wans+j), ceiling: 20 + math.Floor(n.random.Float64()*980), baseline: 5 + 40*n.random.Float64(),
			load: n.random.Float64(), bad: n.random.IntN(200) == 0,
		})
	}
	return n
}

// sample moves every line a second on. It is called by one goroutine.
func (n *node) sample(context.Context) live.Batch {
	list := make([]live.WAN, len(n.wans))
	for i := range n.wans {
		l := &n.wans[i]
		l.load = min(max(l.load+0.1*n.random.NormFloat64(), 0), 1)
		l.excess *= 0.7
		if l.load > 0.95 {
			l.excess += 30 * n.random.Float64()
		}
		list[i] = l.wan(n.random)
	}
	return live.Batch{Version: "simulated", WANs: list}
}

func (l *line) wan(random *rand.Rand) live.WAN {
	noise := random.Float64()
	w := live.WAN{
		Name: l.name, Status: "healthy", RTTMs: thousandth(l.baseline + l.excess + noise), BaselineMs: thousandth(l.baseline),
		ExcessMs: thousandth(l.excess + noise), Reflectors: 3,
		Download: l.direction(1), Upload: l.direction(0.2),
	}
	if l.bad {
		w.Status, w.Reasons = "degraded", "the router has not answered for 2m0s"
	}
	return w
}

func (l *line) direction(share float64) *live.Direction {
	d := &live.Direction{State: "GREEN", LimitMbps: thousandth(l.ceiling * share), ThroughputMbps: thousandth(l.ceiling * l.load * share)}
	switch {
	case l.excess > 60:
		d.State = "RED"
	case l.excess > 30:
		d.State = "SOFT_RED"
	case l.excess > 12:
		d.State = "YELLOW"
	}
	return d
}

func thousandth(x float64) *float64 { return new(math.Round(x*1000) / 1000) }

// history makes up the last ten minutes of a WAN.
func (n *node) history(wan string) (any, bool) {
	for i := range n.wans {
		if n.wans[i].name != wan {
			continue
		}
		l, random := line{name: wan, ceiling: n.wans[i].ceiling, baseline: n.wans[i].baseline, load: 0.5}, rand.New(rand.NewPCG(uint64(i), 2))
		var list []history.Point
		for at := time.Now().Add(-history.Span); at.Before(time.Now()); at = at.Add(history.Step) {
			l.load = min(max(l.load+0.1*random.NormFloat64(), 0), 1)
			p := history.Point{At: at, RTT: thousandth(l.baseline + 20*l.load*random.Float64()), Baseline: thousandth(l.baseline)}
			p.RTTMax = p.RTT
			for d, share := range []float64{1, 0.2} {
				p.Directions[d] = history.DirectionPoint{Limit: int64(l.ceiling * share * 1e6), Throughput: int64(l.ceiling * share * l.load * 1e6), State: "GREEN"}
			}
			list = append(list, p)
		}
		return history.Window{WANs: map[string][]history.Point{wan: list}}, true
	}
	return nil, false
}
