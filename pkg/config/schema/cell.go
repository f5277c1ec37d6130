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

// Beats reports whether a value from s takes the place of one from other.
func (s Source) Beats(other Source) bool {
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

// Cell is one value as a source gave it, before it is understood.
type Cell struct {
	Origin Origin
	Items  []Cell   // of a list
	Fields *Mapping // of an entry of a RouterList; nil when it is a word
	Bad    bool     // reported already

	text string // with the environment filled in
	raw  string // as written: what messages may quote
}

// NewCell makes a value for key of a text that does not come from YAML. Entries
// of lists are separated by commas or spaces there.
func NewCell(k Key, text string, origin Origin) Cell {
	c := Cell{Origin: origin, text: text, raw: text}
	if k.isList() {
		for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			c.Items = append(c.Items, Cell{Origin: origin, text: item, raw: item})
		}
	}
	return c
}
