// Package rosdata parses and classifies the data of RouterOS, which is the same
// over every protocol: rows of properties and their conversion to the types of
// package router, durations and addresses, error messages, and quoting. It opens
// no connections.
package rosdata

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// Row is one item as the router reports it: property to value, always text.
// Properties that are not set are absent.
type Row = map[string]string

// Properties to ask for, by purpose.
var (
	QueueProps   = []string{".id", "name", "parent", "queue", "max-limit", "limit-at", "burst-limit", "burst-time", "comment", "disabled", "invalid", "bytes", "packets", "dropped", "queued-bytes", "queued-packets", "rate"}
	CounterProps = []string{".id", "name", "bytes", "packets", "dropped", "queued-bytes", "queued-packets", "rate"}
	SimpleProps  = []string{".id", "name", "target", "parent", "queue", "max-limit", "limit-at", "burst-limit", "burst-threshold", "burst-time", "total-max-limit", "packet-marks", "comment", "disabled", "invalid", "dynamic", "bytes", "packets", "dropped", "queued-bytes", "queued-packets", "rate"}
)

// Require returns an error that names the first property missing from r. A router
// that is still starting has been seen to answer with rows of another menu.
func Require(r Row, props ...string) error {
	for _, p := range props {
		if _, ok := r[p]; !ok {
			return fmt.Errorf("answer has no %q", p)
		}
	}
	return nil
}

// Queue reads a row of /queue/tree.
func Queue(r Row) (router.Queue, error) {
	if err := Require(r, "name", "max-limit"); err != nil {
		return router.Queue{}, err
	}
	p := parser{row: r}
	q := router.Queue{
		Name: r["name"], Parent: r["parent"], Type: r["queue"], Comment: r["comment"],
		MaxLimit: p.rate("max-limit"), LimitAt: p.rate("limit-at"), BurstLimit: p.rate("burst-limit"),
		Disabled: Bool(r["disabled"]), Invalid: Bool(r["invalid"]),
		Counters: p.counters(),
	}
	if s := r["burst-time"]; s != "" && p.err == nil {
		q.BurstTime, p.err = Duration(s)
	}
	return q, p.err
}

// Counters reads the counters of a row of /queue/tree. A truncated row is an
// error, not a row whose counters are 0.
func Counters(r Row) (router.Counters, error) {
	if err := Require(r, "bytes", "dropped", "queued-bytes"); err != nil {
		return router.Counters{}, err
	}
	p := parser{row: r}
	return p.counters(), p.err
}

// QueueType reads a row of /queue/type.
func QueueType(r Row) (router.QueueType, error) {
	if err := Require(r, "name", "kind"); err != nil {
		return router.QueueType{}, err
	}
	t := router.QueueType{Name: r["name"], Kind: r["kind"], Default: Bool(r["default"]), Params: map[string]string{}}
	for key, v := range r {
		switch key {
		case ".id", "name", "kind", "default":
		default:
			t.Params[key] = v
		}
	}
	return t, nil
}

// Info reads /system/resource and /system/identity.
func Info(resource, identity Row) (router.Info, error) {
	if err := Require(resource, "version", "uptime"); err != nil {
		return router.Info{}, err
	}
	if err := Require(identity, "name"); err != nil {
		return router.Info{}, err
	}
	uptime, err := Duration(resource["uptime"])
	if err != nil {
		return router.Info{}, err
	}
	p := parser{row: resource}
	info := router.Info{
		Identity: identity["name"], Version: resource["version"],
		Board: resource["board-name"], Arch: resource["architecture-name"], Uptime: uptime,
		CPULoad: int(p.uint("cpu-load")), CPUCount: int(p.uint("cpu-count")),
		FreeMemory: p.uint("free-memory"), TotalMemory: p.uint("total-memory"),
		WriteSects: p.uint("write-sect-since-reboot"),
	}
	return info, p.err
}

// parser reads numbers of a row and keeps the first error. Absent properties
// are zero: some boards and versions lack some.
type parser struct {
	row Row
	err error
}

func (p *parser) uint(prop string) uint64 {
	s := strings.TrimSuffix(p.row[prop], "%")
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s is %s, not a number", prop, Quote(s))
	}
	return n
}

func (p *parser) rate(prop string) bitrate.Rate {
	s := p.row[prop]
	if s == "" {
		return 0
	}
	r, err := bitrate.Parse(s)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s is %s, not a rate", prop, Quote(s))
	}
	return r
}

func (p *parser) counters() router.Counters {
	return router.Counters{
		Bytes: p.uint("bytes"), Packets: p.uint("packets"), Dropped: p.uint("dropped"),
		QueuedBytes: p.uint("queued-bytes"), QueuedPackets: p.uint("queued-packets"),
		Rate: p.rate("rate"),
	}
}

// Bool reads true and yes as true, anything else as false.
func Bool(s string) bool { return s == "true" || s == "yes" }

var units = map[string]time.Duration{
	"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute,
	"s": time.Second, "ms": time.Millisecond, "us": time.Microsecond,
}

// Duration reads "6w5d11h55m45s", "100ms" or "01:22:53", which may follow days
// as in "3d01:22:53".
func Duration(s string) (time.Duration, error) {
	bad := func() (time.Duration, error) { return 0, fmt.Errorf("%s is not a duration", Quote(s)) }
	if s == "" {
		return bad()
	}
	var total time.Duration
	for rest := s; rest != ""; {
		n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if n <= 0 {
			return bad()
		}
		if rest[n] == ':' {
			clock, ok := clock(rest)
			if !ok {
				return bad()
			}
			return total + clock, nil
		}
		v, err := strconv.ParseInt(rest[:n], 10, 32)
		if err != nil {
			return bad()
		}
		rest = rest[n:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			return bad()
		}
		if v > int64((1<<62)/unit) {
			return bad()
		}
		total += time.Duration(v) * unit
		rest = rest[end:]
	}
	if total < 0 {
		return bad()
	}
	return total, nil
}

// clock reads "01:22:53".
func clock(s string) (time.Duration, bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, false
	}
	var total time.Duration
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || i > 0 && n > 59 {
			return 0, false
		}
		total = total*60 + time.Duration(n)*time.Second
	}
	return total, true
}
