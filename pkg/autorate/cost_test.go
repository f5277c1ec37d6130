package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// reel is what a law saw on a line, to be shown to it again and again.
type reel struct {
	law      *autorate.Law
	inputs   []autorate.Input
	times    []time.Duration
	next     int
	shift    time.Duration
	events   [32]rtt.Event
	readings [4]autorate.Reading
}

func record(name string) *reel {
	cfg := autorate.Config{BaselineInitial: 20 * time.Millisecond, Tick: 50 * time.Millisecond, Target: 15 * time.Millisecond}
	for d, c := range [2]bitrate.Rate{200 * bitrate.Mbps, 40 * bitrate.Mbps} {
		cfg.Directions[d] = autorate.DirectionConfig{Ceiling: c, Floor: autorate.FlatFloor(c / 10)}
	}
	l, r := newLine(cfg, 1), &reel{law: autorate.New(cfg, [2]bitrate.Rate{})}
	for range 1200 {
		if l.now/(10*time.Second)%2 == 1 {
			l.capacity = [2]float64{100e6, 20e6}
		} else {
			l.capacity = [2]float64{180e6, 36e6}
		}
		switch name {
		case "loaded":
			l.demand[0] = greedy
		case "both loaded":
			l.demand = [2]float64{greedy, greedy}
		}
		applied := l.inForce
		l.step()
		r.times = append(r.times, l.now)
		r.inputs = append(r.inputs, autorate.Input{
			Events: append([]rtt.Event(nil), l.events...), Readings: append([]autorate.Reading(nil), l.readings...),
			Applied: applied, WriteLatency: l.writeTime,
		})
	}
	return r
}

// step shows the next picture, as of a time that goes on; its counters start
// over with the reel, as a router's do that boots.
func (r *reel) step() {
	if r.next == len(r.inputs) {
		r.next, r.shift = 0, r.shift+r.times[len(r.times)-1]
	}
	in := r.inputs[r.next]
	in.Events = r.events[:copy(r.events[:], in.Events)]
	for i := range in.Events {
		in.Events[i].At += r.shift
	}
	in.Readings = r.readings[:copy(r.readings[:], in.Readings)]
	for i := range in.Readings {
		in.Readings[i].At += r.shift
	}
	r.law.Step(r.times[r.next]+r.shift, in)
	r.next++
}

// kinds of load whose cost is looked at.
func kinds() []string { return []string{"idle", "loaded", "both loaded"} }

func TestStepAllocatesNothing(t *testing.T) {
	for _, name := range kinds() {
		t.Run(name, func(t *testing.T) {
			r := record(name)
			if n := testing.AllocsPerRun(3*len(r.inputs), r.step); n != 0 {
				t.Errorf("a step allocates %v times", n)
			}
		})
	}
}

func BenchmarkLaw(b *testing.B) {
	for _, name := range kinds() {
		b.Run(name, func(b *testing.B) {
			r := record(name)
			b.ReportAllocs()
			for b.Loop() {
				r.step()
			}
		})
	}
}
