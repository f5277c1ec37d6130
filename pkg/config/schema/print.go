package schema

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Setting is one key of a configuration in force.
type Setting struct {
	Key string `json:"key"`

	// Value is a bool, int, float64, string, []string or, for a RouterList,
	// []Entry; nil when the key is absent.
	Value  any    `json:"value"`
	Source Source `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"` // of a value from the file
	Env    string `json:"env,omitempty"`  // of a value from the environment
	File   string `json:"file,omitempty"` // of a value from another file than the one that was read
}

// Entry is one mapping in a list: an object in JSON, with its keys in order.
type Entry []Setting

// MarshalJSON writes the keys and values alone.
func (e Entry) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, s := range e {
		if i > 0 {
			b = append(b, ',')
		}
		for _, part := range []any{s.Key, s.Value} {
			text, err := json.Marshal(part)
			if err != nil {
				return nil, err
			}
			b = append(append(b, text...), ':')
		}
		b = b[:len(b)-1]
	}
	return append(b, '}'), nil
}

// Settings lists the keys with the values in from, a pointer to the struct that
// declares the fields. Keys without a field are absent, except those with a default.
func Settings(fields []Field, from any, origins Origins) []Setting {
	var list []Setting
	for _, f := range fields {
		s := Setting{Key: f.Name, Value: f.Default}
		switch {
		case f.index != nil:
			s.Value = f.written(reflect.ValueOf(from).Elem().FieldByIndex(f.index))
		case f.Default == "":
			continue // another form of keys with a field, or without effect
		}
		if origins != nil {
			o, ok := origins[f.Name]
			if !ok {
				o.Source = FromDefault
			}
			s.Source, s.Line, s.Env, s.File = o.Source, o.Line, o.Name, o.File
		}
		list = append(list, s)
	}
	return list
}

// written returns what the file would say for the value of a field: nil where the
// zero value stands for an absent key.
func (f Field) written(v reflect.Value) any {
	if f.Default == "" && v.IsZero() && f.Kind != Bool {
		return nil
	}
	if format := f.Kind.spec().format; format != nil {
		return format(v.Interface())
	}
	if x, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := x.MarshalText()
		if err != nil {
			return nil
		}
		return string(text)
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String()
	case f.Kind == HeaderList:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = fmt.Sprint(v.Index(i)) // masked
		}
		return texts
	case f.Kind == RouterList:
		entries := make([]Entry, v.Len())
		for i := range entries {
			entries[i] = Settings(entryFields(f.entry), v.Index(i).Addr().Interface(), nil)
		}
		return entries
	}
	return v.Interface()
}

// Marshal writes settings as YAML. Where a setting has a Source, a comment
// names it.
func Marshal(list []Setting) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(tree(list)); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// tree nests settings by the parts of their dotted names.
func tree(list []Setting) *yaml.Node {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": root}
	var section func(name string) *yaml.Node
	section = func(name string) *yaml.Node {
		if n, ok := sections[name]; ok {
			return n
		}
		n := &yaml.Node{Kind: yaml.MappingNode}
		up := section(parent(name))
		up.Content = append(up.Content, word("!!str", last(name)), n)
		sections[name] = n
		return n
	}
	for _, s := range list {
		in, name, value := section(parent(s.Key)), word("!!str", last(s.Key)), node(s.Value)
		if s.Source != "" {
			// A list in block style has no line of its own to comment on.
			comment := Origin{Source: s.Source, Line: s.Line, Name: s.Env, File: s.File}.String()
			if value.Kind == yaml.SequenceNode && value.Style != yaml.FlowStyle {
				name.LineComment = comment
			} else {
				value.LineComment = comment
			}
		}
		in.Content = append(in.Content, name, value)
	}
	return root
}

func node(value any) *yaml.Node {
	switch x := value.(type) {
	case bool:
		return word("!!bool", strconv.FormatBool(x))
	case int:
		return word("!!int", strconv.Itoa(x))
	case float64:
		if text := Decimal(x); strings.Contains(text, ".") {
			return word("!!float", text)
		}
		return word("!!int", Decimal(x))
	case string:
		return word("!!str", escape(x))
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, s := range x {
			n.Content = append(n.Content, word("!!str", escape(s)))
		}
		return n
	case []Entry:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, entry := range x {
			n.Content = append(n.Content, tree(entry))
		}
		return n
	}
	return word("!!null", "null")
}

// word is a scalar; the encoder quotes a string that would read otherwise.
func word(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}
