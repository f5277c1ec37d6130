package simrun

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// Router describes the management of a router: how long a request takes and how
// requests fail. Failures never change the limits in force.
type Router struct {
	Name string
	// Latency draws the time of one request. With Serial the router handles one
	// request at a time, and the next one waits.
	Latency func(*rand.Rand) time.Duration
	Serial  bool
	// Timeout is how long a request to a silent router takes to fail; 0: 3 s.
	Timeout time.Duration
	// Down reports when the router does not answer, as while it reboots; its
	// counters are reset afterwards. Refuses reports when it answers with errors.
	Down, Refuses func(t time.Duration) bool
	// Denies reports when the router answers writes of one direction with a
	// refusal.
	Denies func(d autorate.Direction, t time.Duration) bool
	// Foreign are limits that are set externally.
	Foreign []Change
}

// Around returns latencies around a median, with the long tail that such times have.
func Around(median time.Duration, spread float64) func(*rand.Rand) time.Duration {
	return func(rng *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(spread*rng.NormFloat64()))
	}
}

// Routers returns the routers that laws are compared on: the binary API, REST,
// REST on a small router that handles one request at a time, and SSH.
func Routers() []Router {
	return []Router{
		{Name: "api", Latency: Around(3*time.Millisecond, 0.4)},
		{Name: "rest", Latency: Around(20*time.Millisecond, 0.3)},
		{Name: "rest-slow", Latency: Around(120*time.Millisecond, 0.25), Serial: true},
		{Name: "ssh", Latency: Around(40*time.Millisecond, 0.3)},
	}
}

// request is a request under way.
type request struct {
	busy   bool
	issued time.Duration
	acts   time.Duration // when the router reads or writes
	done   time.Duration // when the answer arrives
	acted  bool
	failed bool
	denied [2]bool // directions of a write

	job      actuate.Job // none in a poll
	counters [2]autorate.Counters
}

// simRouter is a Router at work.
type simRouter struct {
	Router
	rng   *rand.Rand
	link  *linksim.Link
	free  time.Duration // when a serial router can take the next request
	down  bool
	since [2]autorate.Counters // values of the link's counters when the router's were reset
}

// issue returns r with the times at which it acts and ends.
func (m *simRouter) issue(now time.Duration, r request) request {
	begin := now
	if m.Serial {
		begin = max(now, m.free)
	}
	took := m.Latency(m.rng)
	r.busy, r.issued = true, now
	r.acts, r.done = begin+took/2, begin+took
	if m.Down != nil && m.Down(r.done) {
		timeout := m.Timeout
		if timeout == 0 {
			timeout = 3 * time.Second
		}
		r.failed, r.acts, r.done = true, never, now+timeout
		return r
	}
	m.free = r.done
	r.failed = m.Refuses != nil && m.Refuses(r.done)
	for _, d := range autorate.Directions {
		r.denied[d] = m.Denies != nil && r.job.Want[d] != 0 && m.Denies(d, r.done)
	}
	return r
}

// never is later than every other time.
const never = time.Duration(math.MaxInt64)

// reboot follows reboots, whose end resets the counters.
func (m *simRouter) reboot(now time.Duration) {
	down := m.Down != nil && m.Down(now)
	if m.down && !down {
		for _, d := range autorate.Directions {
			m.since[d] = m.link.Counters(d)
		}
	}
	m.down = down
}

func (m *simRouter) counters() (c [2]autorate.Counters) {
	for _, d := range autorate.Directions {
		c[d] = m.link.Counters(d)
		c[d].Bytes -= m.since[d].Bytes
		c[d].Dropped -= m.since[d].Dropped
	}
	return c
}
