package routeros

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// The menus of queues.
const (
	treePath   = "/queue/tree"
	simplePath = "/queue/simple"
	typePath   = "/queue/type"
)

// Backend owns real queues behind the rows of the queue tree. A queue has the
// name under which it was added, whatever its row is called now. It is called with
// the router locked: it must not call back, and the router takes as long as it does.
type Backend interface {
	// SetMaxLimit is called before a max-limit takes effect; an error refuses
	// the change.
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

// setTreeLimit passes a changed max-limit to the backend.
func (m *Router) setTreeLimit(old, now *row) *Error {
	if m.backend == nil || old != nil && old.values["max-limit"] == now.values["max-limit"] {
		return nil
	}
	if err := m.backend.SetMaxLimit(now.firstName, rateOf(now.values["max-limit"])); err != nil {
		return errFailure(err.Error())
	}
	return nil
}

// setSimpleLimits passes a changed pair of limits to the backend.
func (m *Router) setSimpleLimits(old, now *row) *Error {
	if m.simple == nil || old != nil && old.values["max-limit"] == now.values["max-limit"] {
		return nil
	}
	limit := now.pair("max-limit")
	if err := m.simple.SetSimpleLimits(now.firstName, [2]bitrate.Rate{rateOf(limit[0]), rateOf(limit[1])}); err != nil {
		return errFailure(err.Error())
	}
	return nil
}

// typeInUse reports whether a queue has that type.
func (m *Router) typeInUse(name string) bool {
	return slices.ContainsFunc(m.menus[treePath].rows, func(r *row) bool { return r.values["queue"] == name }) ||
		slices.ContainsFunc(m.menus[simplePath].rows, func(r *row) bool {
			types := r.pair("queue")
			return types[0] == name || types[1] == name || r.values["total-queue"] == name
		})
}

// refreshTree computes the status and counters of a queue of the tree.
func (m *Router) refreshTree(r *row, wanted func(string) bool) {
	r.values["invalid"] = strconv.FormatBool(!m.isParent(r.values["parent"]) || m.byName(typePath, r.values["queue"]) == nil)
	if m.backend == nil || !countersWanted(wanted) {
		return
	}
	c, err := m.backend.Counters(r.firstName)
	if err != nil {
		m.log.Warn("reading counters of the backend", "queue", r.firstName, "error", err)
		return
	}
	storeCounters(r, since(c, r.zero[0]))
}

// countersWanted reports whether a print shows counters: asking a backend for
// them is expensive.
func countersWanted(wanted func(string) bool) bool {
	return slices.ContainsFunc(queueCounters, func(n string) bool { return wanted(n) || wanted("total-"+n) })
}

// since returns counters as they count from zero on.
func since(c, zero router.Counters) router.Counters {
	c.Bytes -= min(c.Bytes, zero.Bytes)
	c.Packets -= min(c.Packets, zero.Packets)
	c.Dropped -= min(c.Dropped, zero.Dropped)
	return c
}

// counterValues returns counters under RouterOS's names.
func counterValues(c router.Counters) map[string]uint64 {
	return map[string]uint64{
		"bytes": c.Bytes, "packets": c.Packets, "dropped": c.Dropped,
		"queued-bytes": c.QueuedBytes, "queued-packets": c.QueuedPackets, "rate": uint64(c.Rate),
	}
}

// ReadCounters reads counters from the values of a row.
func ReadCounters(value func(name string) string) router.Counters {
	n := func(name string) uint64 {
		v, _ := strconv.ParseUint(value(name), 10, 64)
		return v
	}
	return router.Counters{
		Bytes: n("bytes"), Packets: n("packets"), Dropped: n("dropped"),
		QueuedBytes: n("queued-bytes"), QueuedPackets: n("queued-packets"), Rate: bitrate.Rate(n("rate")),
	}
}

func storeCounters(r *row, c router.Counters) {
	for name, v := range counterValues(c) {
		r.values[name] = strconv.FormatUint(v, 10)
	}
}

func storeSimpleCounters(r *row, c [2]router.Counters) {
	b := counterValues(c[1])
	for name, a := range counterValues(c[0]) {
		r.values[name] = fmt.Sprintf("%d/%d", a, b[name])
		r.values["total-"+name] = strconv.FormatUint(a+b[name], 10)
	}
}

// SetCounters sets the counters of a queue of the tree, for routers without a
// Backend.
func (m *Router) SetCounters(queue string, c router.Counters) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(treePath, queue)
	if r == nil {
		return fmt.Errorf("no queue %q on the simulated router", queue)
	}
	storeCounters(r, c)
	return nil
}

// SetSimpleCounters sets the counters of a simple queue, for routers without a
// SimpleBackend: first of what its target sends, then of what it receives.
func (m *Router) SetSimpleCounters(queue string, c [2]router.Counters) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(simplePath, queue)
	if r == nil {
		return fmt.Errorf("no simple queue %q on the simulated router", queue)
	}
	storeSimpleCounters(r, c)
	return nil
}

// SimpleCounters returns the counters of a simple queue as they are shown.
func (m *Router) SimpleCounters(queue string) (c [2]router.Counters, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(simplePath, queue)
	if r == nil {
		return c, fmt.Errorf("no queue %q on the simulated router", queue)
	}
	for i := range c {
		c[i] = ReadCounters(func(name string) string { return r.pair(name)[i] })
	}
	return c, nil
}

// clearCounters is reset-counters for one row.
func (m *Router) clearCounters(mn *menu, r *row) {
	for _, f := range mn.fields {
		if f.kind == counter {
			r.values[f.name] = f.value
		}
	}
	switch {
	case mn.path == treePath && m.backend != nil:
		if c, err := m.backend.Counters(r.firstName); err == nil {
			r.zero[0] = c
		}
	case mn.path == simplePath && m.simple != nil:
		if c, err := m.simple.SimpleCounters(r.firstName); err == nil {
			r.zero = c
		}
	}
}

// startCounters makes a queue that is added again count from zero, whatever its
// backend has counted for the one before.
func (m *Router) startCounters(mn *menu, r *row) {
	if r.firstName == "" {
		return
	}
	if key := mn.path + " " + r.firstName; m.added[key] {
		m.clearCounters(mn, r)
	} else {
		m.added[key] = true
	}
}
