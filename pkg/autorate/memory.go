package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Memory is what a law has learned of a link and takes over a restart, beside
// the idle RTT, which comes back as Config.BaselineInitial. The zero Memory is a
// link never seen before.
type Memory struct {
	Noise    time.Duration    // 90th percentile of the excess without a queue
	Samples  int              // that an excess has to last; 0: not known
	Capacity [2]bitrate.Rate  // by Direction; 0: not known
	Age      [2]time.Duration // since each capacity was last seen
}

// Memory returns what the law knew when it decided.
func (dec Decision) Memory() Memory {
	m := Memory{Noise: dec.Noise, Samples: dec.Samples}
	for _, d := range Directions {
		m.Capacity[d], m.Age[d] = dec.Directions[d].Capacity, dec.Directions[d].CapacityAge
	}
	return m
}

// recall takes over what is plausible of m: noise within what could be learned
// here, and capacities within the bounds, which go on ageing from where they
// were.
func (l *Law) recall(now time.Duration, m Memory) {
	if m.Noise > 0 && m.Noise <= l.cfg.Target {
		l.noise.recall(m.Noise, m.Samples)
	}
	for _, d := range Directions {
		dir, c := &l.dirs[d], m.Capacity[d]
		if c >= dir.cfg.Lowest() && c <= dir.cfg.Ceiling+dir.cfg.Ceiling/10 && m.Age[d] >= 0 && m.Age[d] < knownFor {
			dir.edge, dir.edgeAt = float64(c), now-m.Age[d]
		}
	}
}
