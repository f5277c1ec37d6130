// Package steerd runs the law of steering: one goroutine owns the ticker and the law
// and never waits for network or disk; pollers read the path, the counters and the
// alternate WAN, and one worker reads and changes the rule.
//
//	path ────────── reading ──> Loop ── request ──> worker of the rule
//	counters ────── reading ──> Loop <── result ─── worker of the rule
//	alternate WAN ─ reading ──> Loop ── query/answer ──> HTTP, saver, status
//
// Everything outside is behind the small interfaces below. The package never talks to
// a router, a socket or a file itself.
package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// Reading is the round-trip time of a WAN at one moment.
type Reading struct {
	Baseline time.Duration // of the idle line; 0: not known
	RTT      time.Duration // now; 0: not known
	Loss     float64       // share of probes without an answer, 0..1
	Source   string        // for display: "loop", "file", "probe" or, for two sources, "file+probe"
}

// known reports whether r has a round-trip time and its baseline.
func (r Reading) known() bool { return r.Baseline > 0 && r.RTT > 0 }

// AlternateReading is the alternate WAN at one moment.
type AlternateReading struct {
	Condition steering.Alternate
	Reading
}

// Path measures the round-trip time of the primary WAN. One goroutine calls it.
type Path interface {
	Read(ctx context.Context) (Reading, error)
}

// Meter reads the counters of the primary WAN's queues, download and upload.
// One goroutine calls it.
type Meter interface {
	Counters(ctx context.Context) ([2]steering.Counters, error)
}

// RuleSwitch reads and changes the mangle rule. One goroutine calls it. Both methods
// fail for a rule that must not be touched: absent, ambiguous or dynamic.
type RuleSwitch interface {
	// Enabled reads the rule.
	Enabled(ctx context.Context) (bool, error)
	// Set enables or disables the rule and reads it back.
	Set(ctx context.Context, enabled bool) error
}

// AlternateWAN reports the state of the alternate WAN. One goroutine calls it.
type AlternateWAN interface {
	Condition(ctx context.Context) AlternateReading
}
