package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// JSONSchema returns a JSON schema (draft 2020-12) for the files whose keys T
// declares. It is for editors: it describes keys, kinds, ranges and defaults. Rules
// about several keys, and values from the environment, are left to the program.
func JSONSchema[T any](title string) ([]byte, error) {
	top := Entry{{Key: "$schema", Value: "https://json-schema.org/draft/2020-12/schema"}, {Key: "title", Value: title}}
	text, err := json.MarshalIndent(append(top, objectSchema(walk(reflect.TypeFor[T](), section{}), "")...), "", "  ")
	return append(text, '\n'), err
}

// objectSchema describes the mapping of which fields, named with prefix, are the keys.
func objectSchema(fields []Field, prefix string) Entry {
	var names, required []string
	below := map[string][]Field{}
	for _, f := range fields {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Name, prefix), ".")
		if below[name] == nil {
			names = append(names, name)
		}
		below[name] = append(below[name], f)
	}
	var properties Entry
	for _, name := range names {
		inside := below[name]
		if slices.ContainsFunc(inside, func(f Field) bool { return f.Required && (!f.Section || f.Name == prefix+name) }) {
			required = append(required, name)
		}
		value := inside[0].schema()
		if inside[0].Name != prefix+name {
			value = objectSchema(inside, prefix+name+".")
		}
		properties = append(properties, Setting{Key: name, Value: value})
	}
	object := Entry{{Key: "type", Value: []string{"object", "null"}}, {Key: "additionalProperties", Value: false}}
	if required != nil {
		object = append(object, Setting{Key: "required", Value: required})
	}
	return append(object, Setting{Key: "properties", Value: properties})
}

// schema describes the value of one key. Null is as good as no value, and ${NAME} may
// stand for any.
func (f Field) schema() Entry {
	description := f.Doc
	if r := f.Range(); r != "" && f.Kind != Enum {
		description += " Range: " + r + "."
	}
	e := Entry{{Key: "description", Value: description}}
	if f.Default != "" {
		e = append(e, Setting{Key: "default", Value: f.jsonDefault()})
	}
	if f.Deprecated != "" {
		e = append(e, Setting{Key: "deprecated", Value: true})
	}
	spec := f.Kind.spec()
	limits := func(low, high, of string) Entry {
		limited := Entry{{Key: "type", Value: of}}
		if f.Min != 0 || f.Max != 0 {
			limited = append(limited, Setting{Key: low, Value: f.Min}, Setting{Key: high, Value: f.Max})
		}
		return limited
	}
	text := Entry{{Key: "type", Value: "string"}, {Key: "pattern", Value: spec.pattern()}}
	null := Entry{{Key: "type", Value: "null"}}
	switch spec.json {
	case "string":
		if f.Kind == Enum {
			return append(e, Setting{Key: "anyOf", Value: []Entry{{{Key: "enum", Value: f.Values}}, text, null}})
		}
		return append(e, Setting{Key: "type", Value: []string{"string", "number", "boolean", "null"}})
	case "array":
		list := append(limits("minItems", "maxItems", "array"), Setting{Key: "items", Value: f.items()})
		return append(e, Setting{Key: "anyOf", Value: []Entry{list, null}})
	case "":
		return e // anything
	}
	return append(e, Setting{Key: "anyOf", Value: []Entry{limits("minimum", "maximum", spec.json), text, null}})
}

// pattern matches the texts that a value may be instead of its type in JSON.
func (s kindSpec) pattern() string {
	const variable = `\$\{`
	switch {
	case s.kind == Mark:
		return "^0x[0-9A-Fa-f]+$|" + variable
	case s.kind == Bool:
		return "^(yes|no|on|off)$|" + variable
	case s.json == "number" && s.unit != "" && s.kind != Mbps:
		return "^[0-9.]+(ns|us|ms|s|m|h)|" + variable
	}
	return variable
}

// items describes an entry of a list.
func (f Field) items() Entry {
	text := Entry{{Key: "type", Value: "string"}}
	var other Entry
	switch f.Kind {
	case TargetList:
		other = Entry{{Key: "type", Value: "array"}, {Key: "minItems", Value: 2}, {Key: "maxItems", Value: 2}}
	case RouterList:
		fields := entryFields(f.entry)
		for i := range fields { // an entry inherits what it leaves out
			fields[i].Required = false
		}
		other = objectSchema(fields, "")
	default:
		return text
	}
	return Entry{{Key: "anyOf", Value: []Entry{text, other}}}
}

// jsonDefault is the default as the value of its type.
func (f Field) jsonDefault() any {
	switch spec := f.Kind.spec(); spec.json {
	case "string":
		return f.Default
	case "array":
		return strings.Split(f.Default, ", ")
	}
	return json.RawMessage(f.Default)
}
