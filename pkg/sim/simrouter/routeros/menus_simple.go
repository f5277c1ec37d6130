package routeros

import (
	"strconv"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// queueSimple is the menu of simple queues. Two-way values are "A/B": A is what
// the target sends, B is what it receives.
func queueSimple() *menu {
	fields := []field{
		{name: "name", typ: name, required: true},
		{name: "target", typ: valueType{Type: value.Target}, required: true},
		{name: "dst", kind: optional, typ: text},
		{name: "parent", typ: valueType{Type: value.Text, exists: isSimpleParent}, value: "none"},
		{name: "packet-marks", typ: text},
		{name: "priority", typ: pair(integer(1, 8)), value: "8/8"},
		{name: "queue", typ: pair(reference(typePath)), value: "default-small/default-small"},
		{name: "limit-at", typ: pair(rate), value: "0/0"},
		{name: "max-limit", typ: pair(rate), value: "0/0"},
		{name: "burst-limit", typ: pair(rate), value: "0/0"},
		{name: "burst-threshold", typ: pair(rate), value: "0/0"},
		{name: "burst-time", typ: pair(interval), value: "0s/0s"},
		{name: "bucket-size", typ: pair(decimal), value: "0.1/0.1"},
		{name: "time", kind: optional, typ: text},
		{name: "disabled", typ: boolean, value: "false"},
		{name: "comment", kind: optional, typ: text},
		{name: "place-before", kind: argument, typ: text},
		{name: "dynamic", kind: status, typ: boolean, value: "false"},
		{name: "invalid", kind: status, typ: boolean, value: "false"},
		{name: "total-priority", typ: integer(1, 8), value: "8"},
		{name: "total-queue", typ: reference(typePath), value: "default-small"},
		{name: "total-limit-at", typ: rate, value: "0"},
		{name: "total-max-limit", typ: rate, value: "0"},
		{name: "total-burst-limit", typ: rate, value: "0"},
		{name: "total-burst-threshold", typ: rate, value: "0"},
		{name: "total-burst-time", typ: interval, value: "0s"},
		{name: "total-bucket-size", typ: decimal, value: "0.1"},
	}
	for _, n := range queueCounters {
		fields = append(fields,
			field{name: n, kind: counter, value: "0/0"},
			field{name: "total-" + n, kind: counter, typ: number, value: "0"})
	}
	return &menu{
		path: simplePath, nextID: 0x1, ordered: true, fields: fields,
		unique:    []string{"name"},
		duplicate: "already have such name",
		check: func(m *Router, old, now *row) *Error {
			at, limit := now.pair("limit-at"), now.pair("max-limit")
			for i := range limit {
				if err := limitOrder(at[i], limit[i]); err != nil {
					return err
				}
			}
			if err := limitOrder(now.values["total-limit-at"], now.values["total-max-limit"]); err != nil {
				return err
			}
			return m.setRealLimits(simplePath, old, now)
		},
		refresh: func(m *Router, r *row, wanted func(string) bool) {
			r.values["invalid"] = strconv.FormatBool(m.invalid(simplePath, r))
			m.refreshCounters(simplePath, r, wanted)
		},
	}
}

// isSimpleParent reports what a simple queue can hang under: nothing, or another
// simple queue.
func isSimpleParent(m *Router, name string) bool {
	return name == "none" || m.byName(simplePath, name) != nil
}

// simpleInvalid reports whether something that a simple queue refers to has
// vanished.
func (m *Router) simpleInvalid(r *row) bool {
	if p := r.values["parent"]; p != "none" && m.byName(simplePath, p) == nil {
		return true
	}
	types := r.pair("queue")
	for _, t := range []string{types[0], types[1], r.values["total-queue"]} {
		if m.byName(typePath, t) == nil {
			return true
		}
	}
	for _, name := range value.TargetInterfaces(r.values["target"]) {
		if m.byName(interfacePath, name) == nil {
			return true
		}
	}
	return false
}
