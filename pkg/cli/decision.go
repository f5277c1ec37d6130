package cli

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// decisionRecord is one decision of the law as programs read it: `shape` live
// and `trace replay` print the same.
type decisionRecord struct {
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

func newDecisionRecord(wan string, at *time.Time, d autorate.Decision) decisionRecord {
	down, up := d.Directions[autorate.Download], d.Directions[autorate.Upload]
	return decisionRecord{
		Time: at, TimeMS: millis(d.At), Event: "decision", WAN: wan,
		RTTMS: millis(d.RTT), BaseMS: millis(d.Baseline), ExcessMS: millis(d.Excess), ThreshMS: millis(d.Threshold),
		Slope: round(d.Slope, 3), Alive: d.Alive,
		DownBPS: int64(down.Limit), DownState: down.State.String(), DownWhy: down.Reason.String(),
		DownLoad: round(down.Load, 3), DownRate: int64(down.Throughput), DownCap: int64(down.Capacity),
		UpBPS: int64(up.Limit), UpState: up.State.String(), UpWhy: up.Reason.String(),
		UpLoad: round(up.Load, 3), UpRate: int64(up.Throughput), UpCap: int64(up.Capacity),
		NoiseMS: millis(d.Noise), DownAgeS: round(down.CapacityAge.Seconds(), 1), UpAgeS: round(up.CapacityAge.Seconds(), 1),
	}
}

// millis is d in milliseconds with microsecond resolution.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func round(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}

func column[V any](name string, of func(decisionRecord) V) output.Column[decisionRecord] {
	return output.Column[decisionRecord]{Head: name, Name: name, Value: func(r decisionRecord) any { return of(r) },
		Text: func(r decisionRecord) string { return fmt.Sprint(of(r)) }}
}

var decisionColumns = []output.Column[decisionRecord]{
	column("time", func(r decisionRecord) string {
		if r.Time == nil {
			return ""
		}
		return r.Time.Format(time.RFC3339Nano)
	}),
	column("t_ms", func(r decisionRecord) float64 { return r.TimeMS }),
	column("event", func(r decisionRecord) string { return r.Event }),
	column("wan", func(r decisionRecord) string { return r.WAN }),
	column("rtt_ms", func(r decisionRecord) float64 { return r.RTTMS }),
	column("baseline_rtt_ms", func(r decisionRecord) float64 { return r.BaseMS }),
	column("excess_ms", func(r decisionRecord) float64 { return r.ExcessMS }),
	column("threshold_ms", func(r decisionRecord) float64 { return r.ThreshMS }),
	column("slope", func(r decisionRecord) float64 { return r.Slope }),
	column("reflectors_alive", func(r decisionRecord) int { return r.Alive }),
	column("download_limit_bps", func(r decisionRecord) int64 { return r.DownBPS }),
	column("download_state", func(r decisionRecord) string { return r.DownState }),
	column("download_reason", func(r decisionRecord) string { return r.DownWhy }),
	column("download_load", func(r decisionRecord) float64 { return r.DownLoad }),
	column("download_throughput_bps", func(r decisionRecord) int64 { return r.DownRate }),
	column("download_capacity_bps", func(r decisionRecord) int64 { return r.DownCap }),
	column("upload_limit_bps", func(r decisionRecord) int64 { return r.UpBPS }),
	column("upload_state", func(r decisionRecord) string { return r.UpState }),
	column("upload_reason", func(r decisionRecord) string { return r.UpWhy }),
	column("upload_load", func(r decisionRecord) float64 { return r.UpLoad }),
	column("upload_throughput_bps", func(r decisionRecord) int64 { return r.UpRate }),
	column("upload_capacity_bps", func(r decisionRecord) int64 { return r.UpCap }),
	column("noise_ms", func(r decisionRecord) float64 { return r.NoiseMS }),
	column("download_capacity_age_seconds", func(r decisionRecord) float64 { return r.DownAgeS }),
	column("upload_capacity_age_seconds", func(r decisionRecord) float64 { return r.UpAgeS }),
}

// printDecision writes one decision as a line for people.
func printDecision(w io.Writer, r decisionRecord) error {
	_, err := fmt.Fprintf(w, "%9.2fs  rtt %6.1f ms  excess %6.1f ms  down %-8s %7.2fM of ~%.1fM  %-14s  up %-8s %7.2fM of ~%.1fM  %s\n",
		r.TimeMS/1e3, r.RTTMS, r.ExcessMS,
		r.DownState, float64(r.DownBPS)/1e6, float64(r.DownCap)/1e6, r.DownWhy,
		r.UpState, float64(r.UpBPS)/1e6, float64(r.UpCap)/1e6, r.UpWhy)
	return err
}
