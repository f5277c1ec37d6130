package state

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// WAN is the state of the autorate loop of one WAN.
type WAN struct {
	Download Direction
	Upload   Direction

	// BaselineRTT is the round-trip time of the idle link, LoadRTT the
	// smoothed one of now. 0: not known. Steering reads the baseline.
	BaselineRTT time.Duration
	LoadRTT     time.Duration

	Timestamp time.Time // of this state; zero: written as the time of saving

	// Law is the control law's own snapshot, opaque here. It must not be
	// changed after Save or Submit.
	Law json.RawMessage
}

// Direction is one direction of a WAN.
type Direction struct {
	GreenStreak   int
	SoftRedStreak int
	RedStreak     int
	CurrentRate   bitrate.Rate // limit the loop decided; 0: not known
	Applied       bitrate.Rate // limit the router confirmed; 0: not known
}

// worthSaving reports whether the limits differ from those of the saved state.
// Everything else changes all the time.
func (w WAN) worthSaving(saved WAN) bool {
	return w.Download.changed(saved.Download) || w.Upload.changed(saved.Upload)
}

func (d Direction) changed(from Direction) bool {
	return d.CurrentRate != from.CurrentRate || d.Applied != from.Applied
}

// OpenWAN returns the state file of one WAN at path.
func OpenWAN(path string) *File[WAN] {
	return &File[WAN]{path: path, kind: KindWAN, bind: (*WAN).bind}
}

func (w *WAN) bind() binding {
	return binding{slices.Concat(
		w.Download.fields("download.", "last_applied.dl_rate"),
		w.Upload.fields("upload.", "last_applied.ul_rate"),
		[]field{
			rttField("ewma.baseline_rtt", &w.BaselineRTT),
			rttField("ewma.load_rtt", &w.LoadRTT),
			timeField("timestamp", &w.Timestamp),
		},
	), &w.Timestamp, &w.Law}
}

func (d *Direction) fields(prefix, applied string) []field {
	return []field{
		countField(prefix+"green_streak", &d.GreenStreak),
		countField(prefix+"soft_red_streak", &d.SoftRedStreak),
		countField(prefix+"red_streak", &d.RedStreak),
		rateField(prefix+"current_rate", &d.CurrentRate),
		rateField(applied, &d.Applied),
	}
}
