package routeros

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// realCounters reads the backend's counters of a queue; false without a backend.
func (m *Router) realCounters(path, queue string) (c [2]router.Counters, ok bool) {
	var err error
	switch {
	case path == treePath && m.backend != nil:
		c[0], err = m.backend.Counters(queue)
	case path == simplePath && m.simple != nil:
		c, err = m.simple.SimpleCounters(queue)
	default:
		return c, false
	}
	if err != nil {
		m.log.Warn("reading counters of the backend", "menu", path, "queue", queue, "error", err)
	}
	return c, err == nil
}

// refreshCounters stores the backend's counters in the row of a queue, if a
// print shows them: asking a backend for them is expensive. The counters of a queue
// that carries nothing stand still, and go on from there when it does again.
func (m *Router) refreshCounters(path string, r *row, wanted func(string) bool) {
	if !slices.ContainsFunc(queueCounters, func(n string) bool { return wanted(n) || wanted("total-"+n) }) {
		return
	}
	c, ok := m.realCounters(path, r.queue.name)
	switch {
	case !ok:
		return
	case r.values["disabled"] == "true", r.values["invalid"] == "true", r.queue.bypassed:
		r.queue.stood = true
		return
	case r.queue.stood:
		r.queue.stood = false
		for i, shown := range shownCounters(path, r) {
			r.queue.zero[i] = since(c[i], shown)
		}
	}
	for i := range c {
		c[i] = since(c[i], r.queue.zero[i])
	}
	m.storeCounters(path, r, c)
}

// since returns counters as they count from zero on.
func since(c, zero router.Counters) router.Counters {
	c.Bytes -= min(c.Bytes, zero.Bytes)
	c.Packets -= min(c.Packets, zero.Packets)
	c.Dropped -= min(c.Dropped, zero.Dropped)
	return c
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

// shownCounters returns the counters in the row of a queue.
func shownCounters(path string, r *row) (c [2]router.Counters) {
	if path == treePath {
		c[0] = ReadCounters(func(name string) string { return r.values[name] })
		return c
	}
	for i := range c {
		c[i] = ReadCounters(func(name string) string { return r.pair(name)[i] })
	}
	return c
}

// counterValues returns counters under RouterOS's names.
func counterValues(c router.Counters) map[string]uint64 {
	return map[string]uint64{
		"bytes": c.Bytes, "packets": c.Packets, "dropped": c.Dropped,
		"queued-bytes": c.QueuedBytes, "queued-packets": c.QueuedPackets, "rate": uint64(c.Rate),
	}
}

// storeCounters puts counters into the row of a queue, except the drops that its
// leaf does not count.
func (m *Router) storeCounters(path string, r *row, c [2]router.Counters) {
	for i, counts := range m.countsDrops(r) {
		if !counts {
			c[i].Dropped = 0
		}
	}
	b := counterValues(c[1])
	for name, a := range counterValues(c[0]) {
		if path == treePath {
			r.values[name] = strconv.FormatUint(a, 10)
			continue
		}
		r.values[name] = fmt.Sprintf("%d/%d", a, b[name])
		r.values["total-"+name] = strconv.FormatUint(a+b[name], 10)
	}
}

// countsDrops reports of both sides of a queue whether drops in its leaf are
// counted: those inside of CAKE and FQ-CoDel are not.
func (m *Router) countsDrops(r *row) (counts [2]bool) {
	for i, name := range r.pair("queue") {
		t := m.byName(typePath, name)
		inside := t != nil && (t.values["kind"] == "cake" || t.values["kind"] == "fq-codel")
		counts[i] = !inside || m.quirks.CountsLeafDrops
	}
	return counts
}

// SetCounters sets the counters of a queue of the tree, for routers without a
// Backend.
func (m *Router) SetCounters(queue string, c router.Counters) error {
	return m.setCounters(treePath, queue, [2]router.Counters{c})
}

// SetSimpleCounters sets the counters of a simple queue, for routers without a
// SimpleBackend: first of what its target sends, then of what it receives.
func (m *Router) SetSimpleCounters(queue string, c [2]router.Counters) error {
	return m.setCounters(simplePath, queue, c)
}

func (m *Router) setCounters(path, queue string, c [2]router.Counters) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(path, queue)
	if r == nil {
		return fmt.Errorf("no queue %q in %s of the simulated router", queue, path)
	}
	for i, counts := range m.countsDrops(r) {
		if !counts && c[i].Dropped > 0 {
			return fmt.Errorf("queue %q: RouterOS counts no drops inside of CAKE and FQ-CoDel; "+
				"give it another type, or start the router with the quirk counts-leaf-drops", queue)
		}
	}
	if !r.queue.bypassed {
		m.storeCounters(path, r, c)
	}
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
	return shownCounters(simplePath, r), nil
}

// clearCounters is reset-counters for one row.
func (m *Router) clearCounters(mn *menu, r *row) {
	for _, f := range mn.fields {
		if f.kind == counter {
			r.values[f.name] = f.value
		}
	}
	if r.queue == nil {
		return
	}
	if c, ok := m.realCounters(mn.path, r.queue.name); ok {
		r.queue.zero = c
	}
}

// startCounters makes a queue that is added again count from zero, whatever its
// backend has counted for the one before.
func (m *Router) startCounters(mn *menu, r *row) {
	if r.queue == nil {
		return
	}
	if key := mn.path + " " + r.queue.name; m.added[key] {
		m.clearCounters(mn, r)
	} else {
		m.added[key] = true
	}
}
