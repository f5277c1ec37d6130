package rsc

import (
	"slices"
	"strconv"
	"strings"
)

// maxText bounds the text of one value, in bytes.
const maxText = 1 << 20

// Kind is the type of a Value, as :typeof names it.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota // no value was given
	Nil                 // an unset property
	Bool
	Num
	Str
	Time
	ID
	List // "array"
)

func (k Kind) String() string {
	return []string{"nothing", "nil", "bool", "num", "str", "time", "id", "array"}[k]
}

// Value is a value of the script language. Values are immutable. The zero
// Value is nothing.
type Value struct {
	Kind  Kind
	text  string // of everything but lists, as :put prints it
	items []Item
}

// Item is one element of a list.
type Item struct {
	Key   string // "" without one
	Value Value
}

// Scalar returns a value that :put prints as text.
func Scalar(k Kind, text string) Value { return Value{Kind: k, text: text} }

// ListOf returns an array. Elements without a key come first, the others are
// sorted by key, as RouterOS prints them.
func ListOf(items ...Item) Value {
	slices.SortStableFunc(items, func(a, b Item) int { return strings.Compare(a.Key, b.Key) })
	return Value{Kind: List, items: items}
}

// literal gives a bare word the type of its form.
func literal(s string) Value {
	_, err := strconv.ParseInt(s, 10, 64)
	hex, isID := strings.CutPrefix(s, "*")
	switch {
	case s == "true" || s == "false":
		return Scalar(Bool, s)
	case err == nil:
		return Scalar(Num, s)
	case isID && hex != "" && strings.Trim(hex, "0123456789abcdefABCDEF") == "":
		return Scalar(ID, s)
	}
	return Scalar(Str, s)
}

// Text returns v as :put prints it.
func (v Value) Text() string {
	if v.Kind != List {
		return v.text
	}
	return v.join(";", true)
}

// Argument returns v as the value of an argument: a list is joined with commas.
func (v Value) Argument() string {
	if v.Kind != List {
		return v.text
	}
	return v.join(",", false)
}

// join writes the elements of a list, cut at maxText.
func (v Value) join(separator string, keys bool) string {
	var b strings.Builder
	for i, it := range v.items {
		if b.Len() > maxText {
			break
		}
		if i > 0 {
			b.WriteString(separator)
		}
		if keys && it.Key != "" {
			b.WriteString(it.Key + "=")
		}
		b.WriteString(it.Value.Text())
	}
	return b.String()
}

// bool converts as conditions do.
func (v Value) bool() (value, ok bool) {
	switch v.text {
	case "true", "yes":
		return true, v.Kind == Bool || v.Kind == Str
	case "false", "no":
		return false, v.Kind == Bool || v.Kind == Str
	}
	return false, false
}

// element returns ($v->key), nothing when v has no such element.
func (v Value) element(key Value) Value {
	if i, err := strconv.Atoi(key.text); err == nil && key.Kind == Num && i >= 0 && i < len(v.items) {
		return v.items[i].Value
	}
	for _, it := range v.items {
		if it.Key != "" && it.Key == key.Text() {
			return it.Value
		}
	}
	return Value{}
}

// equal compares across types: equal texts are equal, and yes is true.
func equal(a, b Value) bool {
	x, ok1 := a.bool()
	y, ok2 := b.bool()
	if ok1 && ok2 && (a.Kind == Bool || b.Kind == Bool) {
		return x == y
	}
	return a.Text() == b.Text()
}
