package main

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/state"
)

// documents makes a JSON schema of types, as encoding/json writes their values. Exported
// struct types have a definition of their own, since several documents have them.
type documents struct {
	defs  schema.Entry
	types map[string]reflect.Type // behind defs
}

// writeDocuments writes one schema with a definition for each document.
func writeDocuments(file string) error {
	d := documents{types: map[string]reflect.Type{}}
	named := schema.Entry{}
	for _, doc := range cli.Documents() {
		value := d.value(doc.Type)
		if i := len(named) - 1; i >= 0 && named[i].Key == doc.Name { // a command with several
			before := named[i].Value.(schema.Entry)
			any := before[1].Value.([]schema.Entry)
			before[1].Value = append(any, value)
			continue
		}
		named = append(named, schema.Setting{Key: doc.Name, Value: schema.Entry{
			{Key: "description", Value: doc.Doc}, {Key: "anyOf", Value: []schema.Entry{value}},
		}})
	}
	for name, kind := range map[string]state.Kind{"state-wan": state.KindWAN, "state-steering": state.KindSteering} {
		file := stateFile(state.Keys(kind), "")
		named = append(named, schema.Setting{Key: name, Value: append(schema.Entry{{Key: "description", Value: "The state file of a loop or of steering."}}, file...)})
	}
	slices.SortStableFunc(named, func(a, b schema.Setting) int { return strings.Compare(a.Key, b.Key) })
	text, err := json.MarshalIndent(schema.Entry{
		{Key: "$schema", Value: "https://json-schema.org/draft/2020-12/schema"},
		{Key: "title", Value: "JSON documents of wanctl; the definitions are named as the commands"},
		{Key: "$defs", Value: append(named, d.defs...)},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// stateFile describes the mapping of which keys, named with prefix, are the keys.
func stateFile(keys []state.Key, prefix string) schema.Entry {
	properties, done := schema.Entry{}, map[string]bool{}
	for _, k := range keys {
		rest, within := strings.CutPrefix(k.Name, prefix)
		name, _, nested := strings.Cut(rest, ".")
		if !within || done[name] {
			continue
		}
		done[name] = true
		value := schema.Entry{{Key: "type", Value: []string{k.Type, "null"}}}
		if items, list := strings.CutPrefix(k.Type, "[]"); list {
			value = typed("array")
			if items != "" {
				value = append(value, schema.Setting{Key: "items", Value: typed(items)})
			}
		}
		if nested {
			value = stateFile(keys, prefix+name+".")
		}
		properties = append(properties, schema.Setting{Key: name, Value: value})
	}
	return append(typed("object"), schema.Setting{Key: "properties", Value: properties})
}

func typed(name string) schema.Entry { return schema.Entry{{Key: "type", Value: name}} }

// value describes values of type t.
func (d *documents) value(t reflect.Type) schema.Entry {
	switch {
	case t.Kind() == reflect.Pointer:
		return schema.Entry{{Key: "anyOf", Value: []schema.Entry{d.value(t.Elem()), typed("null")}}}
	case t == reflect.TypeFor[time.Time]():
		return append(typed("string"), schema.Setting{Key: "format", Value: "date-time"})
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return schema.Entry{} // anything
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return typed("string")
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return typed("object") // with keys that are not known here
	}
	switch t.Kind() {
	case reflect.Bool:
		return typed("boolean")
	case reflect.String:
		return typed("string")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return typed("integer")
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return append(typed("integer"), schema.Setting{Key: "minimum", Value: 0})
	case reflect.Float32, reflect.Float64:
		return typed("number")
	case reflect.Slice:
		return append(typed("array"), schema.Setting{Key: "items", Value: d.value(t.Elem())})
	case reflect.Array:
		return append(typed("array"), schema.Setting{Key: "items", Value: d.value(t.Elem())},
			schema.Setting{Key: "minItems", Value: t.Len()}, schema.Setting{Key: "maxItems", Value: t.Len()})
	case reflect.Map:
		return append(typed("object"), schema.Setting{Key: "additionalProperties", Value: d.value(t.Elem())})
	case reflect.Struct:
		if t.Name() == "" || t.Name()[0] >= 'a' {
			return d.object(t)
		}
		return d.reference(t)
	}
	panic(fmt.Sprintf("%s cannot be in a document", t))
}

// reference refers to the definition of t, and adds it at first.
func (d *documents) reference(t reflect.Type) schema.Entry {
	name := t.String() // with the name of its package
	other, known := d.types[name]
	if known && other != t {
		panic(fmt.Sprintf("%s is a type in %s and in %s", name, t.PkgPath(), other.PkgPath()))
	}
	if !known {
		d.types[name] = t
		i := len(d.defs)
		d.defs = append(d.defs, schema.Setting{Key: name})
		d.defs[i].Value = d.object(t)
	}
	return schema.Entry{{Key: "$ref", Value: "#/$defs/" + name}}
}

// object describes a struct. Further keys are allowed, since later versions have more.
func (d *documents) object(t reflect.Type) schema.Entry {
	properties, required := schema.Entry{}, []string{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for f := range t.Fields() {
			tag, tagged := f.Tag.Lookup("json")
			name, options, _ := strings.Cut(tag, ",")
			switch {
			case f.Anonymous && !tagged:
				add(f.Type)
				continue
			case name == "-" || !f.IsExported():
				continue
			case name == "":
				name = f.Name
			}
			of := f.Type
			if strings.Contains(options, "omit") {
				if of.Kind() == reflect.Pointer {
					of = of.Elem() // what would be null is absent
				}
			} else {
				required = append(required, name)
			}
			value := d.value(of)
			if values, has := f.Tag.Lookup("enum"); has {
				value = append(value, schema.Setting{Key: "enum", Value: strings.Split(values, ",")})
			}
			properties = append(properties, schema.Setting{Key: name, Value: value})
		}
	}
	add(t)
	return append(typed("object"), schema.Setting{Key: "properties", Value: properties}, schema.Setting{Key: "required", Value: required})
}
