// Package schema reads and writes YAML files whose keys are declared by the tags
// of Go structs. No key is named in it; it opens no file and prints nothing.
//
// Fields lists the keys of a struct. Reader splits a document strictly, with line
// numbers, into raw values by dotted name; Bind parses those and stores them in the
// struct; the Values it returns help rules that compare several keys. Settings and
// Marshal write a struct back, and JSONSchema describes its keys to editors.
//
// A key is declared once, at the field that holds its value:
//
//	Ceiling bitrate.Rate `key:"ceiling_mbps" kind:"mbps" range:"0.1..100000" required:"true" doc:"One sentence."`
//
// The tags are key (the name, which may have dots), kind (see Kind; the name of the
// field's type where that is a kind), range, usual (the part of it outside which a
// value draws a warning), values (of an enum), required, default (as written in a
// file), derived (how the default comes about when it is not a fixed value), doc, alias
// (the key that this is another name of) and deprecated (why a key of older files has
// no effect). A blank field declares a key that has no field of its own.
//
// A field of a struct type without a kind is a section. Its tag defaults replaces
// defaults of the keys in it ("port=9102 enabled=true"), and {} in their doc stands
// for its own doc.
package schema

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Key documents one key of a file.
type Key struct {
	Name     string     // dotted
	Kind     Kind       // how its value is written
	Min, Max float64    // of the number, or of the length of a list; both 0: any
	Usual    [2]float64 // lowest and highest value without a warning; both 0: any
	Values   []string
	Required bool
	Section  bool   // Required in its section alone, which may be absent; rules say where
	Default  string // as written in a file; "" when there is none
	Derived  string // how the default comes about when it is not a fixed value
	Doc      string // one sentence
	Alias    string // the key that this is another name of

	// Deprecated says why a key of older files has no effect; "" when it has. Its
	// value is still checked, because a mistake in it may concern its neighbours too.
	Deprecated string
}

// Field is a key and the field that holds its value.
type Field struct {
	Key
	index []int        // nil for a key without a field
	entry reflect.Type // of the entries of a RouterList
}

// Fields lists the keys that a struct type declares, in the order of its fields. It
// panics when a tag is malformed.
func Fields[T any]() []Field { return walk(reflect.TypeFor[T](), section{}) }

// EntryFields is Fields for an entry of a RouterList, which holds no such list itself.
func EntryFields[T any]() []Field { return entryFields(reflect.TypeFor[T]()) }

func entryFields(t reflect.Type) []Field {
	return slices.DeleteFunc(walk(t, section{}), func(f Field) bool { return f.Kind == RouterList })
}

// section is what the keys of a struct inherit from the field that holds it.
type section struct {
	prefix string
	index  []int
	doc    string
}

func walk(t reflect.Type, in section) []Field {
	var all []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, tagged := f.Tag.Lookup("key")
		if !tagged && !f.Anonymous {
			continue
		}
		index := append(slices.Clone(in.index), i)
		kind, isLeaf := f.Tag.Lookup("kind")
		if isLeaf || f.Type.Kind() != reflect.Struct {
			leaf := Field{Key: newKey(f.Tag, in.prefix+name, Kind(cmp.Or(kind, f.Type.String())))}
			leaf.Doc = strings.ReplaceAll(leaf.Doc, "{}", in.doc)
			if f.Name != "_" {
				leaf.index = index
			}
			if leaf.Kind == RouterList {
				leaf.entry = f.Type.Elem()
			}
			all = append(all, leaf)
			continue
		}
		prefix := in.prefix
		if name != "" {
			prefix += name + "."
		}
		inner := walk(f.Type, section{prefix, index, f.Tag.Get("doc")})
		for override := range strings.FieldsSeq(f.Tag.Get("defaults")) {
			name, value, _ := strings.Cut(override, "=")
			inner[slices.IndexFunc(inner, func(f Field) bool { return f.Name == prefix+name })].Default = value
		}
		all = append(all, inner...)
	}
	return all
}

// notInForce takes the place of a default in the documentation of a deprecated key.
const notInForce = "without effect"

func newKey(tag reflect.StructTag, name string, kind Kind) Key {
	k := Key{Name: name, Kind: kind, Required: tag.Get("required") != "", Section: tag.Get("required") == "section", Default: tag.Get("default"),
		Derived: tag.Get("derived"), Doc: tag.Get("doc"), Alias: tag.Get("alias"), Deprecated: tag.Get("deprecated")}
	if kind.String() == "" {
		panic(fmt.Sprintf("schema: %s has the unknown kind %q", name, kind))
	}
	if values, ok := tag.Lookup("values"); ok {
		k.Values = strings.Split(values, ",")
	}
	k.Min, k.Max = limitsIn(tag, "range", name)
	k.Usual[0], k.Usual[1] = limitsIn(tag, "usual", name)
	switch {
	case k.Alias != "":
		k.Derived, k.Doc = k.Alias, "Another name of "+k.Alias+"."
	case k.Deprecated != "":
		k.Derived, k.Doc = notInForce, "Has no effect any more: "+k.Deprecated+"."
	}
	return k
}

// limitsIn reads a tag LOW..HIGH of the key name; both are 0 without one.
func limitsIn(tag reflect.StructTag, of, name string) (low, high float64) {
	limits, ok := tag.Lookup(of)
	if !ok {
		return 0, 0
	}
	first, second, _ := strings.Cut(limits, "..")
	low, errLow := strconv.ParseFloat(first, 64)
	high, errHigh := strconv.ParseFloat(second, 64)
	if errLow != nil || errHigh != nil {
		panic(fmt.Sprintf("schema: %s has the malformed %s %q", name, of, limits))
	}
	return low, high
}

// Keys lists the keys of fields except those of kind Any, which only older files have.
func Keys(fields []Field) []Key {
	var keys []Key
	for _, f := range fields {
		if f.Kind != Any {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// Range describes the permitted values, "" when any is.
func (k Key) Range() string {
	switch {
	case k.Kind == Enum || k.Kind == EnumList:
		return strings.Join(k.Values, ", ")
	case k.Min == 0 && k.Max == 0:
		return ""
	}
	return Decimal(k.Min) + ".." + Decimal(k.Max) + k.Kind.spec().unit
}

// Env is the environment variable that overrides the key: WANCTL_ and the name
// in upper case with _ for the dots.
func (k Key) Env() string {
	return "WANCTL_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Short is the last part of the dotted name.
func (k Key) Short() string { return last(k.Name) }

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// parent is the section of a dotted name, "" at the top.
func parent(name string) string { return name[:max(0, strings.LastIndexByte(name, '.'))] }

// Decimal writes f with as few digits as read back to it.
func Decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
