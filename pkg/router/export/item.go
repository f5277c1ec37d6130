// Package export writes the RouterOS commands that set a router up for wanctl:
// a user that may do no more than it needs, queues and the marks that fill
// them, and the rule that steers.
//
// A Plan says what is wanted, Items are the rows that a router must have for
// it, and Script puts them into a file for /import. Everything that came from
// outside is quoted, so that no name can be more than a name.
package export

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Item is one row that the router must have.
type Item struct {
	Section Section
	Menu    string // "/queue tree"
	Key     string // the property that tells whether the row is there
	Props   []Prop // in the order of the command; Key is among them
}

// Prop is one property of a row.
type Prop struct {
	Name  string
	Value string

	// Literal values are words of RouterOS, numbers, or flags without a value:
	// they came from here and need no quotes.
	Literal bool
}

// Section groups items.
type Section string

// The sections, in the order of a script.
const (
	Users      Section = "user"
	QueueTypes Section = "queue types"
	Queues     Section = "queues"
	Marks      Section = "packet marks"
	Steer      Section = "steering"
)

func named(name, value string) Prop { return Prop{Name: name, Value: value} }
func fixed(name, value string) Prop { return Prop{Name: name, Value: value, Literal: true} }

// String is the property as an argument of add.
func (p Prop) String() string {
	switch {
	case p.Literal && p.Value == "":
		return p.Name
	case p.Literal:
		return p.Name + "=" + p.Value
	}
	return p.Name + "=" + rosdata.QuoteRSC(p.Value)
}

// Add is the command that adds the row.
func (i Item) Add() string {
	words := []string{i.Menu, "add"}
	for _, p := range i.Props {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// Find is the command that finds the row.
func (i Item) Find() string {
	for _, p := range i.Props {
		if p.Name == i.Key {
			return i.Menu + " find " + p.String()
		}
	}
	return i.Menu + " find"
}

// Command adds the row where it is missing, and leaves one that is there alone.
func (i Item) Command() string {
	return ":if ([:len [" + i.Find() + "]] = 0) do={\n  " + i.Add() + "\n}"
}

// Properties are the values of the row by name.
func (i Item) Properties() map[string]string {
	props := make(map[string]string, len(i.Props))
	for _, p := range i.Props {
		props[p.Name] = p.Value
		if p.Literal && p.Value == "" {
			props[p.Name] = "yes"
		}
	}
	return props
}
