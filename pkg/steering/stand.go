package steering

import "time"

// Stand is for how long something has been so.
type Stand struct {
	So   bool          `json:"so"`
	Held time.Duration `json:"held_ns"`
}

// add says whether it is so now, and how long it has been since it was looked at
// before.
func (s *Stand) add(so bool, dt time.Duration) {
	switch {
	case !so:
		*s = Stand{}
	case s.So:
		s.Held += dt
	default:
		s.So = true
	}
}

func (s Stand) reached(d time.Duration) bool { return s.So && s.Held >= d }

func (s Stand) sane() Stand {
	if !s.So {
		return Stand{}
	}
	return Stand{So: true, Held: span(s.Held)}
}
