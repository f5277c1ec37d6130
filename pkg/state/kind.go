package state

import (
	"bytes"
	"path/filepath"
	"strings"
)

// Kind is which of the two kinds of state a file holds.
type Kind uint8

// Kinds of state files.
const (
	KindUnknown Kind = iota
	KindWAN
	KindSteering
)

func (k Kind) String() string {
	switch k {
	case KindWAN:
		return "wan"
	case KindSteering:
		return "steering"
	case KindUnknown:
	}
	return "unknown"
}

// DetectKind returns the kind of the state file at path: by the keys in it,
// however damaged it is, by those in its backup, or by its name, which is
// X_state.json for a WAN.
func DetectKind(path string) Kind {
	for _, p := range []string{path, path + ".backup"} {
		text, _ := readText(p)
		k := kindOf(func(key string) bool { return bytes.Contains(text, []byte(`"`+key+`"`)) })
		if k != KindUnknown {
			return k
		}
	}
	name := filepath.Base(path)
	for _, suffix := range []string{".backup", ".corrupt"} {
		name, _, _ = strings.Cut(name, suffix)
	}
	switch {
	case !strings.HasSuffix(name, "_state.json"):
		return KindUnknown
	case strings.Contains(name, "steering"):
		return KindSteering
	}
	return KindWAN
}

// kind returns the kind of state of which o has more keys.
func (o object) kind() Kind {
	return kindOf(func(key string) bool { _, ok := o[key]; return ok })
}

func kindOf(has func(key string) bool) Kind {
	count := func(keys ...string) (n int) {
		for _, key := range keys {
			if has(key) {
				n++
			}
		}
		return n
	}
	wan := count("download", "upload", "ewma", "last_applied")
	steering := count("current_state", "bad_count", "good_count", "red_count", "history_rtt", "history_delta", "transitions",
		"last_transition_time", "rtt_delta_ewma", "queue_ewma", "cake_drops_history", "queue_depth_history", "congestion_state", "cake_read_failures")
	switch {
	case wan > steering:
		return KindWAN
	case steering > wan:
		return KindSteering
	}
	return KindUnknown
}

// excludes reports whether doc is a state of the other kind.
func (k Kind) excludes(doc object) bool {
	is := doc.kind()
	return is != KindUnknown && is != k
}
