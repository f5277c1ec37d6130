package routeros

import (
	"errors"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// valueType is the type of a field: a value.Type, of which some must also exist in
// another menu.
type valueType struct {
	value.Type
	exists func(m *Router, name string) bool // nil: anything
}

// The types, short for the menus.
var (
	text     = valueType{Type: value.Text}
	name     = valueType{Type: value.Name}
	boolean  = valueType{Type: value.Bool}
	rate     = valueType{Type: value.Rate}
	decimal  = valueType{Type: value.Decimal}
	interval = valueType{Type: value.Interval}
	number   = valueType{Type: value.Number}
	presence = valueType{Type: value.Presence}
	parent   = valueType{Type: value.Text, exists: (*Router).isParent}
)

func integer(lo, hi int64) valueType  { return valueType{Type: value.Int(lo, hi)} }
func size(unit int64) valueType       { return valueType{Type: value.Size(unit)} }
func enum(values ...string) valueType { return valueType{Type: value.Enum(values...)} }
func list(values ...string) valueType { return valueType{Type: value.List(values...)} }

// reference names a row of another menu.
func reference(path string) valueType {
	return valueType{Type: value.Text, exists: func(m *Router, name string) bool { return m.byName(path, name) != nil }}
}

// pair is a two-way value of a simple queue, "up/down"; one value means both.
func pair(of valueType) valueType {
	t := valueType{Type: value.Pair(of.Type)}
	if of.exists != nil {
		t.exists = func(m *Router, in string) bool {
			up, down := value.CutPair(in)
			return of.exists(m, up) && of.exists(m, down)
		}
	}
	return t
}

// parse returns a value, as it was typed for an argument, in the API representation.
func (t valueType) parse(m *Router, arg, in string) (string, *Error) {
	if t.exists != nil && !t.exists(m, in) {
		return "", errNoMatch(arg)
	}
	v, err := t.Parse(in)
	var outside *value.RangeError
	switch {
	case err == nil:
		return v, nil
	case errors.As(err, &outside):
		return "", errRange(arg, outside.Min, outside.Max)
	case errors.Is(err, value.ErrNoMatch):
		return "", errNoMatch(arg)
	}
	return "", errValue(arg)
}
