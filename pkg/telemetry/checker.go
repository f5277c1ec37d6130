package telemetry

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// Source provides the health of one WAN: of its running loop.
type Source interface {
	// Snapshot returns the current values; a Checker adds the status. The name
	// is set even with an error.
	Snapshot(ctx context.Context) (WANHealth, error)
}

// SteeringSource provides the health of the steering daemon.
type SteeringSource interface {
	// Snapshot is that of Source.
	Snapshot(ctx context.Context) (SteeringHealth, error)
}

// snapshotWait bounds the answer of a loop. One that takes longer stands still.
const snapshotWait = time.Second

// NotRunning is the error of a source whose loop does not run.
type NotRunning struct{ Err error } // nil: it is being started for the first time

func (e NotRunning) Error() string {
	if e.Err == nil {
		return "the loop is being started"
	}
	return "the loop does not run: " + e.Err.Error()
}

// Unwrap returns why the loop does not run.
func (e NotRunning) Unwrap() error { return e.Err }

// Checker makes the health document of the loops of a process.
type Checker struct {
	version string
	started time.Time
	now     func() time.Time
	sources func() ([]Source, []SteeringSource)
}

// NewChecker returns a Checker of WANs whose uptime starts now.
func NewChecker(version string, sources ...Source) *Checker {
	return NewProcessChecker(version, func() ([]Source, []SteeringSource) { return sources, nil })
}

// NewProcessChecker returns a Checker of the loops that sources returns at the time of
// each request. Its uptime starts now.
func NewProcessChecker(version string, sources func() ([]Source, []SteeringSource)) *Checker {
	return &Checker{version: version, started: time.Now(), now: time.Now, sources: sources}
}

// Health asks the loops of all WANs.
func (c *Checker) Health(ctx context.Context) Health {
	wans, _ := c.sources()
	return c.host(ctx, wans, nil).Health
}

// Host asks all loops.
func (c *Checker) Host(ctx context.Context) Host {
	wans, steering := c.sources()
	return c.host(ctx, wans, steering)
}

// Steering asks the steering of that name, which is degraded when there is none.
func (c *Checker) Steering(ctx context.Context, name string) SteeringHealth {
	_, steering := c.sources()
	for _, h := range c.host(ctx, nil, steering).Steering {
		if h.Detail.Name == name {
			return h
		}
	}
	h := SteeringHealth{Status: Degraded, Reasons: []string{"there is no steering of this name any more"}}
	h.complete(c.now())
	return h
}

func (c *Checker) host(ctx context.Context, wans []Source, steering []SteeringSource) Host {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	healths := make([]WANHealth, len(wans))
	steerings := make([]SteeringHealth, len(steering))
	var wg sync.WaitGroup
	for i, s := range wans {
		wg.Go(func() { healths[i] = c.wan(ctx, s) })
	}
	for i, s := range steering {
		wg.Go(func() { steerings[i] = c.steering(ctx, s) })
	}
	wg.Wait()
	now := c.now()
	return NewHost(c.version, now, now.Sub(c.started), healths, steerings)
}

// uptime returns how long a loop has been up: since, unless that is zero or before
// the start of the process.
func (c *Checker) uptime(now, since time.Time) time.Duration {
	if since.Before(c.started) {
		since = c.started
	}
	return now.Sub(since)
}

func (c *Checker) wan(ctx context.Context, source Source) WANHealth {
	h, err := source.Snapshot(ctx)
	now := c.now()
	h.complete(now)
	h.Warnings = append(h.Warnings, h.HA.Warnings()...)
	switch {
	case h.HA.Elsewhere():
		h.Status, h.Reasons = h.HA.status()
	case err != nil:
		h.Status, h.Reasons = failed(err), []string{OneLine(err.Error())}
	default:
		h.assess(c.uptime(now, h.Started))
	}
	return h
}

func (c *Checker) steering(ctx context.Context, source SteeringSource) SteeringHealth {
	h, err := source.Snapshot(ctx)
	now := c.now()
	uptime := c.uptime(now, h.Started)
	h.complete(now)
	h.UptimeSeconds, h.Version, h.PID = round(now.Sub(c.started).Seconds()), c.version, os.Getpid()
	h.Warnings = append(h.Warnings, h.HA.Warnings()...)
	if !errors.As(err, new(NotRunning)) && !h.HA.Elsewhere() {
		h.Source = FromLoop
	}
	switch {
	case h.HA.Elsewhere():
		h.Status, h.Reasons = h.HA.status()
	case err != nil:
		h.Status, h.Reasons = failed(err), []string{OneLine(err.Error())}
	default:
		h.assess(uptime)
	}
	return h
}

// failed returns the status of a loop that does not answer.
func failed(err error) Status {
	var absent NotRunning
	if errors.As(err, &absent) && absent.Err == nil {
		return Starting
	}
	return Degraded
}

// SteeringChecker makes the health document of the steering daemon.
type SteeringChecker struct {
	checker *Checker
	source  SteeringSource
}

// NewSteeringChecker returns a SteeringChecker whose uptime starts now.
func NewSteeringChecker(version string, source SteeringSource) *SteeringChecker {
	return &SteeringChecker{NewChecker(version), source}
}

// Health asks the source.
func (c *SteeringChecker) Health(ctx context.Context) SteeringHealth {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	return c.checker.steering(ctx, c.source)
}

// FromStateFile returns h as the health of a WAN whose loop does not run: the
// values of its state file, and the reason why they are not current.
func (h WANHealth) FromStateFile(now time.Time, reason string) WANHealth {
	h.complete(now)
	h.Source, h.Status, h.Reasons = FromFile, Degraded, []string{OneLine(reason)}
	return h
}

// FromStateFile is that of WANHealth, for a steering daemon that does not run.
func (h SteeringHealth) FromStateFile(now time.Time, reason string) SteeringHealth {
	h.complete(now)
	h.Source, h.Status, h.Reasons = FromFile, Degraded, []string{OneLine(reason)}
	return h
}
