package live

import (
	"math"
	"sync"
	"time"
)

const (
	// stale is the age from which a WAN is shown as one that is not heard of.
	stale = 5 * time.Second
	// forgotten is the age from which it is not shown any more.
	forgotten = 24 * time.Hour
	// step is the time between two points of a WAN, and points how many there are.
	step, points = 10 * time.Second, 60
	// maxKept bounds the WANs of all hosts.
	maxKept = 100_000
)

// View is the newest state of every WAN of a fleet, and a point every ten seconds of its
// last ten minutes. Its methods may be called from several goroutines.
type View struct {
	now func() time.Time

	mu      sync.Mutex // protects the following fields
	nodes   map[nodeKey]*node
	wans    int
	batches uint64
	refused map[string]string // by subject, why its last batch was not read
	orders  map[Query]order   // see order
}

type nodeKey struct{ site, name string }

// node is a host.
type node struct {
	Batch           // without its WANs
	at    time.Time // of the last batch
	wans  map[string]*kept
}

// kept is one WAN.
type kept struct {
	WAN
	node   *node
	at     time.Time // of the last batch that had it
	bucket int64     // of the newest point, in steps since 1970
	past   [points]point
}

// point is the highest excess and throughput of ten seconds; NaN: not known.
type point struct{ excess, throughput float32 }

var nothing = point{float32(math.NaN()), float32(math.NaN())}

// NewView returns a View without hosts.
func NewView() *View {
	return &View{now: time.Now, nodes: map[nodeKey]*node{}, refused: map[string]string{}, orders: map[Query]order{}}
}

// Receive adds a batch that came on a subject. One that cannot be read is an error, which
// differs from the one before at that subject if it is fresh.
func (v *View) Receive(subject string, data []byte) (fresh bool, err error) {
	b, err := decode(subject, data) // before the lock
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if err == nil {
		err = v.add(b, now)
	}
	if err != nil {
		fresh = v.refused[subject] != err.Error() && len(v.refused) < 1000
		if fresh {
			v.refused[subject] = err.Error()
		}
		return fresh, err
	}
	delete(v.refused, subject)
	v.batches++
	if v.batches%1000 == 0 {
		v.forget(now)
	}
	return false, nil
}

// add is called with mu held.
func (v *View) add(b *Batch, now time.Time) error {
	key := nodeKey{b.Site, b.Node}
	n := v.nodes[key]
	if n == nil {
		n = &node{wans: map[string]*kept{}}
		v.nodes[key] = n
	}
	if v.wans+len(b.WANs)-len(n.wans) > maxKept {
		return errTooMany
	}
	n.Batch, n.at = *b, now
	n.WANs = nil
	for i := range b.WANs {
		w := n.wans[b.WANs[i].Name]
		if w == nil {
			w = &kept{node: n}
			for i := range w.past {
				w.past[i] = nothing
			}
			n.wans[b.WANs[i].Name] = w
			v.wans++
		}
		w.WAN, w.at = b.WANs[i], now
		w.addPoint(now)
	}
	for name, w := range n.wans { // its loop has gone, or is another node's now
		if w.at != now {
			delete(n.wans, name)
			v.wans--
		}
	}
	return nil
}

// addPoint adds what w has now to its points.
func (w *kept) addPoint(now time.Time) {
	bucket := now.UnixNano() / int64(step)
	missed := min(bucket-w.bucket, points)
	if missed < 0 {
		missed = points // the clock was set back
	}
	for ; missed > 0; missed-- {
		w.past[(bucket-missed+1)%points] = nothing
	}
	w.bucket = bucket
	p := &w.past[bucket%points]
	raise(&p.excess, w.ExcessMs)
	if w.Download != nil {
		raise(&p.throughput, w.Download.ThroughputMbps)
	} else if w.Upload != nil {
		raise(&p.throughput, w.Upload.ThroughputMbps)
	}
}

func raise(x *float32, by *float64) {
	if by != nil && !(float32(*by) <= *x) {
		*x = float32(*by)
	}
}

// forget removes hosts that have been silent for long. It is called with mu held.
func (v *View) forget(now time.Time) {
	for key, n := range v.nodes {
		if now.Sub(n.at) > forgotten {
			v.wans -= len(n.wans)
			delete(v.nodes, key)
		}
	}
}
