package state

import (
	"encoding/json"
	"time"
)

// own is what this program keeps beside the fields of the earlier system, as
// {"wanctl":{"version":1,"saved_at":...,"law":...}}.
type own struct {
	savedAt time.Time
	law     json.RawMessage
}

func decodeOwn(f fields) own {
	part := f.sub("wanctl")
	if part.count("version") != ownVersion {
		return own{}
	}
	o := own{savedAt: part.time("saved_at")}
	part.shape.Member("law")
	if part.has("law") {
		// The laws of this program write plain JSON.
		if !json.Valid(part.obj["law"]) {
			part.fail("law", "holds a number that is not finite")
			return o
		}
		o.law = part.obj["law"]
	}
	return o
}

// exact returns the time of the save that wrote the zone-less timestamp local.
// saved_at is exact, but counts only if no other program has saved since: then
// the two differ by the change of the local zone and by nothing else.
func (o own) exact(local time.Time) time.Time {
	if o.savedAt.IsZero() {
		return local
	}
	if local.IsZero() {
		return o.savedAt
	}
	shift := local.Sub(o.savedAt.Truncate(time.Microsecond))
	if shift%(15*time.Minute) == 0 && shift.Abs() <= 26*time.Hour {
		return o.savedAt
	}
	return local
}

// own puts the part of this program into doc. Unknown fields of a part of our
// version stay; a part of another version is replaced as a whole.
func (e *encoder) own(doc object, savedAt time.Time, law json.RawMessage) {
	part := doc.sub("wanctl")
	var version int
	if json.Unmarshal(part["version"], &version) != nil || version != ownVersion {
		part = object{}
	}
	e.do(part.put("version", ownVersion))
	e.do(part.put("saved_at", savedAt.UTC().Format(time.RFC3339Nano)))
	if len(law) > 0 {
		e.do(part.put("law", law))
	} else {
		delete(part, "law")
	}
	e.do(doc.put("wanctl", part))
}
