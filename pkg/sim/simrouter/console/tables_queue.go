package console

import "strconv"

// Queue menus. The names, defaults and order of fields are those RouterOS 7
// prints over REST.

var queueCounters = []string{"bytes", "dropped", "packet-rate", "packets", "queued-bytes", "queued-packets", "rate"}

func counters(names ...string) []field {
	fields := make([]field, len(names))
	for i, n := range names {
		fields[i] = field{name: n, kind: counter, value: "0"}
	}
	return fields
}

func queueTree() *menu {
	return &menu{
		path: "/queue/tree", nextID: 0x1000000,
		fields: append([]field{
			{name: "name", parse: name, need: true},
			{name: "parent", parse: parent, need: true},
			{name: "packet-mark", parse: text},
			{name: "queue", parse: reference("/queue/type"), value: "default-small"},
			{name: "limit-at", parse: rate, value: "0"},
			{name: "max-limit", parse: rate, value: "0"},
			{name: "priority", parse: integer(1, 8), value: "8"},
			{name: "burst-limit", parse: rate, value: "0"},
			{name: "burst-threshold", parse: rate, value: "0"},
			{name: "burst-time", parse: interval, value: "0s"},
			{name: "bucket-size", parse: decimal, value: "0.1"},
			{name: "disabled", parse: boolean, value: "false"},
			{name: "comment", kind: optional, parse: text},
			{name: "invalid", kind: status, value: "false"},
		}, counters(queueCounters...)...),
		unique: func(r *row) string { return r.values["name"] },
		taken:  "already have such name",
		check: func(m *Machine, old, now *row) *Error {
			if err := limitOrder(now.values["limit-at"], now.values["max-limit"]); err != nil {
				return err
			}
			return m.tellLimit(old, now)
		},
		refresh: (*Machine).refreshQueue,
	}
}

// limitOrder refuses a guarantee above the limit; a limit of 0 is none.
func limitOrder(limitAt, maxLimit string) *Error {
	at, _ := strconv.ParseInt(limitAt, 10, 64)
	limit, _ := strconv.ParseInt(maxLimit, 10, 64)
	if limit > 0 && at > limit {
		return errFailure("max-limit must not be less than limit-at")
	}
	return nil
}

func queueSimple() *menu {
	fields := []field{
		{name: "name", parse: name, need: true},
		{name: "target", parse: text, need: true},
		{name: "parent", parse: text, value: "none"},
		{name: "packet-marks", parse: text},
		{name: "priority", parse: pair(integer(1, 8)), value: "8/8"},
		{name: "queue", parse: pair(reference("/queue/type")), value: "default-small/default-small"},
		{name: "limit-at", parse: pair(rate), value: "0/0"},
		{name: "max-limit", parse: pair(rate), value: "0/0"},
		{name: "burst-limit", parse: pair(rate), value: "0/0"},
		{name: "burst-threshold", parse: pair(rate), value: "0/0"},
		{name: "burst-time", parse: pair(interval), value: "0s/0s"},
		{name: "bucket-size", parse: pair(decimal), value: "0.1/0.1"},
		{name: "disabled", parse: boolean, value: "false"},
		{name: "comment", kind: optional, parse: text},
		{name: "place-before", kind: argument, parse: text},
		{name: "dynamic", kind: status, value: "false"},
		{name: "invalid", kind: status, value: "false"},
	}
	for _, n := range queueCounters {
		fields = append(fields,
			field{name: n, kind: counter, value: "0/0"},
			field{name: "total-" + n, kind: counter, value: "0"})
	}
	return &menu{
		path: "/queue/simple", nextID: 0x1, ordered: true, fields: fields,
		unique: func(r *row) string { return r.values["name"] },
		taken:  "already have such name",
	}
}

func queueType() *menu {
	cake, fq, pcq := []string{"cake"}, []string{"fq-codel"}, []string{"pcq"}
	diffserv := enum("besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8")
	flowmode := enum("flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate")
	return &menu{
		path: "/queue/type", nextID: 0xA,
		fields: []field{
			{name: "name", parse: name, need: true},
			{name: "kind", need: true, parse: enum("bfifo", "cake", "codel", "fq-codel", "mq-pfifo", "none", "pcq", "pfifo", "red", "sfq")},
			{name: "default", kind: status, value: "false"},
			{name: "bfifo-limit", parse: integer(1, 1<<31), value: "15000", only: []string{"bfifo"}},
			{name: "pfifo-limit", parse: integer(1, 1<<31), value: "50", only: []string{"pfifo"}},
			{name: "mq-pfifo-limit", parse: integer(1, 1<<31), value: "50", only: []string{"mq-pfifo"}},
			{name: "sfq-perturb", parse: integer(0, 1<<31), value: "5", only: []string{"sfq"}},
			{name: "sfq-allot", parse: integer(0, 1<<31), value: "1514", only: []string{"sfq"}},
			{name: "pcq-rate", parse: rate, value: "0", only: pcq},
			{name: "pcq-limit", parse: integer(0, 1<<31), value: "50", only: pcq},
			{name: "pcq-classifier", parse: text, value: "dst-address", only: pcq},
			{name: "pcq-total-limit", parse: integer(0, 1<<31), value: "2000", only: pcq},
			{name: "pcq-burst-rate", parse: rate, value: "0", only: pcq},
			{name: "fq-codel-ecn", parse: boolean, value: "true", only: fq},
			{name: "fq-codel-flows", parse: integer(1, 65535), value: "1024", only: fq},
			{name: "fq-codel-interval", parse: interval, value: "100ms", only: fq},
			{name: "fq-codel-limit", parse: integer(1, 1<<31), value: "10240", only: fq},
			{name: "fq-codel-memlimit", parse: integer(0, 1<<33), value: "33554432", only: fq},
			{name: "fq-codel-quantum", parse: integer(256, 1<<31), value: "1514", only: fq},
			{name: "fq-codel-target", parse: interval, value: "5ms", only: fq},
			{name: "cake-ack-filter", parse: enum("none", "filter", "aggressive"), value: "none", only: cake},
			{name: "cake-atm", parse: enum("none", "atm", "ptm"), value: "none", only: cake},
			{name: "cake-autorate-ingress", kind: optional, parse: boolean, only: cake},
			{name: "cake-bandwidth", kind: optional, parse: rate, only: cake},
			{name: "cake-diffserv", parse: diffserv, value: "diffserv3", only: cake},
			{name: "cake-flowmode", parse: flowmode, value: "triple-isolate", only: cake},
			{name: "cake-memlimit", parse: integer(0, 1<<33), value: "0", only: cake},
			{name: "cake-mpu", kind: optional, parse: integer(0, 256), only: cake},
			{name: "cake-nat", parse: boolean, value: "false", only: cake},
			{name: "cake-overhead", parse: integer(-64, 256), value: "0", only: cake},
			{name: "cake-overhead-scheme", kind: optional, parse: text, only: cake},
			{name: "cake-rtt", parse: interval, value: "100ms", only: cake},
			{name: "cake-rtt-scheme", parse: enum("none", "datacentre", "internet", "interplanetary", "lan", "metro", "oceanic", "regional", "satellite"), value: "none", only: cake},
			{name: "cake-wash", parse: boolean, value: "false", only: cake},
		},
		unique: func(r *row) string { return r.values["name"] },
		taken:  "already have such name",
		check: func(_ *Machine, old, now *row) *Error {
			if old != nil && old.values["default"] == "true" && old.values["name"] != now.values["name"] {
				return errFailure("cannot rename default queue type")
			}
			return nil
		},
		leave: func(m *Machine, r *row) *Error {
			if r.values["default"] == "true" {
				return errFailure("cannot remove default queue type")
			}
			for _, q := range m.menus["/queue/tree"].rows {
				if q.values["queue"] == r.values["name"] {
					return errFailure("queue type is in use")
				}
			}
			return nil
		},
	}
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
