// Package export writes the RouterOS commands that prepare a router for wanctl: a
// user with the least policies, queues and the packet marks that fill them, and
// the rule for steering. It never talks to a router.
//
// A Plan describes the setup, Items are the rows that a router needs for it, and
// Script writes them as a file for /import. Values from the configuration are
// quoted, so that none of them can be read as a command.
package export

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Item is one row that the router needs.
type Item struct {
	Section Section
	Menu    string // "/queue tree"
	Key     string // the property by which the row is found
	Props   []Prop // in the order of the command; Key is among them
}

// Prop is one property of a row.
type Prop struct {
	Name  string
	Value string

	// Literal values are words of RouterOS, numbers, or flags without a value.
	// They are constants of this package and need no quotes.
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

// String returns the property as an argument of add.
func (p Prop) String() string {
	switch {
	case p.Literal && p.Value == "":
		return p.Name
	case p.Literal:
		return p.Name + "=" + p.Value
	}
	return p.Name + "=" + rosdata.QuoteRSC(p.Value)
}

// Add returns the command that adds the row.
func (i Item) Add() string {
	words := []string{i.Menu, "add"}
	for _, p := range i.Props {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// Find returns the command that finds the row.
func (i Item) Find() string {
	for _, p := range i.Props {
		if p.Name == i.Key {
			return i.Menu + " find " + p.String()
		}
	}
	return i.Menu + " find"
}

// Command returns the command that adds the row unless it exists.
func (i Item) Command() string {
	return ":if ([:len [" + i.Find() + "]] = 0) do={\n  " + i.Add() + "\n}"
}

// Properties returns the values of the row by name.
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
