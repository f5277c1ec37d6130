package page

import "fmt"

// facts are the texts of a part of the page by the names of their fields, and
// the tones of those that are badges. assets/fields.js makes the same.
type facts struct {
	Prefix string // of the names in the page
	Text   map[string]string
	Tone   map[string]string
}

// cell is one field as page.html shows it: the script finds it by Name.
type cell struct {
	Name, Text, Tone string
	Label, Unit      string
	Optional         bool // not shown while Text is empty
}

// Field is the field key, with a label and a unit where its place needs them.
func (f facts) Field(key string, labelAndUnit ...string) (cell, error) {
	text, known := f.Text[key]
	if !known {
		return cell{}, fmt.Errorf("no field %q", key)
	}
	c := cell{Name: f.Prefix + key, Text: text, Tone: f.Tone[key]}
	if len(labelAndUnit) > 0 {
		c.Label = labelAndUnit[0]
	}
	if len(labelAndUnit) > 1 {
		c.Unit = labelAndUnit[1]
	}
	return c, nil
}

// Optional is Field for what is not shown while it is empty.
func (f facts) Optional(key, label string) (cell, error) {
	c, err := f.Field(key, label)
	c.Optional = true
	return c, err
}

// None reports whether the value is not known; its unit is not shown, then.
func (c cell) None() bool { return c.Text == none }
