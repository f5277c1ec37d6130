package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Source is where a value came from.
type Source string

// Sources, weakest first.
const (
	FromDefault     Source = "default"
	FromFile        Source = "file"
	FromEnvironment Source = "environment"
	FromFlag        Source = "flag"
)

// overrides reports whether a value from s replaces one from other.
func (s Source) overrides(other Source) bool {
	order := []Source{FromDefault, FromFile, FromEnvironment, FromFlag}
	return slices.Index(order, s) > slices.Index(order, other)
}

// Origin says where the value of a key came from.
type Origin struct {
	Source Source
	Line   int    // FromFile
	Name   string // FromEnvironment: the variable
	File   string // FromFile: another than the one that was read
}

func (o Origin) String() string {
	switch {
	case o.Source == FromFile && o.File != "":
		return "file " + o.File
	case o.Source == FromFile && o.Line > 0:
		return fmt.Sprintf("line %d", o.Line)
	case o.Source == FromEnvironment:
		return "environment " + o.Name
	}
	return string(o.Source)
}

// Origins holds the Origin of keys by dotted name. A key without one has its
// default.
type Origins map[string]Origin

// RawValue is one value as its source gave it, not parsed yet.
type RawValue struct {
	Origin Origin
	Items  []RawValue // of a list
	Fields *Mapping   // of an entry of a RouterList that is a mapping
	Bad    bool       // an error was reported already

	text string // with the environment filled in
	raw  string // as written: what messages may quote
}

// NewRawValue returns a value for key that does not come from YAML. Entries of a list
// are separated by commas or spaces in text.
func NewRawValue(k Key, text string, origin Origin) RawValue {
	v := RawValue{Origin: origin, text: text, raw: text}
	if k.Kind.isList() {
		for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			v.Items = append(v.Items, RawValue{Origin: origin, text: item, raw: item})
		}
	}
	return v
}
