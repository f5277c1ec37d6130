package calibratecmd

import (
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// floorKeys are the keys of the two forms that floors have.
var floorKeys = []string{"floor_mbps", "floor_green_mbps", "floor_yellow_mbps", "floor_soft_red_mbps", "floor_red_mbps"}

// change is a key that the proposal changes.
type change struct {
	Name   string `json:"key"`
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
	// Source is where the value in force comes from, when that is not the file.
	source schema.Source
}

// changes lists the keys that a configuration has to change for a proposal. All floors
// of a direction become the lowest one: each is only there for lines whose worst is
// known by state.
func changes(cfg *config.WAN, origins schema.Origins, p calibrate.Settings) (list []change) {
	const prefix = "continuous_monitoring."
	add := func(key, before, after string) {
		if before != after {
			list = append(list, change{prefix + key, before, after, origins[prefix+key].Source})
		}
	}
	if was, now := cfg.BaselineInitial, p.BaselineInitial; was == 0 || (was-now).Abs() > max(2*time.Millisecond, was/10) {
		add("baseline_rtt_initial", millis(was), millis(now))
	}
	for d, dir := range [2]config.Direction{cfg.Download, cfg.Upload} {
		if !cfg.Controlled()[d] {
			continue
		}
		section := autorate.Direction(d).String() + "."
		add(section+"ceiling_mbps", mbps(dir.Ceiling), mbps(p.Ceiling[d]))
		floors := []bitrate.Rate{dir.FloorRed, dir.FloorGreen, dir.FloorYellow, dir.FloorSoftRed, dir.FloorRed}
		for i, key := range floorKeys {
			if _, set := origins[prefix+section+key]; set && floors[i] > p.Floor[d] {
				add(section+key, mbps(floors[i]), mbps(p.Floor[d]))
			}
		}
	}
	t := cfg.Thresholds
	add("thresholds.target_bloat_ms", millis(t.TargetBloat), millis(p.Target))
	add("thresholds.warn_bloat_ms", millis(t.WarnBloat), millis(p.Warn))
	add("thresholds.hard_red_bloat_ms", millis(t.HardRedBloat), millis(p.HardRed))
	return list
}

func assignments(list []change) (set []config.Assignment) {
	for _, c := range list {
		set = append(set, config.Assignment{Name: c.Name, Value: c.After})
	}
	return set
}

func mbps(r bitrate.Rate) string { return strconv.FormatFloat(r.Mbps(), 'f', -1, 64) }

func millis(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64)
}
