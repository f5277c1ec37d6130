package routeros

import (
	"slices"
	"strconv"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// The menus of queues.
const (
	treePath   = "/queue/tree"
	simplePath = "/queue/simple"
	typePath   = "/queue/type"

	interfaceQueuePath = "/queue/interface"
)

// Backend owns real queues behind the rows of the queue tree. A queue has the
// name under which it was added, whatever its row is called now. A queue that is
// disabled, invalid or bypassed has no limit. The Backend is called with the router locked:
// it must not call back, and the router takes as long as it does.
type Backend interface {
	// SetMaxLimit is called before a max-limit takes effect, 0 for none; an
	// error refuses the change.
	SetMaxLimit(queue string, limit bitrate.Rate) error
	// Counters is called when a queue's counters are printed.
	Counters(queue string) (router.Counters, error)
}

// SimpleBackend is the Backend of simple queues. Of both values the first is
// what the target sends, the second what it receives.
type SimpleBackend interface {
	SetSimpleLimits(queue string, limits [2]bitrate.Rate) error
	SimpleCounters(queue string) ([2]router.Counters, error)
}

// realQueue is what is behind the row of a queue. Queues of the tree use the
// first side of what has two.
type realQueue struct {
	name     string             // when the row was added: its name for a backend
	zero     [2]router.Counters // the backend's counters at the last reset
	passed   [2]bitrate.Rate    // the limits that its backend has
	bypassed bool               // no traffic goes through it
	stood    bool               // its counters stood still when they were last read
}

// limitOrder refuses a guarantee above the limit; a limit of 0 is none.
func limitOrder(limitAt, maxLimit string) *Error {
	if limit := rateOf(maxLimit); limit > 0 && rateOf(limitAt) > limit {
		return errFailure("max-limit must not be less than limit-at")
	}
	return nil
}

// rateOf reads a rate in the representation of rows.
func rateOf(v string) bitrate.Rate {
	n, _ := strconv.ParseInt(v, 10, 64)
	return bitrate.Rate(n)
}

// pair returns the two sides of a two-way value.
func (r *row) pair(name string) [2]string {
	a, b := value.CutPair(r.values[name])
	return [2]string{a, b}
}

// realLimits returns the limits that the traffic of a queue has.
func (m *Router) realLimits(path string, r *row) [2]bitrate.Rate {
	if r.values["disabled"] == "true" || m.invalid(path, r) || r.queue.bypassed {
		return [2]bitrate.Rate{}
	}
	limit := r.pair("max-limit")
	return [2]bitrate.Rate{rateOf(limit[0]), rateOf(limit[1])}
}

// setRealLimits passes changed limits to the backend.
func (m *Router) setRealLimits(path string, old, now *row) *Error {
	limits := m.realLimits(path, now)
	if old != nil && old.queue.passed == limits {
		return nil
	}
	var err error
	switch {
	case path == treePath && m.backend != nil:
		err = m.backend.SetMaxLimit(now.queue.name, limits[0])
	case path == simplePath && m.simple != nil:
		err = m.simple.SetSimpleLimits(now.queue.name, limits)
	}
	if err != nil {
		return errFailure(err.Error())
	}
	now.queue.passed = limits
	return nil
}

// invalid reports whether something that a queue refers to has vanished: its limit
// can be set, and limits nothing.
func (m *Router) invalid(path string, r *row) bool {
	if path == simplePath {
		return m.simpleInvalid(r)
	}
	return !m.isParent(r.values["parent"]) || m.byName(typePath, r.values["queue"]) == nil
}

// interfacesChanged passes the limits of queues that became invalid, or are no longer.
func (m *Router) interfacesChanged() {
	for _, path := range []string{treePath, simplePath} {
		for _, r := range m.menus[path].rows {
			if err := m.setRealLimits(path, r, r); err != nil {
				m.log.Warn("setting a limit of the backend", "menu", path, "queue", r.queue.name, "error", err)
			}
		}
	}
}

// typeInUse reports whether a queue has that type.
func (m *Router) typeInUse(name string) bool {
	uses := func(r *row) bool { return r.values["queue"] == name }
	return slices.ContainsFunc(m.menus[treePath].rows, uses) || slices.ContainsFunc(m.menus[interfaceQueuePath].rows, uses) ||
		slices.ContainsFunc(m.menus[simplePath].rows, func(r *row) bool {
			types := r.pair("queue")
			return types[0] == name || types[1] == name || r.values["total-queue"] == name
		})
}
