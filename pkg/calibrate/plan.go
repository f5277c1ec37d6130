package calibrate

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// MinLoad is the shortest loaded phase from which a capacity can be told.
const MinLoad = 5 * time.Second

const (
	rest     = time.Second // in which queues drain between two phases
	overhead = 2 * time.Second
)

// Plan says what is measured, and for how long.
type Plan struct {
	Controlled [2]bool         // the directions that have a queue
	Expected   [2]bitrate.Rate // what the user expects the line to carry
	IdleLength time.Duration
	LoadLength time.Duration // of a loaded phase
	Watch      bool          // the load is the traffic of users, in both directions at once
	MaxBytes   uint64        // of both directions together; 0: any
}

// phases returns the phases without limits, and how many with limits follow them.
func (p Plan) phases() (list []Phase, after int) {
	list = append(list, Phase{Kind: Idle, Length: p.IdleLength})
	if p.Watch {
		return append(list, Phase{Kind: Before, Load: p.Controlled, Length: p.LoadLength}), 1
	}
	for d, controlled := range p.Controlled {
		if controlled {
			ph := Phase{Kind: Before, Length: p.LoadLength}
			ph.Load[d] = true
			list, after = append(list, ph), after+1
		}
	}
	return list, after
}

// Length returns how long the measurement takes, unless limits are tried again.
func (p Plan) Length() time.Duration {
	list, after := p.phases()
	loaded := time.Duration(len(list) - 1 + after)
	each := rest + p.LoadLength
	if !p.Watch {
		each += overhead // until the load has started and ended
	}
	return p.IdleLength + loaded*each
}

// Bytes returns how much data the load is expected to take, if the line carries what
// the user expects. What is watched takes nothing.
func (p Plan) Bytes() uint64 {
	if p.Watch {
		return 0
	}
	const phases = 2
	sum := uint64(0)
	for d, controlled := range p.Controlled {
		if controlled {
			sum += phases * p.phaseBytes(d)
		}
	}
	return sum
}

// LeastBytes returns how much of Bytes the first loaded phase takes: with less nothing
// can be told.
func (p Plan) LeastBytes() uint64 {
	for d, controlled := range p.Controlled {
		if controlled && !p.Watch {
			return p.phaseBytes(d)
		}
	}
	return 0
}

// phaseBytes returns how much a loaded phase in direction d is expected to take.
func (p Plan) phaseBytes(d int) uint64 {
	const acks = 1.05
	return uint64(acks * float64(p.Expected[d]) / 8 * p.LoadLength.Seconds())
}

// Lifted returns the limit that is in force while the capacity is measured: one that
// the line does not reach, unless it carries several times what the user expects.
func (p Plan) Lifted(start [2]bitrate.Rate) (limits [2]bitrate.Rate) {
	// Up to here every RouterOS takes a limit.
	const most = 4 * bitrate.Gbps
	for d, controlled := range p.Controlled {
		if expected := max(p.Expected[d], start[d]); controlled {
			limits[d] = max(expected, min(most, max(4*expected, 100*bitrate.Mbps)))
		}
	}
	return limits
}

// Size writes a number of bytes for a person, in the units of data plans.
func Size(bytes uint64) string {
	const kilo, mega, giga = 1e3, 1e6, 1e9
	switch b := float64(bytes); {
	case b >= giga:
		return fmt.Sprintf("%.1f GB", b/giga)
	case b >= 10*mega:
		return fmt.Sprintf("%.0f MB", b/mega)
	case b >= mega:
		return fmt.Sprintf("%.1f MB", b/mega)
	default:
		return fmt.Sprintf("%.0f kB", b/kilo)
	}
}
