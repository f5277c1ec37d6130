package routeros

import "strconv"

// Queue menus. The names, defaults and order of fields are those RouterOS 7
// prints over REST.

var queueCounters = []string{"bytes", "dropped", "packet-rate", "packets", "queued-bytes", "queued-packets", "rate"}

func counters(names ...string) []field {
	fields := make([]field, len(names))
	for i, n := range names {
		fields[i] = field{name: n, kind: counter, typ: number, value: "0"}
	}
	return fields
}

func queueTree() *menu {
	return &menu{
		path: treePath, nextID: 0x1000000,
		fields: append([]field{
			{name: "name", typ: name, required: true},
			{name: "parent", typ: parent, required: true},
			{name: "packet-mark", typ: text},
			{name: "queue", typ: reference(typePath), value: "default-small"},
			{name: "limit-at", typ: rate, value: "0"},
			{name: "max-limit", typ: rate, value: "0"},
			{name: "priority", typ: integer(1, 8), value: "8"},
			{name: "burst-limit", typ: rate, value: "0"},
			{name: "burst-threshold", typ: rate, value: "0"},
			{name: "burst-time", typ: interval, value: "0s"},
			{name: "bucket-size", typ: decimal, value: "0.1"},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "comment", kind: optional, typ: text},
			{name: "invalid", kind: status, typ: boolean, value: "false"},
		}, counters(queueCounters...)...),
		unique:    []string{"name"},
		duplicate: "already have such name",
		check: func(m *Router, old, now *row) *Error {
			if err := limitOrder(now.values["limit-at"], now.values["max-limit"]); err != nil {
				return err
			}
			return m.setRealLimits(treePath, old, now)
		},
		refresh: func(m *Router, r *row, wanted func(string) bool) {
			r.values["invalid"] = strconv.FormatBool(m.invalid(treePath, r))
			m.refreshCounters(treePath, r, wanted)
		},
	}
}

func queueType() *menu {
	cake, fq, pcq := []string{"cake"}, []string{"fq-codel"}, []string{"pcq"}
	diffserv := enum("besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8")
	flowmode := enum("flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate")
	return &menu{
		path: typePath, nextID: 0xA,
		fields: []field{
			{name: "name", typ: name, required: true},
			{name: "kind", required: true, typ: enum("bfifo", "cake", "codel", "fq-codel", "mq-pfifo", "none", "pcq", "pfifo", "red", "sfq")},
			{name: "default", kind: status, typ: boolean, value: "false"},
			{name: "bfifo-limit", typ: integer(1, 1<<31), value: "15000", only: []string{"bfifo"}},
			{name: "pfifo-limit", typ: integer(1, 1<<31), value: "50", only: []string{"pfifo"}},
			{name: "mq-pfifo-limit", typ: integer(1, 1<<31), value: "50", only: []string{"mq-pfifo"}},
			{name: "sfq-perturb", typ: integer(0, 1<<31), value: "5", only: []string{"sfq"}},
			{name: "sfq-allot", typ: integer(0, 1<<31), value: "1514", only: []string{"sfq"}},
			{name: "pcq-rate", typ: rate, value: "0", only: pcq},
			{name: "pcq-limit", typ: size(1 << 10), value: "50", only: pcq},
			{name: "pcq-classifier", typ: text, value: "dst-address", only: pcq},
			{name: "pcq-total-limit", typ: size(1 << 10), value: "2000", only: pcq},
			{name: "pcq-burst-rate", typ: rate, value: "0", only: pcq},
			{name: "pcq-burst-threshold", typ: rate, value: "0", only: pcq},
			{name: "pcq-burst-time", typ: interval, value: "10s", only: pcq},
			{name: "pcq-src-address-mask", typ: integer(0, 32), value: "32", only: pcq},
			{name: "pcq-dst-address-mask", typ: integer(0, 32), value: "32", only: pcq},
			{name: "pcq-src-address6-mask", typ: integer(0, 128), value: "128", only: pcq},
			{name: "pcq-dst-address6-mask", typ: integer(0, 128), value: "128", only: pcq},
			{name: "fq-codel-ecn", typ: boolean, value: "true", only: fq},
			{name: "fq-codel-flows", typ: integer(1, 65535), value: "1024", only: fq},
			{name: "fq-codel-interval", typ: interval, value: "100ms", only: fq},
			{name: "fq-codel-limit", typ: integer(1, 1<<31), value: "10240", only: fq},
			{name: "fq-codel-memlimit", typ: size(1), value: "33554432", only: fq},
			{name: "fq-codel-quantum", typ: integer(256, 1<<31), value: "1514", only: fq},
			{name: "fq-codel-target", typ: interval, value: "5ms", only: fq},
			{name: "cake-ack-filter", typ: enum("none", "filter", "aggressive"), value: "none", only: cake},
			{name: "cake-atm", typ: enum("none", "atm", "ptm"), value: "none", only: cake},
			{name: "cake-autorate-ingress", kind: optional, typ: boolean, only: cake},
			{name: "cake-bandwidth", kind: optional, typ: rate, only: cake},
			{name: "cake-diffserv", typ: diffserv, value: "diffserv3", only: cake},
			{name: "cake-flowmode", typ: flowmode, value: "triple-isolate", only: cake},
			{name: "cake-memlimit", typ: size(1), value: "0", only: cake},
			{name: "cake-mpu", kind: optional, typ: integer(0, 256), only: cake},
			{name: "cake-nat", typ: boolean, value: "false", only: cake},
			{name: "cake-overhead", typ: integer(-64, 256), value: "0", only: cake},
			{name: "cake-overhead-scheme", kind: optional, typ: text, only: cake},
			{name: "cake-rtt", typ: interval, value: "100ms", only: cake},
			{name: "cake-rtt-scheme", typ: enum("none", "datacentre", "internet", "interplanetary", "lan", "metro", "oceanic", "regional", "satellite"), value: "none", only: cake},
			{name: "cake-wash", typ: boolean, value: "false", only: cake},
		},
		unique:    []string{"name"},
		duplicate: "already have such name",
		check: func(_ *Router, old, now *row) *Error {
			if old != nil && old.values["default"] == "true" && old.values["name"] != now.values["name"] {
				return errFailure("cannot rename default queue type")
			}
			return nil
		},
		beforeRemove: func(m *Router, r *row) *Error {
			if r.values["default"] == "true" {
				return errFailure("cannot remove default queue type")
			}
			if m.typeInUse(r.values["name"]) {
				return errFailure("queue type is in use")
			}
			return nil
		},
	}
}

// queueInterface is the menu of the queues of interfaces. It has a row for each
// interface, under the same id.
func queueInterface() *menu {
	return &menu{
		path: interfaceQueuePath, fixed: true, named: "interface",
		fields: []field{
			{name: "interface", kind: status},
			{name: "queue", typ: reference(typePath)},
			{name: "active-queue", kind: status},
		},
		refresh: func(_ *Router, r *row, _ func(string) bool) { r.values["active-queue"] = r.values["queue"] },
	}
}

// listInterfaceQueues brings the rows of /queue/interface up to date.
func (m *Router) listInterfaceQueues() {
	mn, builtin := m.menus[interfaceQueuePath], m.builtinInterfaceQueues()
	for _, now := range builtin.rows {
		for _, r := range mn.rows {
			if r.id == now.id {
				now.values["queue"] = r.values["queue"]
			}
		}
	}
	mn.rows = builtin.rows
}

// builtinInterfaceQueues returns the menu as it is before anything was set.
func (m *Router) builtinInterfaceQueues() *menu {
	mn := queueInterface()
	for _, i := range m.menus[interfacePath].rows {
		queue := "no-queue"
		if i.values["type"] == "ether" {
			queue = "only-hardware-queue"
		}
		mn.rows = append(mn.rows, &row{id: i.id, values: map[string]string{"interface": i.values["name"], "queue": queue}})
	}
	return mn
}

// builtinTypes are the queue types every router ships with.
func builtinTypes(mn *menu) {
	for i, t := range []struct{ name, kind string }{
		{"default", "pfifo"}, {"ethernet-default", "pfifo"}, {"wireless-default", "sfq"},
		{"synchronous-default", "red"}, {"hotspot-default", "sfq"},
		{"only-hardware-queue", "none"}, {"multi-queue-ethernet-default", "mq-pfifo"}, {"default-small", "pfifo"},
	} {
		r := mn.newRow()
		r.id = uint32(i + 1)
		r.values["name"], r.values["kind"], r.values["default"] = t.name, t.kind, "true"
		if t.name == "default-small" {
			r.values["pfifo-limit"] = "10"
		}
		mn.rows = append(mn.rows, r)
	}
	for i, name := range []string{"pcq-upload-default", "pcq-download-default"} {
		r := mn.newRow()
		r.id = 0xFFFFFFFA + uint32(i)
		r.values["name"], r.values["kind"], r.values["default"] = name, "pcq", "true"
		mn.rows = append(mn.rows, r)
	}
}
