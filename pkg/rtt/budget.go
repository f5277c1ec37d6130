package rtt

import "time"

const (
	// probeCost is what a probe with its answer carries, in bytes: more than an echo or a
	// timestamp request do in IP packets.
	probeCost = 132
	day       = 24 * time.Hour

	// Half of what a day may carry can be saved for hours of load, and the rest comes
	// evenly: together no more than the cap, in any 24 hours.
	saved = 0.5
	// A start gets the share of an hour, so that starting again and again is no way
	// around the cap.
	atStart = 1.0 / 24
	// resumeWith is what probes at full rate have to have, in bytes: some seconds.
	resumeWith = 100_000
	// slowUse is the share of what comes evenly that slow probes may take.
	slowUse = 0.8
)

// MinPerDay is the lowest cap that leaves slow probes and those of spares room, in bytes.
const MinPerDay = 50_000_000

// Budget bounds what probes carry: PerDay bytes in any 24 hours, both directions
// together; 0 is without bound.
type Budget struct {
	PerDay uint64

	left    float64
	at      time.Duration
	started bool
	spent   bool
}

// Spend takes in that so many probes have left, and reports whether probes have to be
// slow, whatever the load.
func (b *Budget) Spend(now time.Duration, probes int) (spent bool) {
	if b.PerDay == 0 {
		return false
	}
	perDay := float64(b.PerDay)
	if !b.started {
		b.started, b.left = true, atStart*perDay
	} else {
		b.left = min(saved*perDay, b.left+(1-saved)*perDay*float64(now-b.at)/float64(day))
	}
	b.at = now
	b.left -= float64(probes) * probeCost
	if b.left <= 0 || b.left >= resumeWith {
		b.spent = b.left <= 0
	}
	return b.spent
}

// SlowEvery returns the time between two slow probes of a reflector under a cap:
// SlowInterval where that leaves room.
func SlowEvery(perDay uint64) time.Duration {
	if perDay == 0 {
		return SlowInterval
	}
	room := slowUse*(1-saved)*float64(perDay)/day.Seconds() - probeCost*float64(time.Second)/float64(SpareInterval)
	const perInterval = (MaxUsed + 1) * probeCost // echoes, and a timestamp request
	if room*SlowInterval.Seconds() >= perInterval {
		return SlowInterval
	}
	return time.Duration(perInterval / max(room, 1) * float64(time.Second))
}
