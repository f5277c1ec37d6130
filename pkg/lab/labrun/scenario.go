package labrun

import (
	"os/exec"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/delayline"
)

// Scenario is what happens on the link. Times count from the start of the
// load; what is due at 0 or before holds from the very beginning.
type Scenario struct {
	Name     string
	Duration time.Duration // of the load, or of the silence where there is none
	Warmup   time.Duration // the controller runs this long before the load
	Cooldown time.Duration // and this long after it, a second at least
	Load     [2]bool       // by autorate.Direction
	Streams  int           // TCP connections a direction; 0: 4
	Capacity []CapacityStep
	Path     []PathStep
	Blackout Window // ICMP to the reflectors is dropped

	EchoesPerSecond float64  // that each reflector answers at most; 0: all
	Stalls          []Window // in which the program under test gets no processor
}

// CapacityStep changes what the link can carry.
type CapacityStep struct {
	At               time.Duration
	Download, Upload bitrate.Rate // 0: as before
}

// PathStep changes the way beyond the bottleneck, half of it in each direction.
type PathStep struct {
	At     time.Duration
	Extra  time.Duration       // round-trip time beyond that of the lab's Config
	Jitter [2]delayline.Jitter // of each direction
}

// Window is a span of time. The zero Window is empty.
type Window struct{ From, To time.Duration }

// Controller is what a scenario is run against: nothing, a limit that stays, an
// oracle, or a program.
type Controller struct {
	Name string

	// Limits are in force when the scenario begins: the fixed limits, or the
	// ceilings of a program. 0 is no limit.
	Limits [2]bitrate.Rate

	// Share makes an oracle: this share of the true capacity is set as the
	// limit in the moment the capacity changes. 0: no oracle.
	Share float64

	// Command makes the program that controls the limits, see lab.Lab.Command; it
	// must end with status 0 on SIGTERM. nil: no program.
	Command func() *exec.Cmd

	// Requests says how many requests the router has had so far. nil: none are
	// counted.
	Requests func() int

	// LoadDone and Done end the load, and what follows it, before the scenario's
	// time. They are asked ten times a second. nil: the times of the scenario count.
	LoadDone, Done func() bool
}

// Record is what was seen while a scenario ran.
type Record struct {
	Scenario   Scenario
	Controller string
	Delay      time.Duration // round-trip time of the lab's Config

	// Milestones, since the lab was built, as are all times below. Between
	// Begin and Start nothing but the pinger uses the link.
	Begin, Start, LoadStart, LoadEnd, End time.Duration

	Pinger   []Sample
	Limits   []lab.Change // with those in force at Start
	Capacity []lab.Change // likewise
	Path     []PathChange
	Meter    []MeterSample
	Payload  [2]float64 // Mbit/s of TCP payload, where there was load
	Requests int
	Usage    Usage
	Line     LineStats
}

// Sample is one ping of the pinger.
type Sample struct {
	At  time.Duration // when it left
	RTT time.Duration // 0: no answer yet, or never
}

// PathChange is an extra round-trip time set at a time.
type PathChange struct {
	At    time.Duration
	Extra time.Duration
}

// MeterSample is the bytes that each direction has delivered up to a time.
type MeterSample struct {
	At        time.Duration
	Delivered [2]uint64
}

// Usage is what a program under test cost.
type Usage struct {
	Ran        bool
	ExitStatus int // -1: killed by a signal
	CPU        time.Duration
	Wall       time.Duration
	PeakRSS    uint64 // bytes
	Output     string // its stderr, or the end of it
}

// LineStats says how late the delay line was with its packets.
type LineStats struct {
	LateP99, LateMax time.Duration
	Dropped          uint64
}
