package shape

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/units"
)

// Decision is one decision of the law as programs read it: `shape` live and
// `trace replay` print the same.
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
	DownBPS   int64      `json:"download_limit_bps"`
	DownState string     `json:"download_state"`
	DownWhy   string     `json:"download_reason"`
	DownLoad  float64    `json:"download_load"`
	DownRate  int64      `json:"download_throughput_bps"`
	DownCap   int64      `json:"download_capacity_bps"`
	UpBPS     int64      `json:"upload_limit_bps"`
	UpState   string     `json:"upload_state"`
	UpWhy     string     `json:"upload_reason"`
	UpLoad    float64    `json:"upload_load"`
	UpRate    int64      `json:"upload_throughput_bps"`
	UpCap     int64      `json:"upload_capacity_bps"`
	NoiseMS   float64    `json:"noise_ms"`
	DownAgeS  float64    `json:"download_capacity_age_seconds"`
	UpAgeS    float64    `json:"upload_capacity_age_seconds"`
}

// NewDecision returns d as programs read it. at is the time of day, nil for a
// replay.
func NewDecision(wan string, at *time.Time, d autorate.Decision) Decision {
	down, up := d.Directions[autorate.Download], d.Directions[autorate.Upload]
	return Decision{
		Time: at, TimeMS: units.Millis(d.At), Event: "decision", WAN: wan,
		RTTMS: units.Millis(d.RTT), BaseMS: units.Millis(d.Baseline), ExcessMS: units.Millis(d.Excess), ThreshMS: units.Millis(d.Threshold),
		Slope: units.Round(d.Slope, 3), Alive: d.Alive,
		DownBPS: int64(down.Limit), DownState: down.State.String(), DownWhy: down.Reason.String(),
		DownLoad: units.Round(down.Load, 3), DownRate: int64(down.Throughput), DownCap: int64(down.Capacity),
		UpBPS: int64(up.Limit), UpState: up.State.String(), UpWhy: up.Reason.String(),
		UpLoad: units.Round(up.Load, 3), UpRate: int64(up.Throughput), UpCap: int64(up.Capacity),
		NoiseMS: units.Millis(d.Noise), DownAgeS: units.Round(down.CapacityAge.Seconds(), 1), UpAgeS: units.Round(up.CapacityAge.Seconds(), 1),
	}
}
