package shape

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// yearLine is a line through the seasons, at the end of a simulated router. It is
// advanced by whoever asks it, so that idle hours cost little.
type yearLine struct {
	router.Client
	sim    *simrouter.Router
	events chan rtt.Event
	rng    *rand.Rand

	mu    sync.Mutex // protects the following fields
	epoch time.Time  // of the loop that runs
	every time.Duration
	last  time.Duration // since epoch: advanced to here
	sent  time.Duration // of the next probe
	seq   uint32
	under []rtt.Event // replies and losses under way

	base     time.Duration // of the route
	nominal  [2]float64    // capacity in bit/s
	capacity [2]float64
	demand   [2]float64
	flow     [2]float64 // what the senders send, in bit/s
	queued   [2]float64 // bits in the ISP's buffer
	counted  [2]router.Counters
	inForce  [2]bitrate.Rate // limits, as the router has them
	dark     bool            // no reply returns
	rebooted bool            // the router is off
	writes   int

	// Of the queues, in steps of a millisecond, while there is demand.
	delays [1001]uint64
}

var errSilent = errors.New("the router does not answer")

var yearQueues = [2]string{"down", "up"}

func newYearLine(seed uint64) (*yearLine, error) {
	sim, err := simrouter.New(simrouter.Config{Plain: true, ScriptName: "year.rsc", Script: `/interface add name=bridge1 type=bridge
/interface add name=ether1 type=ether
/queue tree add name=down parent=bridge1 max-limit=200M
/queue tree add name=up parent=ether1 max-limit=20M
`})
	return &yearLine{
		inForce: [2]bitrate.Rate{200 * bitrate.Mbps, 20 * bitrate.Mbps},
		sim:     sim, events: make(chan rtt.Event, 512), rng: rand.New(rand.NewPCG(seed, 365)),
		base: 20 * time.Millisecond, nominal: [2]float64{190e6, 19e6}, capacity: [2]float64{190e6, 19e6},
	}, err
}

// change changes the line while it runs.
func (l *yearLine) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	f()
}

// begin makes the line that of a loop that starts.
func (l *yearLine) begin(epoch time.Time, every time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.every, l.last, l.sent, l.seq, l.under = epoch, every, time.Since(epoch), time.Since(epoch), 0, l.under[:0]
	for len(l.events) > 0 {
		<-l.events
	}
}

// advance lets the line be used until now; mu is held.
func (l *yearLine) advance() {
	for now := time.Since(l.epoch); l.last < now; {
		step := min(now-l.last, l.every)
		for d := range l.demand {
			if l.heavy(d) {
				step = min(step, 10*time.Millisecond)
			}
		}
		l.last += step
		for d := range l.demand {
			l.use(d, step.Seconds())
		}
		for ; l.sent <= l.last; l.sent += l.every {
			l.probe()
		}
	}
}

// heavy reports a demand that may build a queue.
func (l *yearLine) heavy(d int) bool { return l.demand[d] > 0.5*l.capacity[d] }

// use lets traffic of d pass for s seconds. Senders press a little above what they
// get, within a few round trips; the shaper of the download stands behind the ISP's
// buffer, that of the upload before it.
func (l *yearLine) use(d int, s float64) {
	if l.rebooted || l.dark {
		l.flow[d], l.queued[d] = 0, 0
		return
	}
	capacity, upload := l.capacity[d], d == int(autorate.Upload)
	want := min(l.demand[d], 1.03*min(float64(l.inForce[d]), 1.2*max(capacity, l.flow[d])))
	l.flow[d] += (want - l.flow[d]) * min(1, s/0.15)
	arrives := l.flow[d]
	if upload {
		arrives = l.shape(d, arrives, s)
	}
	out := min(capacity, arrives+l.queued[d]/s)
	l.queued[d] += (arrives - out) * s
	if full := 0.3 * capacity; l.queued[d] > full {
		l.queued[d] = full
		l.flow[d] *= 0.7
	}
	if !upload {
		l.shape(d, out, s)
	}
	if l.heavy(d) {
		l.delays[min(1000, int(l.queued[d]/capacity*1000))]++
	}
}

// shape counts what the shaper of d lets pass of rate in s seconds, and returns it.
func (l *yearLine) shape(d int, rate, s float64) float64 {
	if limit := float64(l.inForce[d]); rate > limit {
		l.counted[d].Dropped++
		rate = limit
	}
	l.counted[d].Bytes += uint64(rate / 8 * s)
	return rate
}

// limits returns those of the router, which keeps them through a reboot.
func (l *yearLine) limits() (all [2]bitrate.Rate) {
	for d, name := range yearQueues {
		q, _ := l.sim.Queue(name)
		all[d] = q.MaxLimit
	}
	return all
}

// probe sends a probe to each reflector.
func (l *yearLine) probe() {
	delay := l.base + time.Duration((l.queued[0]/l.capacity[0]+l.queued[1]/l.capacity[1])*1e9)
	for r := range uint8(3) {
		l.put(rtt.Event{Kind: rtt.Sent, At: l.sent, Seq: l.seq, Reflector: r})
		if l.dark || l.rebooted || l.rng.IntN(2000) == 0 {
			l.under = append(l.under, rtt.Event{Kind: rtt.Lost, At: l.sent + time.Second, Seq: l.seq, Reflector: r})
			continue
		}
		took := delay + time.Duration(r)*time.Millisecond + time.Duration(l.rng.ExpFloat64()*3e5)
		l.under = append(l.under, rtt.Event{Kind: rtt.Reply, At: l.sent + took, RTT: took, Seq: l.seq, Reflector: r})
	}
	l.seq++
}

// put gives the loop an event; what it does not take is lost, as with the real prober.
func (l *yearLine) put(e rtt.Event) {
	select {
	case l.events <- e:
	default:
	}
}

// Events implements control.Prober.
func (l *yearLine) Events() <-chan rtt.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Since(l.epoch); l.last < now {
		l.advance()
		left := l.under[:0]
		for _, e := range l.under {
			if e.At <= now {
				l.put(e)
			} else {
				left = append(left, e)
			}
		}
		l.under = left
	}
	return l.events
}

// ask takes the time of a request.
func (l *yearLine) ask() error {
	time.Sleep(8 * time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rebooted {
		return errSilent
	}
	return nil
}

func (l *yearLine) Queue(_ context.Context, name string) (router.Queue, error) {
	if err := l.ask(); err != nil {
		return router.Queue{}, err
	}
	q, ok := l.sim.Queue(name)
	if !ok {
		return q, &router.ItemError{Name: name, Err: router.ErrNotFound}
	}
	return q, nil
}

func (l *yearLine) SetQueues(_ context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	if err := l.ask(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	queues := make([]router.Queue, len(changes))
	for i, ch := range changes {
		l.writes++
		if err := l.sim.Run(fmt.Sprintf("/queue tree set [find name=%q] max-limit=%d", ch.Name, *ch.MaxLimit)); err != nil {
			return queues, err
		}
		queues[i], _ = l.sim.Queue(ch.Name)
	}
	l.inForce = l.limits()
	return queues, nil
}

func (l *yearLine) Counters(_ context.Context, names ...string) ([]router.Counters, error) {
	if err := l.ask(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	return l.counted[:len(names)], nil
}

func (l *yearLine) DefaultRoutes(context.Context) ([]router.Route, error) {
	return []router.Route{{Destination: "0.0.0.0/0", Interface: "ether1"}}, l.ask()
}

func (l *yearLine) Interfaces(context.Context) ([]router.Interface, error) {
	if err := l.ask(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return []router.Interface{{Name: "ether1", Received: l.counted[autorate.Download].Bytes, Sent: l.counted[autorate.Upload].Bytes}}, nil
}

func (l *yearLine) Rows(context.Context, string) ([]map[string]string, error) {
	return nil, errors.Join(l.ask(), router.ErrUnsupported)
}

// delay returns the queue in ms that a share q of the time under load stays below.
func (l *yearLine) delay(q float64) float64 {
	total, seen := 0.0, 0.0
	for _, n := range l.delays {
		total += float64(n)
	}
	for ms, n := range l.delays {
		if seen += float64(n); seen >= q*total {
			return float64(ms)
		}
	}
	return 0
}
