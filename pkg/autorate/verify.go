package autorate

import "time"

const (
	verifyAfter   = 600 * time.Millisecond // a cut must show by then
	verifyDip     = 450 * time.Millisecond
	verifySpacing = 10 * time.Second
	verifyWindow  = 10 * time.Minute
	verifyMost    = 4 // per verifyWindow
)

// verifier answers one question: is a delay that a cut did not cure ours? It
// halves the limit of the suspect for a moment. A queue of ours must fall; a
// capacity that collapsed further makes it grow; a delay that does not care
// is another route, and becomes the new baseline.
//
// The dip goes below the floors of the milder states, down to the lowest. Where
// even that is not low enough to halve what flows, there is no dip and so no
// verdict: the limit stays at its floor.
//
// "Flat delay is the new baseline" without this dip would be fatal: a standing
// queue is flat too.
type verifier struct {
	running   bool
	began     time.Duration // of the newest dip, running or not; 0: none yet
	low, high time.Duration // excess below which a queue has fallen, above which it has grown
	lowest    time.Duration // in the later half of the dip: one odd sample must not decide
	plateau   bool          // what was asked was whether a plateau is ours

	counted [verifyMost]time.Duration // when those dips began that bound the others
	n       int                       // of those
}

// allowed bounds how often traffic is disturbed for an answer. A plateau that was
// another route's is not counted: the line is the better for it.
func (v *verifier) allowed(now time.Duration) bool {
	if v.began > 0 && now-v.began < verifySpacing {
		return false
	}
	return v.n < verifyMost || now-v.counted[v.n%verifyMost] > verifyWindow
}

// ask begins a dip.
func (v *verifier) ask(now, low, high time.Duration, plateau bool) {
	v.running, v.began, v.lowest = true, now, -1
	v.low, v.high, v.plateau = low, high, plateau
}

// verifyStart starts a dip after a cut that has not brought the excess down by a
// fifth, and after several cuts that have left a plateau which a queue of this
// direction would be odd to leave. Another route never shows less than the lowest
// of its plateau, so a quarter less is a queue that falls.
func (l *Law) verifyStart(s sight) (started bool) {
	for _, d := range Directions {
		dir := &l.dirs[d]
		if dir.mode != drain || dir.load < 0 || dir.through <= 0 || dir.passive ||
			float64(dir.cfg.Lowest()) >= 0.6*dir.through || !l.verify.allowed(s.now) {
			continue
		}
		odd := dir.busy(s.now) && !dir.acted // in the download: then nothing stood before it
		if d == Upload {
			odd = !s.view.OneWay || l.dirs[1-d].load < loaded // or clocks know better
		}
		switch {
		case s.now-dir.cutAt > verifyAfter+s.loop && s.excess > dir.peak*4/5:
			l.verify.ask(s.now, dir.peak*4/5, dir.peak*11/10, false)
		case odd && l.plateau.stands(s):
			l.verify.ask(s.now, l.plateau.lowest*3/4, l.plateau.highest*11/10, true)
		default:
			continue
		}
		l.dip()
		return true
	}
	return false
}

// dip halves what is being drained.
func (l *Law) dip() {
	for _, d := range Directions {
		if dir := &l.dirs[d]; dir.mode == drain && dir.load >= 0 && dir.through > 0 {
			dir.verified = true
			dir.rate = dir.bounded(min(dir.rate, dir.edge*0.5, dir.through*0.5))
			dir.reason = Verifying
		}
	}
}

func (l *Law) verifyStep(s sight) {
	v := &l.verify
	age, length := s.now-v.began, verifyDip+s.loop
	if s.fresh && age > length/2 && (v.lowest < 0 || s.excess < v.lowest) {
		v.lowest = s.excess
	}
	if age < length || v.lowest < 0 && age < 2*length {
		for _, d := range Directions {
			if l.dirs[d].mode == drain {
				l.dirs[d].reason = Verifying
			}
		}
		return
	}
	v.running, l.plateau = false, plateau{since: s.now}
	grew, fell, cleared := v.lowest > v.high, v.lowest < v.low, false
	if grew || fell || !v.plateau {
		v.counted[v.n%verifyMost] = v.began
		v.n++
	}
	for _, d := range Directions {
		dir := &l.dirs[d]
		if dir.mode != drain {
			continue
		}
		switch {
		case grew && dir.blame(s, d, &l.dirs[1-d]):
			dir.reason = Draining
		case grew:
			dir.edge *= 0.6
			dir.peak, dir.low, dir.falling = s.excess, s.excess, s.now
			dir.lower(dir.edge * depth(s.excess))
			dir.reason = Draining
		case fell:
			dir.low, dir.falling = s.excess, s.now
			dir.reason = Draining
		default:
			dir.clear(s)
			cleared = true
		}
	}
	if cleared && !l.hearOther(s) {
		l.rebase(s)
	}
}

// rebase makes the delay of now the idle RTT.
func (l *Law) rebase(s sight) {
	l.path.Rebase(s.now, l.cfg.BaselineMax)
	l.slope.reset()
	l.cusum, l.smooth = 0, [2]time.Duration{}
}

const (
	flatFor  = time.Second
	flatMost = 150 * time.Millisecond
	// flatNoise is by how much the lowest of a second differs on a noisy link.
	flatNoise = 1500 * time.Microsecond
)

// flatness notices, without another dip, that a drain has become one: the limit
// is deep down, the shaper holds the flow to it, and the delay does not care.
// It is what keeps a drain from lasting for ever. A delay above flatMost is not
// believed: it could be a buffer kept full by a capacity below the floor.
type flatness struct {
	since  time.Duration // begin of the current stretch
	lowest time.Duration // in it
	before time.Duration // lowest of the stretch before, 0 for none
}

func (f *flatness) reset(now time.Duration) { *f = flatness{since: now, lowest: -1} }

// add reports whether two stretches in a row showed the same delay.
func (f *flatness) add(now, excess time.Duration) bool {
	if f.lowest < 0 || excess < f.lowest {
		f.lowest = excess
	}
	if now-f.since < flatFor {
		return false
	}
	before, lowest := f.before, f.lowest
	f.since, f.lowest, f.before = now, -1, lowest
	within := max(before/5, flatNoise)
	return before > 0 && lowest < flatMost && lowest > before-within && lowest < before+within
}
