package state

import (
	"encoding/json"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// WAN is what the autorate loop of one WAN remembers.
type WAN struct {
	Download Direction
	Upload   Direction

	// BaselineRTT is the round-trip time of the idle link, LoadRTT the
	// smoothed one of now. 0: not known. Steering reads the baseline.
	BaselineRTT time.Duration
	LoadRTT     time.Duration

	Timestamp time.Time // of this state; zero: written as the time of saving

	// Law is the control law's own snapshot, opaque here. It must not be
	// changed after Save or Submit.
	Law json.RawMessage
}

// Direction is the half of a WAN that goes one way.
type Direction struct {
	GreenStreak   int
	SoftRedStreak int
	RedStreak     int
	CurrentRate   bitrate.Rate // limit the loop decided; 0: not known
	Applied       bitrate.Rate // limit the router confirmed; 0: not known
}

// worthSaving reports whether w differs from the saved state in more than
// what flows all the time.
func (w WAN) worthSaving(saved WAN) bool {
	return w.Download.changed(saved.Download) || w.Upload.changed(saved.Upload)
}

func (d Direction) changed(from Direction) bool {
	return d.CurrentRate != from.CurrentRate || d.Applied != from.Applied
}

// OpenWAN is the state file of one WAN at path.
func OpenWAN(path string) *File[WAN] {
	return &File[WAN]{path: path, kind: OfWAN, decode: decodeWAN, encode: encodeWAN}
}

// ownVersion is the version of the part under "wanctl". A part of another
// version is neither used nor kept.
const ownVersion = 1

func decodeWAN(f fields) WAN {
	applied, ewma := f.sub("last_applied"), f.sub("ewma")
	w := WAN{
		Download:    decodeDirection(f.sub("download"), applied.rate("dl_rate")),
		Upload:      decodeDirection(f.sub("upload"), applied.rate("ul_rate")),
		BaselineRTT: ewma.delay("baseline_rtt", 0),
		LoadRTT:     ewma.delay("load_rtt", 0),
		Timestamp:   f.time("timestamp"),
	}
	own := decodeOwn(f)
	w.Law = own.law
	w.Timestamp = own.exact(w.Timestamp)
	return w
}

func decodeDirection(f fields, applied bitrate.Rate) Direction {
	return Direction{
		GreenStreak:   f.count("green_streak"),
		SoftRedStreak: f.count("soft_red_streak"),
		RedStreak:     f.count("red_streak"),
		CurrentRate:   f.rate("current_rate"),
		Applied:       applied,
	}
}

func encodeWAN(doc object, w WAN) error {
	if w.Timestamp.IsZero() {
		w.Timestamp = time.Now()
	}
	e := encoder{}
	e.direction(doc, "download", w.Download)
	e.direction(doc, "upload", w.Upload)

	ewma := doc.sub("ewma")
	e.do(ewma.putRTT("baseline_rtt", w.BaselineRTT))
	e.do(ewma.putRTT("load_rtt", w.LoadRTT))
	e.do(doc.put("ewma", ewma))

	applied := doc.sub("last_applied")
	e.do(applied.putRate("dl_rate", w.Download.Applied))
	e.do(applied.putRate("ul_rate", w.Upload.Applied))
	e.do(doc.put("last_applied", applied))

	e.do(doc.put("timestamp", w.Timestamp.Local().Format(compatTime)))
	e.own(doc, w.Timestamp, w.Law)
	return e.err
}

// encoder remembers the first error of a series of puts.
type encoder struct{ err error }

func (e *encoder) do(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) direction(doc object, key string, d Direction) {
	o := doc.sub(key)
	e.do(o.put("green_streak", d.GreenStreak))
	e.do(o.put("soft_red_streak", d.SoftRedStreak))
	e.do(o.put("red_streak", d.RedStreak))
	e.do(o.putRate("current_rate", d.CurrentRate))
	e.do(doc.put(key, o))
}
