package console

import (
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// Properties are kept as text in the API's representation. Scripts see numbers,
// durations and truth values; print shows units. What a property is follows
// from its name, which means the same in every menu.

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

var (
	rateProps = words("max-limit limit-at burst-limit burst-threshold pcq-rate pcq-burst-rate cake-bandwidth rate total-rate")

	numberProps = words("priority bytes packets dropped packet-rate queued-bytes queued-packets " +
		"total-bytes total-packets total-dropped total-packet-rate total-queued-bytes total-queued-packets " +
		"bfifo-limit pfifo-limit mq-pfifo-limit sfq-perturb sfq-allot pcq-limit pcq-total-limit " +
		"fq-codel-flows fq-codel-limit fq-codel-quantum cake-mpu cake-overhead distance scope target-scope " +
		"run-count cpu-count write-sect-since-reboot write-sect-total port max-sessions")

	sizeProps = words("fq-codel-memlimit cake-memlimit free-hdd-space free-memory total-hdd-space total-memory")

	timeProps = words("burst-time timeout uptime fq-codel-interval fq-codel-target cake-rtt")

	boolProps = words("disabled invalid dynamic default log passthrough running active static expired blackhole " +
		"dont-require-permissions fq-codel-ecn cake-nat cake-wash cake-autorate-ingress")

	// unitProps are numbers that print shows with a unit.
	unitProps = map[string]string{"cpu-load": "%", "bad-blocks": "%", "cpu-frequency": "MHz"}
)

// typed is a value as scripts see it.
func typed(name, v string) value.Value {
	switch {
	case name == argID:
		return value.OfID(v)
	case boolProps[name] && (v == "true" || v == "false"):
		return value.OfBool(v == "true")
	case timeProps[name]:
		if d, ok := parseInterval(v); ok || v == "0s" {
			return value.OfTime(d, value.FormatTime(d))
		}
	case rateProps[name], numberProps[name], sizeProps[name], unitProps[name] != "":
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return value.OfNum(n)
		}
	}
	return value.OfString(v)
}

func typedRow(row map[string]string) value.Value {
	values := make(map[string]value.Value, len(row))
	for name, v := range row {
		values[name] = typed(name, v)
	}
	return value.OfRow(values)
}

// display is a value as print shows it, without quotes.
func display(name, v string) string {
	switch {
	case boolProps[name] && v == "true":
		return "yes"
	case boolProps[name] && v == "false":
		return "no"
	case unitProps[name] != "":
		return v + unitProps[name]
	case sizeProps[name]:
		return displaySize(v)
	case name == "bucket-size":
		if f, err := strconv.ParseFloat(v, 64); err == nil && f < 1 {
			return strconv.FormatFloat(f, 'f', 3, 64)
		}
	case rateProps[name]:
		up, down, two := strings.Cut(v, "/")
		if two {
			return displayRate(up) + "/" + displayRate(down)
		}
		return displayRate(v)
	}
	return v
}

// displayRate writes multiples of a unit with it, and nothing else.
func displayRate(v string) string {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n == 0 {
		return v
	}
	for _, u := range []struct {
		size   uint64
		suffix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n%u.size == 0 {
			return strconv.FormatUint(n/u.size, 10) + u.suffix
		}
	}
	return v
}

func displaySize(v string) string {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n == 0 {
		return v
	}
	for _, suffix := range []string{"B", "KiB", "MiB"} {
		if n < 1024 || suffix == "MiB" {
			if suffix == "B" {
				return v
			}
			return strconv.FormatFloat(n, 'f', 1, 64) + suffix
		}
		n /= 1024
	}
	return v
}

// count adds one to a number kept as text.
func count(values map[string]string, name string) {
	n, _ := strconv.Atoi(values[name])
	values[name] = strconv.Itoa(n + 1)
}
