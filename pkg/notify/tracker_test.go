package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 11, 1, 20, 0, 0, 0, time.FixedZone("", 3600))

// healthy returns a status of a loop that runs.
func healthy(after time.Duration, change ...func(*Status)) *Status {
	s := &Status{
		Time: epoch.Add(after), Health: "healthy", Line: &Line{},
		Download: &DirectionStatus{State: "GREEN"}, Steering: &SteeringStatus{Primary: "cable", Alternate: "lte"},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func red(s *Status)     { s.Download.State, s.Download.Reason = "RED", "delay" }
func yellow(s *Status)  { s.Download.State = "YELLOW" }
func silent(s *Status)  { s.Line.Outage = true }
func engaged(s *Status) { s.Steering.Engaged = true }
func degraded(s *Status) {
	s.Health, s.Reasons = "degraded", []string{"the router has not answered for 31s"}
}
func refused(s *Status) { s.Refused = "f:3: unknown key" }
func taken(s *Status) {
	s.Takeover = &Takeover{Router: "192.0.2.1", Node: "b", From: "a", Reason: "no packet from a for 2.1 s"}
}
func starting(s *Status) {
	s.Health, s.Line, s.Download, s.Steering = "starting", nil, &DirectionStatus{State: unknown}, nil
}

func TestTracker(t *testing.T) {
	type step struct {
		from, to int // seconds
		change   func(*Status)
	}
	same := func(*Status) {}
	for _, c := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"a start", []step{{0, 5, starting}, {6, 60, same}}, []string{"6 loop stopped>running: healthy"}},
		{"a take-over, once", []step{{0, 5, starting}, {6, 60, taken}},
			[]string{"6 loop stopped>running: healthy", "6 takeover a>b: no packet from a for 2.1 s"}},
		{"a start that fails", []step{{0, 60, starting}, {61, 90, degraded}},
			[]string{"61 loop stopped>running: degraded", "71 health healthy>degraded: the router has not answered for 31s"}},
		{"congestion that lasts", []step{{0, 9, same}, {10, 40, red}, {41, 60, same}},
			[]string{"0 loop stopped>running: healthy", "20 state/download GREEN>RED: delay", "51 state/download RED>GREEN"}},
		{"a tick of congestion", []step{{0, 9, same}, {10, 10, red}, {11, 60, same}}, []string{"0 loop stopped>running: healthy"}},
		{"nine seconds of it", []step{{0, 9, same}, {10, 19, red}, {20, 60, same}}, []string{"0 loop stopped>running: healthy"}},
		{"what it is in the end", []step{{0, 9, same}, {10, 19, red}, {20, 30, yellow}},
			[]string{"0 loop stopped>running: healthy", "20 state/download GREEN>YELLOW"}},
		{"an outage", []step{{0, 9, same}, {10, 104, silent}, {105, 120, same}},
			[]string{"0 loop stopped>running: healthy", "20 outage up>down", "115 outage down>up"}},
		{"steering at once", []step{{0, 9, same}, {10, 10, engaged}, {11, 12, same}},
			[]string{"0 loop stopped>running: healthy", "10 steering released>engaged", "11 steering engaged>released"}},
		{"steered from the start", []step{{0, 9, engaged}}, []string{"0 loop stopped>running: healthy"}},
		{"a loop that cannot be asked", []step{{0, 9, same}, {10, 60, starting}, {61, 70, same}}, []string{"0 loop stopped>running: healthy"}},
		{"a refused reload", []step{{0, 9, same}, {10, 20, refused}, {21, 22, same}},
			[]string{"0 loop stopped>running: healthy", "10 configuration accepted>refused: f:3: unknown key", "21 configuration refused>accepted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := Tracker{For: 10 * time.Second}
			var got []string
			for _, s := range c.steps {
				for at := s.from; at <= s.to; at++ {
					for _, e := range tr.Step(healthy(time.Duration(at)*time.Second, s.change)) {
						what := string(e.Kind)
						if e.Direction != "" {
							what += "/" + e.Direction
						}
						got = append(got, strings.TrimSuffix(fmt.Sprintf("%d %s %s>%s: %s", at, what, e.Old, e.New, e.Reason), ": "))
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The end of an outage has its duration, as measured and not as reported.
func TestOutageDuration(t *testing.T) {
	tr := Tracker{For: 10 * time.Second}
	var last Event
	for at := range 200 {
		change := func(*Status) {}
		if at >= 10 && at < 105 {
			change = silent
		}
		for _, e := range tr.Step(healthy(time.Duration(at)*time.Second, change)) {
			last = Complete(e, "cable", "v1")
		}
	}
	if last.OldSeconds != 95 || last.Summary != "cable: outage over after 1m35s" {
		t.Errorf("got %+v", last)
	}
	stop := tr.Stop(epoch.Add(time.Hour))
	if len(stop) != 1 || stop[0].New != Stopped || stop[0].OldSeconds != 3600 {
		t.Errorf("stop: %+v", stop)
	}
	if got := new(Tracker).Stop(epoch); got != nil {
		t.Errorf("a loop that was never up stops: %v", got)
	}
}

func TestOutbox(t *testing.T) {
	state := func(from, to string) Event { return Event{Kind: State, Direction: "download", Old: from, New: to} }
	outage := func(from, to string) Event { return Event{Kind: Outage, Old: from, New: to} }
	for _, c := range []struct {
		name       string
		put        []Event
		want       string
		superseded int
	}{
		{"none", nil, "", 0},
		{"the newest of each", []Event{state("GREEN", "YELLOW"), outage(Up, Down), state("YELLOW", "RED")}, "up>down YELLOW>RED", 1},
		{"back to an old value", []Event{state("GREEN", "RED"), state("RED", "GREEN")}, "RED>GREEN", 1},
		{"an outage that is over", []Event{outage(Up, Down), outage(Down, Up)}, "down>up", 1},
		{"other direction", []Event{state("GREEN", "RED"), {Kind: State, Direction: "upload", Old: "GREEN", New: "RED"}}, "GREEN>RED GREEN>RED", 0},
		{"a restart", []Event{{Kind: Loop, Old: Running, New: Stopped}, {Kind: Loop, Old: Stopped, New: Running}}, "stopped>running", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, superseded := newOutbox(), 0
			for _, e := range c.put {
				superseded += o.put(e)
			}
			var got []string
			for e, ok := o.take(); ok; e, ok = o.take() {
				got = append(got, e.Old+">"+e.New)
			}
			if strings.Join(got, " ") != c.want || superseded != c.superseded {
				t.Errorf("got %v, %d superseded", got, superseded)
			}
		})
	}

	o := newOutbox()
	o.put(state("GREEN", "RED"))
	first, _ := o.take()
	o.put(state("RED", "YELLOW"))
	if n := o.restore(first); n != 1 || len(o.events) != 1 || o.events[0].New != "YELLOW" {
		t.Errorf("a failed event behind a newer one: %d, %+v", n, o.events)
	}
	second, _ := o.take()
	o.put(state("YELLOW", "GREEN"))
	if n := o.restore(second); n != 1 || len(o.events) != 1 || o.events[0].New != "GREEN" {
		t.Errorf("a failed event that was taken back: %d, %+v", n, o.events)
	}
}
