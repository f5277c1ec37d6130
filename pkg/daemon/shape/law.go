package shape

import (
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
)

// LawConfig returns the settings of the law that a WAN's configuration asks for.
func LawConfig(w *config.WAN) autorate.Config {
	controlled := w.Controlled()
	direction := func(of autorate.Direction, d config.Direction) autorate.DirectionConfig {
		if !controlled[of] {
			return autorate.DirectionConfig{}
		}
		return autorate.DirectionConfig{
			Ceiling: d.Ceiling,
			Floor:   [4]bitrate.Rate{d.FloorGreen, d.FloorYellow, d.FloorSoftRed, d.FloorRed},
		}
	}
	return autorate.Config{
		Directions:       [2]autorate.DirectionConfig{direction(autorate.Download, w.Download), direction(autorate.Upload, w.Upload)},
		Target:           w.Thresholds.TargetBloat,
		Warn:             w.Thresholds.WarnBloat,
		HardRed:          w.Thresholds.HardRedBloat,
		BaselineInitial:  w.BaselineInitial,
		BaselineMin:      w.Thresholds.BaselineMin,
		BaselineMax:      w.Thresholds.BaselineMax,
		LoadTimeConstant: w.Thresholds.LoadTimeConstant,
		Tick:             w.Interval,
	}
}
