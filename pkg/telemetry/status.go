package telemetry

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Source tells how a WAN is: its running loop, or its state file.
type Source interface {
	// Snapshot returns the state of now. Name is set even with an error.
	Snapshot(ctx context.Context) (WANStatus, error)
}

// Origin says where a WANStatus comes from.
type Origin string

// Origins.
const (
	FromLoop Origin = "loop" // the loop runs and says so
	FromFile Origin = "file" // no loop runs; this is what it left
)

// WANStatus is one WAN at one moment. Zero values are things not known.
// Nothing in it is secret, and no error text may hold a password.
type WANStatus struct {
	Name   string
	Origin Origin
	At     time.Time // when this was true

	BaselineRTT time.Duration
	LoadRTT     time.Duration
	Excess      time.Duration // delay above the baseline
	Directions  [2]DirectionStatus

	Failures int // measurements or router calls that failed in a row
	DryRun   bool
	Probe    ProbeStatus
	Router   RouterStatus
}

// DirectionStatus is one direction of a WAN.
type DirectionStatus struct {
	Limit      bitrate.Rate // as decided
	Applied    bitrate.Rate // as confirmed by the router
	Floor      bitrate.Rate
	Ceiling    bitrate.Rate
	Throughput bitrate.Rate
	Capacity   bitrate.Rate // estimated
	State      autorate.State
	Reason     string
}

// ProbeStatus is how round-trip time is measured.
type ProbeStatus struct {
	Mode      string // such as "icmp" or "tcp"
	Alive     int    // reflectors that answer
	Targets   int    // reflectors in use
	LastReply time.Time
}

// RouterStatus is the connection to the router.
type RouterStatus struct {
	Transport  string        // in use now
	Address    string        // "host:port" in use now
	Failovers  int           // how often another way to the router was taken, back to the first included
	Latency    time.Duration // of a recent request
	LastAnswer time.Time
	LastError  string // of the last call; "" when it worked
}

// Status is the one word for how things are.
type Status string

// Statuses, in rising severity.
const (
	Healthy  Status = "healthy"
	Starting Status = "starting"
	Degraded Status = "degraded"
)

func (s Status) severity() int {
	switch s {
	case Degraded:
		return 2
	case Starting:
		return 1
	case Healthy:
	}
	return 0
}

func worse(a, b Status) Status {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// What separates healthy from degraded.
const (
	startGrace      = 60 * time.Second // then what is still missing is a fault
	failuresAllowed = 2                // in a row
	silenceAllowed  = 10 * time.Second // without any reply to a probe
	routerPatience  = 30 * time.Second // of failing calls to the router
	stallAllowed    = 5 * time.Second  // since the loop last said something
)

// assess judges a WAN whose process has been up for so long:
//
//   - starting until the first round-trip time and the first limit read from
//     the router, for a minute at most;
//   - degraded when the loop does not run or stands still, when 3 or more
//     measurements or router calls failed in a row, when no probe was answered
//     for 10 s, or when the router has not answered for 30 s;
//   - healthy otherwise. A congested link is healthy: dealing with it is the
//     job. So is one where ICMP is filtered and TCP is measured instead.
//
// The reasons say what is not healthy, for people.
func (w *WANStatus) assess(now time.Time, uptime time.Duration) (Status, []string) {
	status, reasons := Healthy, []string(nil)
	blame := func(s Status, why string) {
		status = worse(status, s)
		reasons = append(reasons, why)
	}
	missing := Starting
	if uptime > startGrace {
		missing = Degraded
	}
	if w.Origin == FromFile {
		blame(Degraded, "no loop runs for this WAN; the values are from its state file")
		return status, reasons
	}
	if w.Probe.LastReply.IsZero() {
		blame(missing, "no round-trip time yet")
	} else if silent := now.Sub(w.Probe.LastReply); silent > silenceAllowed {
		blame(Degraded, "no reflector has answered for "+silent.Round(time.Second).String())
	}
	if w.Directions[autorate.Download].Applied == 0 || w.Directions[autorate.Upload].Applied == 0 {
		blame(missing, "the limits on the router are not known yet")
	}
	if w.Router.LastError != "" && !w.Router.LastAnswer.IsZero() {
		if silent := now.Sub(w.Router.LastAnswer); silent > routerPatience {
			blame(Degraded, "the router has not answered for "+silent.Round(time.Second).String())
		}
	}
	if w.Failures > failuresAllowed {
		blame(Degraded, "several measurements or router calls in a row have failed")
	}
	if stalled := now.Sub(w.At); stalled > stallAllowed {
		blame(Degraded, "the loop has said nothing for "+stalled.Round(time.Second).String())
	}
	return status, reasons
}
