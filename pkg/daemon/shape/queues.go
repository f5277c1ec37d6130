package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/router/survey"
	"github.com/wanctl/wanctl/pkg/router/twoway"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Queues is the queues of one WAN on its router, as the loop uses them: one for each
// direction that is controlled.
type Queues struct {
	endpoint config.Router
	limits   router.Client // the session that limits are read and changed on
	counters router.Client // reads all else: on a second session where there is one to spare, else like limits
	names    [2]string     // by autorate.Direction; "" for one that is not controlled
	simple   string        // the simple queue that both are; "" for queues of the tree
	types    [2]string     // queue types to write along with a limit; "" leaves them

	bypass    *bypassWatch                      // nil: nobody watches
	overrides [2]atomic.Pointer[string]         // what keeps a limit from being what holds; nil: nothing
	bounds    atomic.Pointer[[2]actuate.Bounds] // of the limits that may be written

	faults [2]atomic.Uint32     // an actuate.Fault each, as last read
	last   [2]autorate.Counters // as last read by Counters, which one goroutine calls
}

var (
	_ control.Limiter = (*Queues)(nil)
	_ control.Meter   = (*Queues)(nil)
)

// OpenQueues returns the queues of a WAN and makes the sessions. A poll must
// never delay a write, so the counters have a session of their own; but not over
// REST, where the router answers one request at a time, whatever connections they
// come on. Nothing is sent yet. The sessions are those of pool, which may be nil.
func OpenQueues(cfg *config.WAN, pool *routerdial.Pool, log *slog.Logger, onSwitch func(failover.Switch)) (*Queues, error) {
	q := &Queues{
		endpoint: cfg.Router,
		names:    [2]string{cfg.Queues.Download, cfg.Queues.Upload},
		types:    [2]string{cfg.Queues.DownloadType, cfg.Queues.UploadType},
		simple:   cfg.Queues.Simple,
	}
	if q.simple != "" {
		q.names = twoway.Names(q.simple)
	}
	for d, controlled := range cfg.Controlled() {
		if !controlled {
			q.names[d] = ""
		}
	}
	open := func(use routerdial.Use, log *slog.Logger) (router.Client, error) {
		return pool.Open(&cfg.Base, routerdial.Bounds{Timeout: min(cfg.Timeouts.Command, daemon.RouterTimeout), Answer: daemon.RouterAnswer}, use, log, onSwitch)
	}
	both := func(c router.Client) router.Client {
		if q.simple == "" {
			return c
		}
		return twoway.New(c, twoway.Queue{Name: q.simple, Target: string(cfg.Queues.Target)})
	}
	if cfg.Router.Transport == config.REST {
		c, err := open(routerdial.Limits, log)
		if err != nil {
			return nil, err
		}
		q.limits = both(c)
		q.counters = q.limits
		return q, nil
	}
	first, err := open(routerdial.Limits, log.With("session", "limits"))
	if err != nil {
		return nil, err
	}
	second, err := open(routerdial.Counters, log.With("session", "counters"))
	if err != nil {
		return nil, err
	}
	q.limits, q.counters = both(first), both(&spareSession{Client: second, first: first, log: log})
	return q, nil
}

// survey names the queues to what reads around them.
func (q *Queues) survey() survey.Queues { return survey.Queues{Names: q.names, Simple: q.simple} }

// Close closes the sessions. A connection that was lost before cannot be closed
// well, and need not.
func (q *Queues) Close() {
	_ = q.limits.Close()
	if q.counters != q.limits {
		_ = q.counters.Close()
	}
}

// Limits implements control.Limiter.
func (q *Queues) Limits(ctx context.Context) (control.Reading, error) {
	var r control.Reading
	queues, errs := q.own(ctx)
	for _, d := range autorate.Directions {
		if q.names[d] == "" {
			continue
		}
		queue, err := queues[d], errs[d]
		fault := faultOf(queue, err)
		if err != nil && !fault.Unwritable() {
			return r, fmt.Errorf("reading the %v limit: %w", d, err)
		}
		q.faults[d].Store(uint32(fault))
		r.Limits[d], r.Faults[d] = queue.MaxLimit, q.withoutEffect(d, fault)
	}
	return r, nil
}

// own reads the queue of each direction that is controlled, a simple queue once for
// both.
func (q *Queues) own(ctx context.Context) (queues [2]router.Queue, errs [2]error) {
	if pair, ok := q.limits.(*twoway.Client); ok {
		both, down, err := pair.Both(ctx)
		return [2]router.Queue{both.Side(down), both.Side(1 - down)}, [2]error{err, err}
	}
	for d, name := range q.names {
		if name != "" {
			queues[d], errs[d] = q.limits.Queue(ctx, name)
		}
	}
	return queues, errs
}

// withoutEffect returns the fault of a queue as it was read, else what makes its limit
// have no effect.
func (q *Queues) withoutEffect(d autorate.Direction, read actuate.Fault) actuate.Fault {
	switch {
	case read != actuate.NoFault:
		return read
	case q.bypass.bypassed(d) != "":
		return actuate.Bypassed
	case q.overrides[d].Load() != nil:
		return actuate.Overridden
	}
	return actuate.NoFault
}

// fault returns what was wrong with the queue of d when it was last read.
func (q *Queues) fault(d autorate.Direction) actuate.Fault { return actuate.Fault(q.faults[d].Load()) }

// faultOf returns what is wrong with a queue as it was read.
func faultOf(queue router.Queue, err error) actuate.Fault {
	switch {
	case errors.Is(err, router.ErrNotFound):
		return actuate.Absent
	case errors.Is(err, router.ErrAmbiguous):
		return actuate.Ambiguous
	case err != nil:
		return actuate.NoFault
	case queue.Disabled:
		return actuate.Disabled
	case queue.Invalid:
		return actuate.Invalid
	}
	return actuate.NoFault
}

// describe returns what a fault of a queue means, and what to do about it.
func (q *Queues) describe(d autorate.Direction, f actuate.Fault) string {
	name, menu, key := q.names[d], "/queue tree", "queues."+d.String()
	if q.simple != "" {
		name, menu, key = q.simple, "/queue simple", "queues.simple"
	}
	switch f {
	case actuate.NoFault:
	case actuate.Absent:
		return fmt.Sprintf("the router has no queue %q any more: the %v is not limited; was it renamed? see 'wanctl router queue get' and %[3]s", name, d, key)
	case actuate.Ambiguous:
		return fmt.Sprintf("the router has several queues %q: none is written; see 'wanctl router queue get' and rename all but one", name)
	case actuate.Invalid:
		return fmt.Sprintf("queue %q is invalid, its parent or its type is gone: the %v is not limited; on the router: %s print where invalid", name, d, menu)
	case actuate.Disabled:
		return fmt.Sprintf("queue %q is disabled: the %v is not limited; on the router: %[3]s enable [find name=%[1]q]", name, d, menu)
	case actuate.Bypassed:
		return q.bypass.bypassed(d)
	case actuate.Overridden:
		if why := q.overrides[d].Load(); why != nil {
			return fmt.Sprintf("the limit of queue %q is not what holds: %s", name, *why)
		}
	}
	return ""
}

// keys returns the keys of the configuration that name the queues.
func (q *Queues) keys() string {
	switch {
	case q.simple != "":
		return "queues.simple"
	case q.names[autorate.Upload] == "":
		return "queues.download"
	case q.names[autorate.Download] == "":
		return "queues.upload"
	}
	return "queues.download and queues.upload"
}

// SetLimits implements control.Limiter. The client changes no queue when one of
// them is absent: the other one is written alone then.
func (q *Queues) SetLimits(ctx context.Context, want control.Limits) (control.Limits, error) {
	applied := want
	failed := q.write(ctx, want, &applied)
	for _, d := range autorate.Directions {
		if other := failed[1-d]; router.IsRefusal(other) && router.ErrorOf(other, q.names[1-d]) != nil &&
			failed[d] != nil && router.ErrorOf(failed[d], q.names[d]) == nil {
			var alone control.Limits
			alone[d] = want[d]
			failed[d] = q.write(ctx, alone, &applied)[d]
		}
	}
	if failed == (control.WriteError{}) {
		return applied, nil
	}
	for d, err := range failed {
		if err != nil {
			failed[d] = fmt.Errorf("setting the %v limit: %w", autorate.Direction(d), err)
		}
	}
	return applied, &failed
}

// write writes the limits that are not 0, and records in applied those that the
// router confirms.
func (q *Queues) write(ctx context.Context, want control.Limits, applied *control.Limits) (failed control.WriteError) {
	var changes []router.QueueChange
	var changed []autorate.Direction
	for _, d := range autorate.Directions {
		if want[d] == 0 {
			continue
		}
		change := router.QueueChange{Name: q.names[d]}
		change.MaxLimit = &want[d]
		if q.types[d] != "" {
			change.Type = &q.types[d]
		}
		changes, changed = append(changes, change), append(changed, d)
	}
	queues, err := q.limits.SetQueues(ctx, changes...)
	for i, d := range changed {
		confirmed := queues[i].Name != ""
		if confirmed {
			applied[d] = queues[i].MaxLimit
		}
		if own := router.ErrorOf(err, q.names[d]); own != nil {
			failed[d] = own
		} else if !confirmed {
			failed[d] = err
		}
	}
	return failed
}

// Counters implements control.Meter. Those of an absent queue stand still, and those of
// a direction that is not controlled are 0.
func (q *Queues) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	var names []string
	var asked []autorate.Direction
	for _, d := range autorate.Directions {
		if q.names[d] != "" && !q.fault(d).Unwritable() {
			names, asked = append(names, q.names[d]), append(asked, d)
		}
	}
	if len(names) == 0 {
		return q.last, nil
	}
	read, err := q.counters.Counters(ctx, names...)
	for i, d := range asked {
		if f := faultOf(router.Queue{}, router.ErrorOf(err, names[i])); f.Unwritable() {
			q.faults[d].Store(uint32(f)) // until it is seen again
			return q.Counters(ctx)
		}
	}
	if err != nil {
		return q.last, fmt.Errorf("reading queue counters: %w", err)
	}
	for i, c := range read {
		q.last[asked[i]] = autorate.Counters{Bytes: c.Bytes, Dropped: c.Dropped, QueuedBytes: c.QueuedBytes}
	}
	return q.last, nil
}

// health returns the endpoint in use and the failovers of both sessions.
func (q *Queues) health() telemetry.RouterHealth {
	var h telemetry.RouterHealth
	h.Transport, h.Address, h.Failovers = routerdial.InUse(q.endpoint, q.limits)
	if q.counters != q.limits {
		_, _, more := routerdial.InUse(q.endpoint, q.counters)
		h.Failovers += more
	}
	return h
}
