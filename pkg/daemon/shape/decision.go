package shape

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/units"
)

// Decision is one decision of the law as programs read it: `shape` live and
// `trace replay` print the same. What is about a direction that is not controlled is
// nil.
type Decision struct {
	Time      *time.Time `json:"time,omitempty"` // live only
	TimeMS    float64    `json:"t_ms"`           // on the loop's clock
	Event     string     `json:"event"`          // "decision": a trace reader passes over it
	WAN       string     `json:"wan"`
	RTTMS     float64    `json:"rtt_ms"`
	BaseMS    float64    `json:"baseline_rtt_ms"`
	ExcessMS  float64    `json:"excess_ms"`
	ThreshMS  float64    `json:"threshold_ms"`
	Slope     float64    `json:"slope"`
	Alive     int        `json:"reflectors_alive"`
	DownBPS   *int64     `json:"download_limit_bps,omitempty"`
	DownState *string    `json:"download_state,omitempty"`
	DownWhy   *string    `json:"download_reason,omitempty"`
	DownLoad  *float64   `json:"download_load,omitempty"`
	DownRate  *int64     `json:"download_throughput_bps,omitempty"`
	DownCap   *int64     `json:"download_capacity_bps,omitempty"`
	UpBPS     *int64     `json:"upload_limit_bps,omitempty"`
	UpState   *string    `json:"upload_state,omitempty"`
	UpWhy     *string    `json:"upload_reason,omitempty"`
	UpLoad    *float64   `json:"upload_load,omitempty"`
	UpRate    *int64     `json:"upload_throughput_bps,omitempty"`
	UpCap     *int64     `json:"upload_capacity_bps,omitempty"`
	NoiseMS   float64    `json:"noise_ms"`
	Samples   int        `json:"samples"`
	DownAgeS  *float64   `json:"download_capacity_age_seconds,omitempty"`
	UpAgeS    *float64   `json:"upload_capacity_age_seconds,omitempty"`
}

// NewDecision returns d as programs read it. at is the time of day, nil for a
// replay.
func NewDecision(wan string, at *time.Time, d autorate.Decision) Decision {
	out := Decision{
		Time: at, TimeMS: units.Millis(d.At), Event: "decision", WAN: wan,
		RTTMS: units.Millis(d.RTT), BaseMS: units.Millis(d.Baseline), ExcessMS: units.Millis(d.Excess), ThreshMS: units.Millis(d.Threshold),
		Slope: units.Round(d.Slope, 3), Alive: d.Alive, NoiseMS: units.Millis(d.Noise), Samples: d.Samples,
	}
	if x := d.Directions[autorate.Download]; x.State != 0 {
		out.DownBPS, out.DownState, out.DownWhy = new(int64(x.Limit)), new(x.State.String()), new(x.Reason.String())
		out.DownLoad, out.DownRate, out.DownCap = new(units.Round(x.Load, 3)), new(int64(x.Throughput)), new(int64(x.Capacity))
		out.DownAgeS = new(units.Round(x.CapacityAge.Seconds(), 1))
	}
	if x := d.Directions[autorate.Upload]; x.State != 0 {
		out.UpBPS, out.UpState, out.UpWhy = new(int64(x.Limit)), new(x.State.String()), new(x.Reason.String())
		out.UpLoad, out.UpRate, out.UpCap = new(units.Round(x.Load, 3)), new(int64(x.Throughput)), new(int64(x.Capacity))
		out.UpAgeS = new(units.Round(x.CapacityAge.Seconds(), 1))
	}
	return out
}
