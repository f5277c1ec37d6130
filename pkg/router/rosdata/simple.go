package rosdata

import (
	"fmt"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// SimpleQueue reads a row of /queue/simple.
func SimpleQueue(r Row) (router.SimpleQueue, error) {
	if err := Require(r, "name", "max-limit"); err != nil {
		return router.SimpleQueue{}, err
	}
	p := pairParser{row: r}
	q := router.SimpleQueue{
		Name: r["name"], Parent: r["parent"], Type: Pair(r["queue"]),
		MaxLimit: p.rates("max-limit"), LimitAt: p.rates("limit-at"),
		BurstLimit: p.rates("burst-limit"), BurstThreshold: p.rates("burst-threshold"),
		PacketMarks: r["packet-marks"], Comment: r["comment"],
		Disabled: Bool(r["disabled"]), Invalid: Bool(r["invalid"]), Dynamic: Bool(r["dynamic"]),
		Counters: p.counters(),
	}
	if r["target"] != "" {
		q.Target = strings.Split(r["target"], ",")
	}
	if q.Parent == "none" {
		q.Parent = ""
	}
	for side, s := range Pair(r["burst-time"]) {
		q.BurstTime[side] = p.duration("burst-time", s)
	}
	total := parser{row: r}
	q.TotalMaxLimit = total.rate("total-max-limit")
	p.keep(total.err)
	return q, p.err
}

// SimpleCounters reads the counters of a row of /queue/simple.
func SimpleCounters(r Row) ([2]router.Counters, error) {
	if err := Require(r, "bytes", "dropped", "queued-bytes"); err != nil {
		return [2]router.Counters{}, err
	}
	p := pairParser{row: r}
	return p.counters(), p.err
}

// Interface reads a row of /interface.
func Interface(r Row) (router.Interface, error) {
	if err := Require(r, "name"); err != nil {
		return router.Interface{}, err
	}
	p := parser{row: r}
	return router.Interface{
		Name: r["name"], Type: r["type"], Disabled: Bool(r["disabled"]), Running: flag(r, "running"),
		Received: p.uint("rx-byte"), Sent: p.uint("tx-byte"),
	}, p.err
}

// Pair splits "A/B". One value without a slash is that of both sides.
func Pair(s string) [2]string {
	a, b, two := strings.Cut(s, "/")
	if !two {
		b = a
	}
	return [2]string{a, b}
}

// pairParser reads two-way numbers of a row and keeps the first error.
type pairParser struct {
	row Row
	err error
}

func (p *pairParser) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

// sides calls read for each side, with a row that has that side of the properties.
func (p *pairParser) sides(props []string, read func(side int, one *parser)) {
	for side := range 2 {
		one := parser{row: Row{}}
		for _, prop := range props {
			if s, ok := p.row[prop]; ok {
				one.row[prop] = Pair(s)[side]
			}
		}
		read(side, &one)
		p.keep(one.err)
	}
}

func (p *pairParser) rates(prop string) (rates [2]bitrate.Rate) {
	p.sides([]string{prop}, func(side int, one *parser) { rates[side] = one.rate(prop) })
	return rates
}

func (p *pairParser) counters() (counters [2]router.Counters) {
	p.sides(CounterProps, func(side int, one *parser) { counters[side] = one.counters() })
	return counters
}

func (p *pairParser) duration(prop, s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := Duration(s)
	if err != nil {
		p.keep(fmt.Errorf("%s: %w", prop, err))
	}
	return d
}
