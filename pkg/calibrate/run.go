package calibrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	pollInterval = 250 * time.Millisecond
	tellInterval = time.Second
	seenWithin   = 6 * time.Second // a load that has not been seen by then does not pass the queue
	answerWithin = 6 * time.Second // of the router
	// A timer that expires lateBy late shows that this process did not run.
	watchInterval, lateBy = 10 * time.Millisecond, 3 * time.Millisecond
	restoreWithin         = 20 * time.Second
	// leastLoad is above what probes and the background of a network take.
	leastLoad = 100 * bitrate.Kbps
)

var (
	// ErrNoLoad: the load does not pass the router's queue, or there is none.
	ErrNoLoad = errors.New("no load seen")
	// ErrNoReply: the reflectors do not answer.
	ErrNoReply = errors.New("no reflector answered")
	// ErrNotRestored: the limits could not be restored.
	ErrNotRestored = errors.New("the limits could not be restored")

	// errBudget: the data budget is spent.
	errBudget = errors.New("the data budget is spent")
)

// Prober measures the path, with times on the clock of Config.Epoch.
type Prober interface{ Events() <-chan rtt.Event }

// Router is the queues of the WAN.
type Router interface {
	// SetLimits writes the limits that are not 0.
	SetLimits(ctx context.Context, limits [2]bitrate.Rate) error
	// Counters reads the counters of the queues. One goroutine calls it.
	Counters(ctx context.Context) ([2]autorate.Counters, error)
	// Restore writes the limits that were in force before the first SetLimits.
	Restore(ctx context.Context) error
}

// Load transfers data over the line.
type Load interface {
	// Run transfers in one direction for a time.
	Run(ctx context.Context, d autorate.Direction, length time.Duration) (Transfer, error)
}

// Transfer is what a load has measured itself, after a ramp-up of RampUp.
type Transfer struct {
	Rate   bitrate.Rate // payload; 0: unknown
	Resent float64      // share of the packets that were sent again; 0 where it is unknown
}

// Config describes a measurement.
type Config struct {
	Plan
	Start    [2]bitrate.Rate // limits in force before, 0: unlimited
	Current  Settings        // those of the configuration
	Interval time.Duration   // between two probes of one reflector
	Timeout  time.Duration   // after which a probe is lost
	Epoch    time.Time
	Prober   Prober
	Router   Router
	Load     Load           // nil with Watch
	Tell     func(Progress) // called about once a second
}

// Progress is where the measurement is.
type Progress struct {
	Phase     Phase
	First     bool // of this phase
	Remaining time.Duration
	Rate      [2]bitrate.Rate
	Excess    time.Duration // of the newest probes; 0 in the idle phase
	Bytes     uint64        // so far
}

// run is a measurement under way.
type run struct {
	Config
	base    baselines
	all     []*recording
	bytes   uint64
	last    [2]autorate.Counters
	counted bool          // last is known
	left    time.Duration // length of the phases that follow
}

// Run measures the line. The limits are restored when it returns. With ErrNotRestored
// they are not; what was measured is returned all the same.
func Run(ctx context.Context, cfg Config) (res Result, err error) {
	r := &run{Config: cfg}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreWithin)
		defer cancel()
		if failed := r.restore(ctx); failed != nil {
			err = errors.Join(err, fmt.Errorf("%w: %w", ErrNotRestored, failed))
		}
	}()
	before, after := r.phases()
	r.left = r.Length()
	for _, p := range before {
		if p.Kind == Before {
			p.Limits = r.Lifted(r.Start)
		}
		if err := r.measure(ctx, p); err != nil {
			return r.partial(err)
		}
		if p.Kind == Idle && r.base.combined() == 0 {
			return res, ErrNoReply
		}
	}
	res = r.result()
	if after == 0 || !res.measured() {
		return res, r.nothing(res)
	}
	for _, d := range r.toVerify(res) {
		if res, err = r.verify(ctx, res, d); err != nil {
			return r.partial(err)
		}
	}
	return res, nil
}

// restore tries again while there is time: the router may be starting.
func (r *run) restore(ctx context.Context) error {
	for {
		err := r.Router.Restore(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// partial returns what was measured until the budget was spent. Other errors are the
// end.
func (r *run) partial(err error) (Result, error) {
	if !errors.Is(err, errBudget) {
		return Result{}, err
	}
	res := r.result()
	if !res.measured() {
		return Result{}, fmt.Errorf("%w, %s, before anything could be told; allow more, or take shorter phases", errBudget, Size(r.bytes))
	}
	res.notef("%v, %s: not all was measured", errBudget, Size(r.bytes))
	return res, nil
}

// nothing returns the error of a measurement that has measured no capacity.
func (r *run) nothing(res Result) error {
	if res.measured() {
		return nil
	}
	return fmt.Errorf("%w: no direction carried enough to tell its capacity", ErrNoLoad)
}

// toVerify returns the phases after the proposal: one for each direction that has one.
func (r *run) toVerify(res Result) (loads [][2]bool) {
	if r.Watch {
		return [][2]bool{r.Controlled}
	}
	for d := range r.Controlled {
		if res.Directions[d].Measured {
			var load [2]bool
			load[d] = true
			loads = append(loads, load)
		}
	}
	return loads
}

// headrooms are the shares of the capacity that are tried as limits.
var headrooms = []float64{0.95, 0.90, 0.85}

// verify measures with the proposed limits, and with lower ones where the delay stays.
func (r *run) verify(ctx context.Context, res Result, load [2]bool) (Result, error) {
	for try := range headrooms {
		p := Phase{Kind: After, Load: load, Length: r.LoadLength}
		for d := range p.Limits {
			p.Limits[d] = res.Directions[d].Proposed.Ceiling
		}
		if err := r.measure(ctx, p); err != nil {
			return res, err
		}
		res = r.result()
		if r.Watch || try == len(headrooms)-1 || !res.tooSlow(load) {
			break
		}
		r.left += rest + p.Length + overhead
		res = res.lower(load, headrooms[try+1])
	}
	return res, nil
}
