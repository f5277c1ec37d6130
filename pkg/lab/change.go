package lab

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Change is a limit or a capacity set at a time.
type Change struct {
	At        time.Duration // since the lab was built
	Direction autorate.Direction
	Rate      bitrate.Rate // 0: no limit
}

// RateAt is the limit or capacity of a direction at a time, from changes in
// order; 0 before the first.
func RateAt(changes []Change, d autorate.Direction, at time.Duration) bitrate.Rate {
	var rate bitrate.Rate
	for _, c := range changes {
		if c.At > at {
			break
		}
		if c.Direction == d {
			rate = c.Rate
		}
	}
	return rate
}
