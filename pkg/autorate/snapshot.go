package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Snapshot is what a law has learned of a link, for a restart. The idle RTT is
// restored by Config.BaselineInitial. The zero Snapshot is an unknown link.
type Snapshot struct {
	Noise    time.Duration    // 90th percentile of the excess without a queue
	Samples  int              // that an excess has to last; 0: not known
	Capacity [2]bitrate.Rate  // by Direction; 0: not known
	Age      [2]time.Duration // since each capacity was last seen
}

// Snapshot returns what the law knew when it decided.
func (dec Decision) Snapshot() Snapshot {
	s := Snapshot{Noise: dec.Noise, Samples: dec.Samples}
	for _, d := range Directions {
		s.Capacity[d], s.Age[d] = dec.Directions[d].Capacity, dec.Directions[d].CapacityAge
	}
	return s
}

// restore applies what is plausible of s: noise within what could be learned here,
// and capacities within the bounds, with the age that they had.
func (l *Law) restore(now time.Duration, s Snapshot) {
	if s.Noise > 0 && s.Noise <= l.cfg.Target {
		l.noise.restore(s.Noise, s.Samples)
	}
	for _, d := range Directions {
		dir, c := &l.dirs[d], s.Capacity[d]
		if c >= dir.cfg.Lowest() && float64(c) <= (1+restoreOver)*float64(dir.cfg.Ceiling) && s.Age[d] >= 0 && s.Age[d] < capacityAge {
			dir.capacity.rate, dir.capacity.seen = float64(c), now-s.Age[d]
		}
	}
}
