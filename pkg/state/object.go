package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/state/salvage"
)

// object is a JSON object whose values stay as they were written until
// somebody asks for them, so that fields of other programs survive. They may
// be what the earlier system writes and JSON does not have: NaN, Infinity.
type object map[string]json.RawMessage

// parseObject reads one JSON object and nothing else. Errors are ErrDamaged.
func parseObject(data []byte) (object, error) {
	doc, _, err := splitObject(data)
	return doc, err
}

// splitObject is parseObject that also names the keys that stand there twice.
func splitObject(data []byte) (doc object, twice []string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil, damagef("the file is empty")
	}
	if doc, twice, err = salvage.Object(data); err != nil {
		return nil, nil, damagef("no JSON object (%v)", err)
	}
	return doc, twice, nil
}

// marshal writes the object compactly, in the order of its keys.
func (o object) marshal() ([]byte, error) {
	text := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := encode(key)
		if err != nil {
			return nil, err
		}
		text = append(append(text, name...), ':')
		text = salvage.AppendCompact(text, o[key])
	}
	return append(text, '}'), nil
}

// encode is json.Marshal that writes <, > and & as they are.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// put sets key to v.
func (o object) put(key string, v any) error {
	var data []byte
	var err error
	if child, ok := v.(object); ok {
		data, err = child.marshal()
	} else {
		data, err = encode(v)
	}
	if err != nil {
		return fmt.Errorf("encoding %q: %w", key, err)
	}
	o[key] = data
	return nil
}

// sub is a copy of the object at key to be changed and put back; an empty one
// when there is none.
func (o object) sub(key string) object {
	child, err := parseObject(o[key])
	if err != nil {
		return object{}
	}
	return child
}

func (o object) clone() object { return maps.Clone(o) }

// at is the value at path, nil when there is none.
func (o object) at(path []string) json.RawMessage {
	for ; len(path) > 1 && o != nil; path = path[1:] {
		o = o.sub(path[0])
	}
	return o[path[0]]
}

// set makes text the value at path, and removes the value when text is nil.
// Objects on the way are made where they are missing, but not to remove
// something from them.
func (o object) set(path []string, text json.RawMessage) error {
	key := path[0]
	switch {
	case len(path) > 1:
		if _, ok := o[key]; !ok && text == nil {
			return nil
		}
		child := o.sub(key)
		if err := child.set(path[1:], text); err != nil {
			return err
		}
		return o.put(key, child)
	case text == nil:
		delete(o, key)
	default:
		o[key] = text
	}
	return nil
}

// putRate writes a rate in bit/s. A rate that is not known is left out, since
// readers have defaults for absent rates but not for null or 0.
func (o object) putRate(key string, r bitrate.Rate) error {
	if r <= 0 {
		delete(o, key)
		return nil
	}
	return o.put(key, int64(r))
}

// putRTT writes a round-trip time in milliseconds, or leaves it out like
// putRate when it is not known.
func (o object) putRTT(key string, d time.Duration) error {
	if d <= 0 {
		delete(o, key)
		return nil
	}
	return o.put(key, millis(d))
}

// putText writes a text, or leaves it out when it is empty.
func (o object) putText(key, s string) error {
	if s == "" {
		delete(o, key)
		return nil
	}
	return o.put(key, s)
}

// putRaw writes a list of values that are JSON already, or nearly so.
func (o object) putRaw(key string, list []json.RawMessage) {
	o[key] = append(append(json.RawMessage{'['}, bytes.Join(texts(list), []byte{','})...), ']')
}

func texts(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func fromMillis(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}
