package telemetry

import (
	"context"
	"os"
	"slices"
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

// Checker makes the health document of the WANs of a process.
type Checker struct {
	version string
	started time.Time
	now     func() time.Time

	mu      sync.Mutex // protects the following field
	sources []Source
}

// NewChecker returns a Checker whose uptime starts now.
func NewChecker(version string, sources ...Source) *Checker {
	return &Checker{version: version, sources: sources, started: time.Now(), now: time.Now}
}

// Add adds a WAN.
func (c *Checker) Add(s Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sources = append(slices.Clone(c.sources), s)
}

// Remove removes a WAN that Add has added.
func (c *Checker) Remove(s Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sources = slices.DeleteFunc(slices.Clone(c.sources), func(x Source) bool { return x == s })
}

// Health asks every source.
func (c *Checker) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	c.mu.Lock()
	sources := c.sources
	c.mu.Unlock()
	wans := make([]WANHealth, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() { wans[i] = c.wan(ctx, s) })
	}
	wg.Wait()
	now := c.now()
	return NewHost(c.version, now, now.Sub(c.started), wans, nil).Health
}

func (c *Checker) wan(ctx context.Context, source Source) WANHealth {
	h, err := source.Snapshot(ctx)
	now := c.now()
	h.complete(now)
	if err != nil {
		h.Status, h.Reasons = Degraded, []string{OneLine(err.Error())}
	} else {
		h.assess(now.Sub(c.started))
	}
	return h
}

// SteeringChecker makes the health document of the steering daemon.
type SteeringChecker struct {
	version string
	source  SteeringSource
	started time.Time
	now     func() time.Time
}

// NewSteeringChecker returns a SteeringChecker whose uptime starts now.
func NewSteeringChecker(version string, source SteeringSource) *SteeringChecker {
	return &SteeringChecker{version: version, source: source, started: time.Now(), now: time.Now}
}

// Health asks the source.
func (c *SteeringChecker) Health(ctx context.Context) SteeringHealth {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	h, err := c.source.Snapshot(ctx)
	now := c.now()
	uptime := now.Sub(c.started)
	h.complete(now)
	h.UptimeSeconds, h.Version, h.PID, h.Source = round(uptime.Seconds()), c.version, os.Getpid(), FromLoop
	if err != nil {
		h.Status, h.Reasons = Degraded, []string{OneLine(err.Error())}
	} else {
		h.assess(uptime)
	}
	return h
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
