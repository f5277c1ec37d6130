package steering

import "time"

// Dwell is how long a condition has been true without interruption.
type Dwell struct {
	Active bool          `json:"so"`
	For    time.Duration `json:"held_ns"`
}

// add records whether the condition is true now, dt after the last call.
func (s *Dwell) add(active bool, dt time.Duration) {
	switch {
	case !active:
		*s = Dwell{}
	case s.Active:
		s.For += dt
	default:
		s.Active = true
	}
}

func (s Dwell) reached(d time.Duration) bool { return s.Active && s.For >= d }

func (s Dwell) normalized() Dwell {
	if !s.Active {
		return Dwell{}
	}
	return Dwell{Active: true, For: clampAge(s.For)}
}
