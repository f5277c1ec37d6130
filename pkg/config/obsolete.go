package config

import (
	"slices"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// wanObsolete lists what older files of a WAN hold without effect and unchecked;
// add to it freely.
func wanObsolete() []schema.Obsolete {
	return []schema.Obsolete{
		{Name: "timeouts.ping_total", Why: "probes run all the time, and timeouts.ping bounds each of them"},
	}
}

// steeringObsolete is the same of the steering file.
func steeringObsolete() []schema.Obsolete { return wanObsolete() }

// WhyObsolete explains a key of older files that has no effect any more.
func WhyObsolete(name string) (why string, found bool) {
	return schema.FindObsolete(slices.Concat(wanObsolete(), steeringObsolete()), name)
}

// Why keys that are still known, and checked, have no effect any more.
const (
	whySteps         = "the law finds capacity and step sizes itself"
	whyBaseline      = "the baseline is the lowest round-trip time of the last 30 seconds without load"
	whyThreshold     = "this threshold follows from the noise the link shows"
	whyMedian        = "reflectors are always combined, by the median of three or more and the smaller of two"
	whyMaxCycles     = "limits are held as soon as no reflector has answered for a second"
	whyCakeStats     = "counters are in the metrics"
	whyResetCounters = "counters are never reset, but compared with those of the sample before"
	whyLockTimeout   = "the lock is held by the kernel and judged by the process in it"
)

// withoutEffect stands in place of a default.
const withoutEffect = "without effect"

func noEffectDoc(why string) string { return "Has no effect any more: " + why + "." }

// idle is a key of older files that has no effect any more, and so no field.
// Its type and range are checked as ever: what is wrong with it may be a slip
// that concerns its neighbours too.
func idle[T any](k schema.Key, why string) schema.Bound[T] {
	k.NoEffect, k.Derived, k.Doc = why, withoutEffect, noEffectDoc(why)
	return schema.Bound[T]{Key: k}
}
