package state

import (
	"encoding/json"
	"fmt"
	"time"
)

// The section of this program stands beside the fields of the earlier system as
// {"wanctl":{"version":1,"saved_at":...,"law":...}}.
const (
	sectionKey     = "wanctl"
	sectionVersion = 1
)

// binding connects a state to its file.
type binding struct {
	fields    []field // of the earlier system
	timestamp *time.Time
	law       *json.RawMessage
}

func (b binding) decode(doc object) []Invalid {
	invalid := decodeFields(doc, b.fields)
	section := doc.object(sectionKey)
	if !section.currentVersion() {
		return invalid
	}
	*b.timestamp = exactTime(*b.timestamp, parseTime(section["saved_at"]))
	*b.law = unlessNull(section["law"])
	return invalid
}

func (o object) currentVersion() bool {
	var version int
	return json.Unmarshal(o["version"], &version) == nil && version == sectionVersion
}

// encode writes the state over doc. Unknown fields stay, except in a section of
// another version, which is replaced as a whole.
func (b binding) encode(doc object) error {
	if b.timestamp.IsZero() {
		*b.timestamp = time.Now()
	}
	section := doc.object(sectionKey)
	if !section.currentVersion() {
		section = object{}
	}
	delete(section, "law")
	if len(*b.law) > 0 {
		section["law"] = *b.law
	}
	version, err := encode(sectionVersion)
	if err != nil {
		return err
	}
	section["version"] = version
	if err := section.set("saved_at", b.timestamp.UTC().Format(time.RFC3339Nano)); err != nil {
		return err
	}
	if err := doc.set(sectionKey, section); err != nil {
		return fmt.Errorf("encoding what the law keeps: %w", err)
	}
	return encodeFields(doc, b.fields)
}

// exactTime returns the time of the save that wrote the zone-less timestamp
// local. savedAt is exact but counts only if no other program has saved since:
// then the two differ by a change of the local zone and by nothing else.
func exactTime(local, savedAt time.Time) time.Time {
	if savedAt.IsZero() {
		return local
	}
	if local.IsZero() {
		return savedAt
	}
	shift := local.Sub(savedAt.Truncate(time.Microsecond))
	if shift%(15*time.Minute) == 0 && shift.Abs() <= 26*time.Hour {
		return savedAt
	}
	return local
}
