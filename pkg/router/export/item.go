// Package export writes the RouterOS commands that prepare a router for wanctl: a
// user with the least policies, queues in one of three styles, the routes of
// probes, and the rule for steering. It writes the commands that remove them
// again, and compares a router with them. It never connects to a router.
//
// A Plan describes the setup, Items are the rows that a router needs for it, Script
// and RemoveScript write files for /import, and Diff compares. Values from the
// configuration are quoted, so that none of them can be read as a command.
package export

import (
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Item is one row that the router needs.
type Item struct {
	Section Section
	Menu    string // "/queue tree"
	Key     string // the property by which the row is found
	Props   []Prop // in the order of the command; Key is among them

	// Marker lists the properties that together with Key show that the row was
	// added by Add.
	Marker []string
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
	Interfaces Section = "interfaces" // of findings alone: export adds none
	Users      Section = "user"
	QueueTypes Section = "queue types"
	Queues     Section = "queues"
	MarkRules  Section = "packet marks"
	ProbeWay   Section = "way of the probes"
	Steer      Section = "steering"
)

func named(name, value string) Prop { return Prop{Name: name, Value: value} }
func fixed(name, value string) Prop { return Prop{Name: name, Value: value, Literal: true} }

// isFlag reports whether the property is set by its name alone.
func (p Prop) isFlag() bool { return p.Literal && p.Value == "" }

// String returns the property as an argument of add.
func (p Prop) String() string {
	switch {
	case p.isFlag():
		return p.Name
	case p.Literal:
		return p.Name + "=" + p.Value
	}
	return p.Name + "=" + rosdata.QuoteRSC(p.Value)
}

// prop returns the property of that name.
func (i Item) prop(name string) (Prop, bool) {
	for _, p := range i.Props {
		if p.Name == name {
			return p, true
		}
	}
	return Prop{}, false
}

// Path returns the menu as "/queue/tree".
func (i Item) Path() string { return "/" + strings.ReplaceAll(i.Menu[1:], " ", "/") }

// Add returns the command that adds the row.
func (i Item) Add() string {
	words := []string{i.Menu, "add"}
	for _, p := range i.Props {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// Find returns the command that finds the row.
func (i Item) Find() string { return i.Menu + " find" + i.conditions(i.Key) }

func (i Item) conditions(names ...string) string {
	var all []string
	for _, name := range names {
		if p, ok := i.prop(name); ok {
			all = append(all, p.String())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " " + strings.Join(all, " and ")
}

// Command returns the command that adds the row unless it exists.
func (i Item) Command() string {
	return ":if ([:len [" + i.Find() + "]] = 0) do={\n  " + i.Add() + "\n}"
}

// Remove returns the command that removes the row if Add added it.
func (i Item) Remove() string {
	return i.Menu + " remove [find where" + i.conditions(append([]string{i.Key}, i.Marker...)...) + "]"
}

// Identity returns the values by which Remove finds the row.
func (i Item) Identity() map[string]string {
	props := i.Properties()
	for name := range props {
		if name != i.Key && !slices.Contains(i.Marker, name) {
			delete(props, name)
		}
	}
	return props
}

// Properties returns the values of the row by name.
func (i Item) Properties() map[string]string {
	props := make(map[string]string, len(i.Props))
	for _, p := range i.Props {
		props[p.Name] = p.Value
		if p.isFlag() {
			props[p.Name] = "yes"
		}
	}
	return props
}
