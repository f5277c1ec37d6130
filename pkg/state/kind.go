package state

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/state/salvage"
)

// Kind is which of the two kinds of state a file holds.
type Kind uint8

// Kinds of state files.
const (
	OfNeither Kind = iota // nothing readable tells
	OfWAN
	OfSteering
)

func (k Kind) String() string {
	switch k {
	case OfWAN:
		return "wan"
	case OfSteering:
		return "steering"
	case OfNeither:
	}
	return "unknown"
}

// Recognise tells what kind of state file is at path: by what is readable in
// it, however damaged it is, or in its backup; by its name at last, which is
// X_state.json for a WAN.
func Recognise(path string) Kind {
	for _, p := range []string{path, path + ".backup"} {
		text, _ := readText(p)
		shape := &salvage.Shape{}
		for _, key := range append(kindKeys(OfWAN), kindKeys(OfSteering)...) {
			shape.Member(key)
		}
		if k := kindOf(slices.Collect(maps.Keys(salvage.Read(text, shape).Members))); k != OfNeither {
			return k
		}
	}
	name := filepath.Base(path)
	for _, suffix := range []string{".backup", ".corrupt"} {
		name, _, _ = strings.Cut(name, suffix)
	}
	switch {
	case !strings.HasSuffix(name, "_state.json"):
		return OfNeither
	case strings.Contains(name, "steering"):
		return OfSteering
	}
	return OfWAN
}

// kindOf tells by its keys what kind of state an object is.
func kindOf(keys []string) Kind {
	count := map[Kind]int{}
	for _, k := range []Kind{OfWAN, OfSteering} {
		for _, key := range kindKeys(k) {
			if slices.Contains(keys, key) {
				count[k]++
			}
		}
	}
	switch {
	case count[OfWAN] > count[OfSteering]:
		return OfWAN
	case count[OfSteering] > count[OfWAN]:
		return OfSteering
	}
	return OfNeither
}

// kindKeys are the keys that only states of kind k have.
func kindKeys(k Kind) []string {
	switch k {
	case OfWAN:
		return []string{"download", "upload", "ewma", "last_applied"}
	case OfSteering:
		return []string{"current_state", "bad_count", "good_count", "red_count", "history_rtt", "history_delta", "transitions",
			"last_transition_time", "rtt_delta_ewma", "queue_ewma", "cake_drops_history", "queue_depth_history", "congestion_state", "cake_read_failures"}
	case OfNeither:
	}
	return nil
}

// other is whose state it is that does not belong to k, for people.
func (k Kind) other() string {
	if k == OfWAN {
		return "steering"
	}
	return "a WAN"
}

// foreign reports whether an object with these members is the state of the other
// kind.
func foreign[V any](k Kind, members map[string]V) bool {
	is := kindOf(slices.Collect(maps.Keys(members)))
	return is != OfNeither && is != k
}
