// Package steerd runs the law of steering against the world: one goroutine owns
// ticker and law and never waits for network or disk; others read the path, the
// counters and the rule, and change the rule.
//
//	path ───────── reading ──> Loop ── one job ──> hand on the rule
//	counters ───── reading ──> Loop <── outcome ── hand on the rule
//	alternate WAN ─ reading ──> Loop ── ask/answer ──> HTTP, saver, status
//
// Everything outside is behind the small interfaces below.
package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// Reading is the round-trip time of the primary WAN at one moment.
type Reading struct {
	Baseline time.Duration // of the idle line; 0: not known
	RTT      time.Duration // now; 0: not known
	Source   string        // "loop", "file" or "probe", for people; both where two had to serve: "file+probe"
}

// Path tells the round-trip time of the primary WAN. One goroutine calls it.
type Path interface {
	Read(ctx context.Context) (Reading, error)
}

// Meter reads the counters of the primary WAN's queues, download and upload.
// One goroutine calls it.
type Meter interface {
	Counters(ctx context.Context) ([2]steering.Counters, error)
}

// Switch is the one mangle rule. One goroutine calls it. What must not be
// touched (absent, ambiguous, dynamic) is an error of both methods.
type Switch interface {
	// Enabled reads the rule.
	Enabled(ctx context.Context) (bool, error)
	// Set enables or disables the rule and reads it back.
	Set(ctx context.Context, enabled bool) error
}

// Neighbour tells how the alternate WAN is. One goroutine calls it.
type Neighbour interface {
	Condition(ctx context.Context) steering.Alternate
}
