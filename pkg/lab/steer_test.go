//go:build linux

package lab_test

import (
	"fmt"
	"math"
	"net"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const (
	steeringRule = "ADAPTIVE: Steer latency-sensitive traffic"
	// steeringScript is what steering needs beside the queues.
	steeringScript = routerScript + `
/ip firewall mangle
add chain=prerouting action=mark-routing new-routing-mark=to-alternate passthrough=no connection-mark=latency-sensitive \
    connection-state=new disabled=yes comment="` + steeringRule + `"
`
	// steeringNoise is what scheduling on a busy machine may add to a reaction.
	steeringNoise = 500 * time.Millisecond
)

// The shipped thresholds of steering, which the configuration below leaves as
// they are.
const (
	greenExcess  = 5 * time.Millisecond
	severeExcess = 4 * 15 * time.Millisecond // RED without a witness
	redSamples   = 2
	greenSamples = 15
	rttAlpha     = 0.3
)

// steeringPace is how often steering assesses, and how long it holds.
type steeringPace struct{ interval, holdDown time.Duration }

// steeringRun is one run of `wanctl steer` beside a link under load.
type steeringRun struct {
	name     string
	service  simrouter.Service
	load     autorate.Direction
	shaped   bool         // `wanctl shape` runs, with floors above the capacity
	cured    bool         // it runs with its usual floors, and there is no lasting congestion
	capacity bitrate.Rate // of the download; 0: as built
	pace     steeringPace
	slack    time.Duration // beyond what the law takes by its thresholds
}

// steeringResult is what came of it, in times after what the pinger saw.
type steeringResult struct {
	name     string
	excess   time.Duration // what the congestion was like
	on, off  time.Duration // rule on after the congestion, or the load, began, off after it ended
	onMost   time.Duration // what is asked; 0: nothing
	offMost  time.Duration
	heldTo   time.Duration // end of hold-down, after the congestion ended
	cpu      float64       // % of a core
	rss      uint64
	requests int
}

// TestLabSteer runs the real `wanctl steer` against the simulated router, over
// each of its services, while a real link is congested: by load that nothing
// shapes, and by one whose capacity is below the floor of a running `wanctl
// shape`. The rule must be on as soon as the thresholds allow, off after the
// load, and not touched in between or afterwards.
//
// Where shape cures the congestion, the rule may be used or not: the delay with
// which a load begins can last for two samples. It must not flap.
//
// How soon is measured with -lab.full, since other tests run beside the short one.
func TestLabSteer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	quick := steeringPace{250 * time.Millisecond, 3 * time.Second}
	runs := []steeringRun{{name: "rest, own probes", service: simrouter.WWWSSL, load: autorate.Download, pace: quick}}
	if *full {
		shipped := steeringPace{500 * time.Millisecond, 30 * time.Second}
		runs = []steeringRun{
			{name: "rest, own probes", service: simrouter.WWWSSL, load: autorate.Download, pace: shipped},
			{
				name: "api, shape running", service: simrouter.APISSL, load: autorate.Download, pace: shipped,
				shaped: true, capacity: 16 * mbps, slack: time.Second, // the loop smooths its round-trip time, too
			},
			{name: "rest, shape cures", service: simrouter.WWWSSL, load: autorate.Download, pace: shipped, shaped: true, cured: true},
			{name: "ssh, own probes, upload", service: simrouter.SSH, load: autorate.Upload, pace: shipped},
		}
	}
	l := build(t, lab.Config{})
	binary := builtWanctl(t)
	var results []steeringResult
	for i := range *repeat {
		for _, c := range runs {
			t.Run(fmt.Sprintf("%s/%d", c.name, i), func(t *testing.T) {
				results = append(results, c.run(t, l, binary))
			})
		}
	}
	showSteering(t, results)
}

// run plays the labrun.
func (c steeringRun) run(t *testing.T, l *lab.Lab, binary string) steeringResult {
	t.Helper()
	sim, err := simrouter.New(simrouter.Config{
		Script: steeringScript, Backend: lab.NewBackend(l, downloadQueue, uploadQueue), Latency: routerLatency,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	for _, kind := range []simrouter.Service{simrouter.WWWSSL, c.service} { // shape goes by REST
		if sim.AddrOf(kind) != "" {
			continue
		}
		ln, err := l.Listen(t.Context(), lab.Router, "tcp", net.JoinHostPort(lab.RouterAddr, fmt.Sprint(steeringPort(kind))))
		if err != nil {
			t.Fatal(err)
		}
		if err := sim.ServeService(kind, ln); err != nil {
			t.Fatal(err)
		}
	}
	dir := runDir(t)
	config := c.writeConfig(t, dir, sim)
	if c.shaped {
		low := [2]bitrate.Rate{20 * mbps, 5 * mbps}
		if c.cured {
			low = floors
		}
		stop := startShape(t, l, binary, writeConfig(t, dir, sim.Fingerprint(), low))
		defer stop()
	}
	rule := watchRule(l, sim)
	defer rule.stop()

	controller := labrun.Controller{
		Name: "wanctl steer", Limits: ceilings, Requests: sim.Requests,
		Command: func() *exec.Cmd {
			cmd := l.Command(t.Context(), lab.Client, binary, "steer", "--config", config)
			cmd.Env = append(cmd.Environ(), unitEnvironment(t, "wanctl-steer.service")...)
			return cmd
		},
	}
	s := c.scenario()
	if !*full {
		s.Duration, s.Cooldown = time.Minute, time.Minute
		controller.LoadDone = func() bool { return rule.past(1, c.pace.holdDown+time.Second) }
		controller.Done = func() bool { return rule.past(2, time.Second) }
	}
	record, err := labrun.Run(t.Context(), l, s, controller)
	saveRecord(t, dir, record)
	changes := rule.stop()
	if err != nil {
		t.Fatalf("%v\n%s", err, record.Usage.Output)
	}
	result := c.evaluate(t, record, changes)
	if t.Failed() {
		t.Logf("the program said:\n%s", record.Usage.Output)
	}
	return result
}

// scenario loads the link until hold-down is over, and leaves it alone until the
// rule is off, and was not touched for a while.
func (c steeringRun) scenario() labrun.Scenario {
	s := labrun.Scenario{
		Name: "steering " + c.name, Warmup: 3 * time.Second,
		Duration: c.pace.holdDown + 3*time.Second,
		// A second of queue takes 15 samples to be forgotten by the smoothing.
		Cooldown: (15+greenSamples)*c.pace.interval + 2*c.slack + 4*time.Second,
	}
	s.Load[c.load] = true
	if c.capacity > 0 {
		s.Capacity = []labrun.CapacityStep{{Download: c.capacity}}
	}
	return s
}

// evaluate compares the changes of the rule with the congestion that the pings saw.
func (c steeringRun) evaluate(t *testing.T, record *labrun.Record, changes []ruleChange) steeringResult {
	t.Helper()
	report := record.Report()
	if report.Controlled == nil || report.Controlled.ExitStatus != 0 {
		t.Fatalf("the program has not ended well after SIGTERM: %+v", report.Controlled)
	}
	r := steeringResult{name: c.name, cpu: report.Controlled.CPUPercent, rss: report.Controlled.PeakRSS, requests: report.Requests}
	if *full && r.cpu >= 3 {
		t.Errorf("%.1f %% of a core, want under 3", r.cpu)
	}
	if r.rss == 0 || r.rss >= 40e6 {
		t.Errorf("peak memory %.1f MB, want it known and under 40", float64(r.rss)/1e6)
	}
	if c.cured && len(changes) == 0 {
		return r
	}
	if len(changes) != 2 || !changes[0].enabled || changes[1].enabled {
		t.Fatalf("the rule: %v, want it on and off, once; load from %v to %v", changes, record.LoadStart, record.LoadEnd)
	}
	if least := record.LoadStart + (redSamples-1)*c.pace.interval; changes[0].at < least {
		t.Errorf("rule on at %v, the load began at %v: %d samples do not fit in between", changes[0].at, record.LoadStart, redSamples)
	}
	if changes[1].at < record.LoadEnd {
		t.Errorf("rule off at %v, and the load ended at %v", changes[1].at, record.LoadEnd)
	}
	idle := time.Duration(report.IdleRTTMs * float64(time.Millisecond))
	if c.cured || !*full {
		r.on, r.off = changes[0].at-record.LoadStart, changes[1].at-record.LoadEnd
		r.excess = medianRTT(since(record.Pinger, record.LoadStart, record.LoadEnd), record.LoadStart) - idle
		return r
	}
	c.react(t, &r, record, changes, idle)
	return r
}

// react holds the reactions against the thresholds: so many samples until the
// smoothed delay is severe, or forgotten, the row of them, and one for a change
// between two samples.
func (c steeringRun) react(t *testing.T, r *steeringResult, record *labrun.Record, changes []ruleChange, idle time.Duration) {
	t.Helper()
	begun, ok := lasting(record.Pinger, record.LoadStart, func(s labrun.Sample) bool { return s.RTT == 0 || s.RTT-idle >= severeExcess })
	if !ok {
		t.Fatal("the pinger has seen no lasting congestion")
	}
	ended, ok := lasting(record.Pinger, record.LoadEnd, func(s labrun.Sample) bool { return s.RTT > 0 && s.RTT-idle < greenExcess })
	if !ok {
		t.Fatal("the pinger has seen no recovery")
	}
	r.on, r.off = changes[0].at-begun, changes[1].at-ended
	r.excess = medianRTT(since(record.Pinger, begun, ended), begun) - idle
	r.heldTo = changes[0].at + c.pace.holdDown - ended

	first := max(medianRTT(since(record.Pinger, begun, begun+time.Second), begun)-idle, severeExcess+time.Millisecond)
	up := smoothed(float64(1) - float64(severeExcess)/float64(first))
	down := smoothed(float64(greenExcess) / float64(max(r.excess, greenExcess)))
	interval := c.pace.interval
	r.onMost = (max(up, 1)+redSamples)*interval + c.slack + steeringNoise
	r.offMost = max((down+greenSamples+1)*interval, r.heldTo+interval) + c.slack + steeringNoise
	if r.on <= 0 || r.on > r.onMost {
		t.Errorf("rule on %v after the beginning of congestion of %v, want after it and at most %v", r.on, r.excess, r.onMost)
	}
	if r.off > r.offMost {
		t.Errorf("rule off %v after recovery, want at most %v", r.off, r.offMost)
	}
}

// smoothed is after how many samples that share of a step is left.
func smoothed(left float64) time.Duration {
	return time.Duration(math.Ceil(math.Log(left) / math.Log(1-rttAlpha)))
}

// lasting is when the first ping left of which it is so, and of nine out of ten
// in the second that follows.
func lasting(samples []labrun.Sample, from time.Duration, so func(labrun.Sample) bool) (time.Duration, bool) {
	for _, s := range samples {
		if s.At < from || !so(s) {
			continue
		}
		n, yes := 0, 0
		for _, next := range since(samples, s.At, s.At+time.Second) {
			n++
			if so(next) {
				yes++
			}
		}
		if 10*yes >= 9*n && n > 25 {
			return s.At, true
		}
	}
	return 0, false
}

// since are the samples that left between two times.
func since(samples []labrun.Sample, from, to time.Duration) []labrun.Sample {
	return slices.DeleteFunc(slices.Clone(samples), func(s labrun.Sample) bool { return s.At < from || s.At >= to })
}
