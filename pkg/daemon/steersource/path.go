// Package steersource is what steering measures and changes: the round-trip times of
// both WANs, each by its loop, its state file or own probes, the condition of the
// alternate WAN, the counters of the primary's queues, and the one mangle rule. It
// decides nothing.
package steersource

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

const (
	// loopAge is how old the answer of a loop may be: one that stands still
	// knows nothing of now.
	loopAge = 3 * time.Second
	// fileAge is how old the baseline of a state file may be. The idle time of
	// a line moves with its routes, some times a day.
	fileAge = 12 * time.Hour
)

// Where a Reading comes from.
const (
	fromLoop  = "loop"       // the running loop of the WAN
	fromFile  = "file+probe" // baseline of its state file, own probes
	fromProbe = "probe"      // own probes alone
)

// Path reads the round-trip time of a WAN: from the loop that shapes it, as long
// as one runs; otherwise the newest of own probes above the baseline that the
// loop left in its state file, or above the lowest of own probes, where there is
// no such file or where they are lower: then it knew another path, or a queue.
type Path struct {
	// WAN is its name.
	WAN string
	// Loop is the socket of its loop, File what the loop left, each may be nil.
	Loop *daemonsock.Client
	File *state.File[state.WAN]
	// Probes measure where no loop does; nil: nothing else is tried.
	Probes *Probes
	// Min and Max bound a baseline that is believed.
	Min, Max time.Duration
}

var _ steerd.Path = (*Path)(nil)

// Read implements steerd.Path. A round-trip time that nobody knows is an error
// that says why.
func (p *Path) Read(ctx context.Context) (steerd.Reading, error) {
	r, err := p.loop(ctx)
	switch {
	case err == nil:
		if p.Probes != nil {
			p.Probes.rest()
		}
		return r, nil
	case p.Probes == nil:
		return steerd.Reading{}, err
	}
	return p.probe(ctx, err)
}

// probe reads own probes; err is why the loop was not used.
func (p *Path) probe(ctx context.Context, err error) (steerd.Reading, error) {
	baseline, rtt, probeErr := p.Probes.read(ctx)
	r := steerd.Reading{Source: fromProbe, RTT: rtt, Loss: p.Probes.loss()}
	if p.plausible(baseline) {
		r.Baseline = baseline
	}
	if left, ok := p.left(); ok && (r.Baseline == 0 || left <= r.Baseline) {
		r.Source, r.Baseline = fromFile, left
	}
	switch {
	case probeErr != nil:
		return r, fmt.Errorf("%w; and %w", err, probeErr)
	case r.Baseline == 0:
		return r, fmt.Errorf("%w; and the lowest of own probes, %.2f ms, is outside thresholds.baseline_rtt_bounds",
			err, float64(baseline)/float64(time.Millisecond))
	}
	return r, nil
}

// loop asks the running loop.
func (p *Path) loop(ctx context.Context) (steerd.Reading, error) {
	if p.Loop == nil {
		return steerd.Reading{}, errors.New("no loop of " + p.WAN + " is known")
	}
	h, _, err := askWAN(ctx, p.Loop, p.WAN)
	if err != nil {
		return steerd.Reading{}, err
	}
	return p.ofLoop(h)
}

// ofLoop returns the round-trip time that a loop answered.
func (p *Path) ofLoop(h telemetry.WANHealth) (steerd.Reading, error) {
	r := steerd.Reading{Source: fromLoop, Loss: reflectorLoss(h.Probe)}
	if h.Probe.ReflectorsAlive == 0 || h.LoadRTTMs == nil || h.BaselineRTTMs == nil {
		return r, fmt.Errorf("the loop of %s has no round-trip time", p.WAN)
	}
	r.RTT = fromMs(*h.LoadRTTMs)
	if b := fromMs(*h.BaselineRTTMs); p.plausible(b) {
		r.Baseline = b
		return r, nil
	}
	return r, fmt.Errorf("the baseline of the loop of %s, %.1f ms, is outside thresholds.baseline_rtt_bounds", p.WAN, *h.BaselineRTTMs)
}

// reflectorLoss returns the share of a loop's reflectors that do not answer, 0 as long
// as half of them do: a reflector may be gone without the line losing anything.
func reflectorLoss(p telemetry.ProbeHealth) float64 {
	if p.Reflectors <= 0 || 2*p.ReflectorsAlive >= p.Reflectors {
		return 0
	}
	return 1 - float64(p.ReflectorsAlive)/float64(p.Reflectors)
}

// askWAN asks a loop for its WAN, and for how long it has run. An answer that is
// not of now is an error.
func askWAN(ctx context.Context, c *daemonsock.Client, wan string) (telemetry.WANHealth, time.Duration, error) {
	doc, err := c.Health(ctx)
	if err != nil {
		return telemetry.WANHealth{}, 0, err
	}
	for _, h := range doc.WANs {
		if !strings.EqualFold(h.Name, wan) {
			continue
		}
		if h.AgeSeconds == nil || fromSeconds(*h.AgeSeconds) > loopAge {
			return h, 0, fmt.Errorf("the loop of %s stands still", wan)
		}
		return h, fromSeconds(doc.UptimeSeconds), nil
	}
	return telemetry.WANHealth{}, 0, fmt.Errorf("socket %s is not that of %s", c.Path(), wan)
}

// left is the baseline in the state file, if it is young and plausible.
func (p *Path) left() (time.Duration, bool) {
	if p.File == nil {
		return 0, false
	}
	s, err := p.File.ReadOnly()
	if err != nil || !p.plausible(s.BaselineRTT) {
		return 0, false
	}
	age := time.Since(s.Timestamp)
	return s.BaselineRTT, age > -time.Minute && age < fileAge
}

func (p *Path) plausible(baseline time.Duration) bool {
	return baseline > 0 && baseline >= p.Min && baseline <= p.Max
}

func fromMs(ms float64) time.Duration     { return time.Duration(ms * float64(time.Millisecond)) }
func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
