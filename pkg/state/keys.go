package state

// Key is a key of a state file, for a description of its format.
type Key struct {
	Name string // dotted, such as "ewma.baseline_rtt"
	Type string // in JSON; "[]" and the type of the items for a list, "[]" alone where they may be anything
}

// Keys lists the keys of a kind of file, those of this program first. Any of the others
// may be absent: they are from the earlier system, as are times without a zone, which are
// local, and either program leaves out keys unknown to it.
func Keys(k Kind) []Key {
	keys := []Key{{sectionKey + ".version", "integer"}, {sectionKey + ".saved_at", "string"}, {sectionKey + ".law", "object"}}
	bound := (&WAN{}).bind()
	if k == KindSteering {
		bound = (&Steering{}).bind()
	}
	for _, f := range bound.fields {
		keys = append(keys, Key{f.key, f.json})
	}
	return keys
}
