package config

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// finishWAN applies the rules that look at several keys of a WAN.
func (v rules) finishWAN(w *WAN) {
	v.finishBase(&w.Base)
	v.finishQueues(&w.Queues)
	v.finishDirection("continuous_monitoring.download.", &w.Download, v.mayBeAbsent(w, w.Queues.Download, w.Queues.Upload, "upload"))
	v.finishDirection("continuous_monitoring.upload.", &w.Upload, v.mayBeAbsent(w, w.Queues.Upload, w.Queues.Download, "download"))
	v.warnUnits(w)
	v.finishThresholds("continuous_monitoring.thresholds.", w)
	v.warnMedian(len(w.PingHosts))
}

// mayBeAbsent reports whether the section of a direction may be absent, since it is not
// limited: the queue of the other one is named alone, or one simple queue is for both
// and the other one has a section.
func (v rules) mayBeAbsent(w *WAN, own, other, section string) bool {
	if w.Queues.Simple != "" {
		return v.IsSet("continuous_monitoring." + section + ".ceiling_mbps")
	}
	return own == "" && other != ""
}

// finishQueues checks that the queues are those of one kind.
func (v rules) finishQueues(q *Queues) {
	const down, up, simple, target = "queues.download", "queues.upload", "queues.simple", "queues.target"
	switch {
	case !v.Valid(down, up, simple):
	case q.Simple != "" && (q.Download != "" || q.Upload != ""):
		v.Errorf(simple, "stands for both directions; remove it, or remove queues.download and queues.upload")
	case q.Simple == "" && v.IsSet(target):
		v.Errorf(target, "is about a simple queue; name that in queues.simple, or remove this")
	case q.Simple == "" && q.Download == "" && q.Upload == "":
		v.Errorf("queues", "names no queue; write download and upload, queues of the router's queue tree, or simple, one simple queue; 'wanctl router queue get' lists both kinds")
	case q.Download == q.Upload && q.Download != "":
		v.Errorf(up, "%q is also the download queue; each direction needs its own; a simple queue for both is queues.simple", q.Upload)
	case q.Simple == "" && q.Download == "" && q.DownloadType != "":
		v.Errorf("queues.download_type", "has no queue; name one in queues.download")
	case q.Simple == "" && q.Upload == "" && q.UploadType != "":
		v.Errorf("queues.upload_type", "has no queue; name one in queues.upload")
	}
}

// warnMedian warns where use_median_of_three asks for something other than
// what is done anyway.
func (v rules) warnMedian(hosts int) {
	const median = "continuous_monitoring.use_median_of_three"
	wanted, ok := v.Unbound(median).(bool)
	switch {
	case !ok:
	case !wanted:
		v.Warnf(median, "has no effect any more: reflectors are always combined, by the median of three or more and the smaller of two")
	case hosts < 3 && v.Valid("continuous_monitoring.ping_hosts"):
		v.Warnf(median, "needs three ping_hosts; there are %d", hosts)
	}
}

// warnUnits warns about ceilings so different that one of them is rather in another
// unit. A cable line carries up to 50 times more in one direction.
func (v rules) warnUnits(w *WAN) {
	const down, up = "continuous_monitoring.download.ceiling_mbps", "continuous_monitoring.upload.ceiling_mbps"
	const usual = 10 * bitrate.Gbps // above, each has a warning of its own
	d, u := w.Download.Ceiling, w.Upload.Ceiling
	if v.Valid(down, up) && d > 0 && u > 0 && max(d, u) <= usual && (d/u >= 100 || u/d >= 10) {
		v.Warnf(up, "%s Mbit/s beside a download of %s Mbit/s: if one of them is in kbit/s or Gbit/s, write both in Mbit/s", mbps(u), mbps(d))
	}
}

// finishDirection fills the floors from either form and checks their order. A direction
// that may be left alone needs none.
func (v rules) finishDirection(prefix string, d *Direction, mayBeAbsent bool) {
	var (
		one     = prefix + "floor_mbps"
		green   = prefix + "floor_green_mbps"
		yellow  = prefix + "floor_yellow_mbps"
		softRed = prefix + "floor_soft_red_mbps"
		red     = prefix + "floor_red_mbps"
		ceiling = prefix + "ceiling_mbps"
	)
	four := slices.ContainsFunc([]string{green, yellow, softRed, red}, v.IsSet)
	if !v.IsSet(ceiling) {
		if mayBeAbsent && !four && !v.IsSet(one) {
			return
		}
		v.Errorf(ceiling, "is missing: the limit needs a ceiling, what the line carries on a good day")
	}
	switch floor, _ := v.Unbound(one).(bitrate.Rate); {
	case four:
		if v.IsSet(one) {
			v.Warnf(one, "has no effect beside the floors for each state")
		}
		for _, name := range []string{green, yellow, red} {
			if !v.IsSet(name) {
				v.Errorf(name, "is missing: floors for each state need floor_green_mbps, floor_yellow_mbps and floor_red_mbps; floor_mbps alone sets all")
			}
		}
		if !v.IsSet(softRed) {
			d.FloorSoftRed = d.FloorYellow
			if !v.Valid(yellow) {
				v.Invalidate(softRed)
			}
		}
	case v.IsSet(one):
		d.FloorGreen, d.FloorYellow, d.FloorSoftRed, d.FloorRed = floor, floor, floor, floor
		for _, name := range []string{green, yellow, softRed, red} {
			v.Alias(name, one)
		}
		if v.Valid(one, ceiling) && floor > d.Ceiling && v.IsSet(ceiling) {
			meant := ""
			if floor >= 20*d.Ceiling {
				meant = "; if it was meant in kbit/s, write " + mbps(floor/1000)
			}
			v.Errorf(one, "%s must be at most ceiling_mbps, which is %s%s", mbps(floor), mbps(d.Ceiling), meant)
		}
		return
	default:
		v.Errorf(one, "is missing: the limit needs a floor; write floor_mbps, or floor_green_mbps, floor_yellow_mbps, floor_soft_red_mbps and floor_red_mbps")
		return
	}
	v.Ascending(false,
		step(red, d.FloorRed),
		step(softRed, d.FloorSoftRed),
		step(yellow, d.FloorYellow),
		step(green, d.FloorGreen),
		step(ceiling, d.Ceiling))
}

// A time constant above longestLoad sees a queue too late.
const longestLoad = 2 * time.Second

func (v rules) finishThresholds(prefix string, w *WAN) {
	t := &w.Thresholds
	chain := func(name string, d time.Duration) schema.Limit {
		return schema.Limit{Name: prefix + name, Value: d.Seconds(), Text: millis(d) + " ms"}
	}
	v.Ascending(true, chain("target_bloat_ms", t.TargetBloat), chain("warn_bloat_ms", t.WarnBloat),
		chain("hard_red_bloat_ms", t.HardRedBloat))
	v.Ascending(true, chain("baseline_rtt_bounds.min", t.BaselineMin), chain("baseline_rtt_bounds.max", t.BaselineMax))

	load := v.loadConstant(prefix, &t.LoadTimeConstant)
	if v.Valid(load) && t.LoadTimeConstant > longestLoad {
		v.Warnf(load, "a time constant of %s sees a queue late; load_time_constant_sec: 0.25 suits most lines", t.LoadTimeConstant)
	}

	const initial = "continuous_monitoring.baseline_rtt_initial"
	lowest, highest := prefix+"baseline_rtt_bounds.min", prefix+"baseline_rtt_bounds.max"
	if !v.Valid(initial, lowest, highest) || !v.IsSet(initial) {
		return
	}
	if inside := min(max(w.BaselineInitial, t.BaselineMin), t.BaselineMax); inside != w.BaselineInitial {
		v.Warnf(initial, "%s ms is outside baseline_rtt_bounds, %s..%s ms; starting from %s ms",
			millis(w.BaselineInitial), millis(t.BaselineMin), millis(t.BaselineMax), millis(inside))
		w.BaselineInitial = inside
	}
}

// loadConstant reads alpha_load, the weight of one 50 ms sample, as a time
// constant unless that is set itself, and returns the name of the key that
// decided.
func (v rules) loadConstant(prefix string, d *time.Duration) (decided string) {
	alpha, constant := prefix+"alpha_load", prefix+"load_time_constant_sec"
	weight, ok := v.Unbound(alpha).(float64)
	switch {
	case !ok:
		return constant
	case v.IsSet(constant):
		v.Warnf(alpha, "has no effect beside load_time_constant_sec")
		return constant
	}
	// Held to the range of the constant. The logarithm of the exact formula
	// differs only where both are absurd.
	*d = time.Duration(float64(50*time.Millisecond) / weight)
	if inside := min(max(*d, 50*time.Millisecond), 10*time.Second); inside != *d {
		v.Warnf(alpha, "is a time constant of %s, read in steps of 50 ms; using %s", d.Round(time.Millisecond), inside)
		*d = inside
	}
	return alpha
}

func step(name string, r bitrate.Rate) schema.Limit {
	return schema.Limit{Name: name, Value: float64(r), Text: mbps(r)}
}

func mbps(r bitrate.Rate) string { return schema.Decimal(r.Mbps()) }

func millis(d time.Duration) string { return schema.Decimal(float64(d) / float64(time.Millisecond)) }
