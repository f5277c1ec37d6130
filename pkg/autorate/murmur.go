package autorate

import "time"

// murmur listens to the small delays that bursts leave at a bottleneck which is
// nearly full. Where they have been heard for a while and then fall silent
// under the same load, the bottleneck has become wider: there is no point in
// waiting any longer before probing. It is a hint, not a proof; what a wrong
// one costs is one probe too early.
type murmur struct {
	usual  time.Duration // slow mean
	lately time.Duration // fast mean
	heard  time.Duration // for how long usual has been learned
}

const (
	murmurSlow   = 2 * time.Second
	murmurFast   = 300 * time.Millisecond
	murmurHeard  = 500 * time.Millisecond
	murmurLowest = 300 * time.Microsecond // below that there is nothing to miss
)

// add takes in the excess seen while the limit lay just below the capacity.
func (m *murmur) add(dt, x time.Duration) {
	if m.heard == 0 {
		m.usual, m.lately = x, x
	}
	m.heard += dt
	m.usual += time.Duration(min(1, float64(dt)/float64(murmurSlow)) * float64(x-m.usual))
	m.lately += time.Duration(min(1, float64(dt)/float64(murmurFast)) * float64(x-m.lately))
}

// forget makes silence something that has to be heard anew.
func (m *murmur) forget() { m.lately = m.usual }

// gone reports that the usual delays are missing.
func (m *murmur) gone() bool {
	return m.heard > murmurHeard && m.usual > murmurLowest && m.lately < m.usual*3/10
}
