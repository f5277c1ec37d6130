package telemetry

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Health is the health document of the autorate loops. Null is for numbers
// that are not known.
type Health struct {
	Status              Status      `json:"status"`
	UptimeSeconds       float64     `json:"uptime_seconds"`
	Version             string      `json:"version"`
	ConsecutiveFailures int         `json:"consecutive_failures"` // the worst of the WANs
	WANCount            int         `json:"wan_count"`
	WANs                []WANHealth `json:"wans"`
}

// WANHealth is one WAN in it.
type WANHealth struct {
	Name          string          `json:"name"`
	BaselineRTTMs *float64        `json:"baseline_rtt_ms"`
	LoadRTTMs     *float64        `json:"load_rtt_ms"`
	Download      DirectionHealth `json:"download"`
	Upload        DirectionHealth `json:"upload"`

	Status              Status       `json:"status"`
	Reasons             []string     `json:"reasons,omitempty"`
	Source              Origin       `json:"source,omitempty"`
	At                  *time.Time   `json:"at,omitempty"`
	AgeSeconds          *float64     `json:"age_seconds"` // of these values
	ExcessMs            *float64     `json:"excess_ms"`
	ConsecutiveFailures int          `json:"consecutive_failures"`
	DryRun              bool         `json:"dry_run"`
	Probe               ProbeHealth  `json:"probe"`
	Router              RouterHealth `json:"router"`
}

// DirectionHealth is one direction of a WAN.
type DirectionHealth struct {
	CurrentRateMbps *float64 `json:"current_rate_mbps"`
	State           string   `json:"state"`

	Reason         string   `json:"reason,omitempty"`
	AppliedMbps    *float64 `json:"applied_rate_mbps"`
	FloorMbps      *float64 `json:"floor_mbps"`
	CeilingMbps    *float64 `json:"ceiling_mbps"`
	ThroughputMbps *float64 `json:"throughput_mbps"`
	CapacityMbps   *float64 `json:"capacity_mbps"`
}

// ProbeHealth is how round-trip time is measured.
type ProbeHealth struct {
	Mode                string   `json:"mode,omitempty"`
	ReflectorsAlive     int      `json:"reflectors_alive"`
	Reflectors          int      `json:"reflectors"`
	LastReplyAgeSeconds *float64 `json:"last_reply_age_seconds"`
}

// RouterHealth is the connection to the router.
type RouterHealth struct {
	Transport            string   `json:"transport,omitempty"`
	Address              string   `json:"address,omitempty"`
	Failovers            int      `json:"failovers"`
	LatencyMs            *float64 `json:"latency_ms"`
	Reachable            bool     `json:"reachable"`
	LastAnswerAgeSeconds *float64 `json:"last_answer_age_seconds"`
	LastError            string   `json:"last_error,omitempty"`
}

// Checker makes the health document of the WANs of a process.
type Checker struct {
	version string
	sources []Source
	started time.Time
	now     func() time.Time
}

// NewChecker counts uptime from now on.
func NewChecker(version string, sources ...Source) *Checker {
	return &Checker{version: version, sources: sources, started: time.Now(), now: time.Now}
}

// snapshotWait bounds how long a loop may take to tell how it is. One that
// takes longer stands still.
const snapshotWait = time.Second

// Health asks every source.
func (c *Checker) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	wans := make([]WANHealth, len(c.sources))
	var wg sync.WaitGroup
	for i, s := range c.sources {
		wg.Go(func() { wans[i] = c.wan(ctx, s) })
	}
	wg.Wait()
	h := Health{
		Status:        Healthy,
		UptimeSeconds: round(c.now().Sub(c.started).Seconds()),
		Version:       c.version,
		WANCount:      len(wans),
		WANs:          wans,
	}
	if len(wans) == 0 {
		h.Status = Degraded
	}
	for i := range wans {
		h.Status = worse(h.Status, wans[i].Status)
		h.ConsecutiveFailures = max(h.ConsecutiveFailures, wans[i].ConsecutiveFailures)
	}
	return h
}

func (c *Checker) wan(ctx context.Context, source Source) WANHealth {
	s, err := source.Snapshot(ctx)
	now := c.now()
	if err != nil {
		h := s.health(now)
		h.Status, h.Reasons = Degraded, []string{OneLine(err.Error())}
		return h
	}
	h := s.health(now)
	h.Status, h.Reasons = s.assess(now, now.Sub(c.started))
	return h
}

func (w *WANStatus) health(now time.Time) WANHealth {
	h := WANHealth{
		Name:                w.Name,
		BaselineRTTMs:       knownMs(w.BaselineRTT),
		LoadRTTMs:           knownMs(w.LoadRTT),
		Download:            w.Directions[autorate.Download].health(),
		Upload:              w.Directions[autorate.Upload].health(),
		Source:              w.Origin,
		ConsecutiveFailures: w.Failures,
		DryRun:              w.DryRun,
		Probe: ProbeHealth{
			Mode:                w.Probe.Mode,
			ReflectorsAlive:     w.Probe.Alive,
			Reflectors:          w.Probe.Targets,
			LastReplyAgeSeconds: age(now, w.Probe.LastReply),
		},
		Router: RouterHealth{
			Transport:            w.Router.Transport,
			Address:              w.Router.Address,
			Failovers:            w.Router.Failovers,
			LatencyMs:            knownMs(w.Router.Latency),
			Reachable:            !w.Router.LastAnswer.IsZero() && w.Router.LastError == "",
			LastAnswerAgeSeconds: age(now, w.Router.LastAnswer),
			LastError:            OneLine(w.Router.LastError),
		},
	}
	if w.LoadRTT > 0 {
		ms := round(millis(w.Excess))
		h.ExcessMs = &ms
	}
	if !w.At.IsZero() {
		h.At = &w.At
	}
	h.AgeSeconds = age(now, w.At)
	return h
}

func (d *DirectionStatus) health() DirectionHealth {
	return DirectionHealth{
		CurrentRateMbps: knownMbps(d.Limit),
		State:           d.State.String(),
		Reason:          d.Reason,
		AppliedMbps:     knownMbps(d.Applied),
		FloorMbps:       knownMbps(d.Floor),
		CeilingMbps:     knownMbps(d.Ceiling),
		ThroughputMbps:  knownMbps(d.Throughput),
		CapacityMbps:    knownMbps(d.Capacity),
	}
}

func knownMs(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	ms := round(millis(d))
	return &ms
}

func knownMbps(r bitrate.Rate) *float64 {
	if r <= 0 {
		return nil
	}
	mbps := round(r.Mbps())
	return &mbps
}

func age(now, then time.Time) *float64 {
	if then.IsZero() {
		return nil
	}
	s := round(max(now.Sub(then), 0).Seconds())
	return &s
}

// round keeps three decimals: microseconds, or kbit/s.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// OneLine makes an error text one short line.
func OneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "..."
}
