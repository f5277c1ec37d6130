package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// How long a run waits.
const (
	startWait = 20 * time.Second // for a program to run
	endWait   = 20 * time.Second // for it to end
	checkWait = 10 * time.Second // for the health that is expected
)

// errUnavailable is why a fault cannot be tried on this host.
var errUnavailable = errors.New("not on this host")

// run is one fault being tried.
type run struct {
	fault  *Fault
	binary string
	dir    string
	router *simrouter.Router
	net    *network // nil: the host's
	config map[string]any

	loop *process // of the WAN, where another program is under test
	main *process // the program under test
	peak int      // KiB

	frozen   io.Closer // ends the freezing of a disk; nil: none is frozen
	stutter  func()    // ends the stuttering; nil: it runs steadily
	clients  sync.WaitGroup
	cleanups []func() // in the order of their making
	problems []string
}

// Try runs the program at binary, does to it what f says, and returns what came of it.
// dir is empty, of this run alone, and short enough for sockets.
func Try(ctx context.Context, binary, dir string, f *Fault) Result {
	start := time.Now()
	r := &run{fault: f, binary: binary, dir: dir}
	ctx, cancel := context.WithCancel(ctx)
	err := r.try(ctx)
	skipped := ""
	switch {
	case errors.Is(err, errUnavailable):
		skipped = err.Error()
	case err != nil:
		r.problemf("%v", err)
	}
	cancel()
	r.clients.Wait()
	r.cleanUp()
	writes := 0
	if r.router != nil {
		writes = r.router.Writes()
		_ = r.router.Close()
	}
	return Result{
		Group: f.Group, Name: f.Name, OK: len(r.problems) == 0 && skipped == "", Skipped: skipped, Problems: r.problems,
		Seconds: time.Since(start).Seconds(), PeakMiB: float64(r.peak) / 1024, Writes: writes,
	}
}

// cleanUp undoes what was done to the host, the last first.
func (r *run) cleanUp() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func (r *run) problemf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *run) try(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer r.killAll()
	if r.fault.program() != "shape" {
		if err := r.startLoop(ctx); err != nil {
			return err
		}
	}
	if err := r.steps(ctx, r.fault.Before); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	e := &r.fault.Expect
	if e.Exit != nil && len(r.fault.During) == 0 {
		return r.expectExit(*e.Exit)
	}
	if err := r.awaitHealth(ctx, r.main, or(e.Start, "healthy"), "", startWait); err != nil {
		return fmt.Errorf("start: %w; standard error: %s", err, tail(r.main.stderr.String()))
	}
	return r.disturb(ctx)
}

// disturb does what the fault is, checks what comes of it, and ends it and the program.
func (r *run) disturb(ctx context.Context) error {
	if err := r.steps(ctx, r.fault.During); err != nil {
		return err
	}
	e := &r.fault.Expect
	if e.Exit != nil {
		return r.expectExit(*e.Exit)
	}
	if err := r.awaitHealth(ctx, r.main, or(e.Health, "healthy"), e.Reason, e.Within.or(checkWait)); err != nil {
		r.problemf("during the fault: %v", err)
	}
	if err := r.steps(ctx, r.fault.After); err != nil {
		return err
	}
	if err := r.awaitHealth(ctx, r.main, "healthy", "", e.Recover.or(checkWait)); err != nil {
		r.problemf("after the fault: %v", err)
	}
	r.awaitLimit(e.Limit, e.Recover.or(checkWait))
	r.awaitRule(false)
	if n := r.router.Writes(); e.Writes != nil && n > *e.Writes {
		r.problemf("%d writes, more than %d", n, *e.Writes)
	}
	r.end()
	return nil
}

// wait waits until done holds, for most at most, and reports whether it does.
func (r *run) wait(done func() bool, most time.Duration) bool {
	for end := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		if r.main != nil {
			r.measure()
		}
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

func tail(s string) string { return s[max(0, len(s)-600):] }
