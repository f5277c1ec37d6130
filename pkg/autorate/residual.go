package autorate

import "time"

// residualDelay is the small delay that bursts leave at a bottleneck which is
// nearly full. Where it was present for a while and then vanishes under the same
// load, the bottleneck has become wider: there is no point in waiting any longer
// before probing. It is a hint, not a proof; what a wrong one costs is one probe too
// early.
type residualDelay struct {
	slowMean time.Duration
	fastMean time.Duration
}

// sample adds the excess seen while the limit lay just below the capacity.
func (m *residualDelay) sample(dt, x time.Duration) {
	if m.slowMean == 0 {
		m.slowMean, m.fastMean = x, x
	}
	m.slowMean += times(min(1, float64(dt)/float64(residualSlow)), x-m.slowMean)
	m.fastMean += times(min(1, float64(dt)/float64(residualFast)), x-m.fastMean)
}

// reset makes an absence something that has to be seen anew.
func (m *residualDelay) reset() { m.fastMean = m.slowMean }

// vanished reports that the usual delay is missing.
func (m *residualDelay) vanished() bool {
	return m.slowMean > residualLeast && m.fastMean < times(residualShare, m.slowMean)
}
