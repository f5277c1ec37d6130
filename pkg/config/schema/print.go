package schema

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/bitrate"
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

// Settings lists the keys with the values that from holds, in the order of the
// table. Keys without a field are absent, but for the version.
func Settings[T any](keys []Bound[T], from *T, origins Origins) []Setting {
	var list []Setting
	for _, k := range keys {
		s := Setting{Key: k.Name}
		switch {
		case k.Field != nil:
			s.Value = k.written(reflect.ValueOf(k.Field(from)).Elem())
		case k.Type == Version:
			s.Value = k.Default
		case k.Type != RouterList:
			continue // another form of keys with a field, or without effect
		}
		if origins != nil {
			o, ok := origins[k.Name]
			if !ok {
				o.Source = FromDefault
			}
			s.Source, s.Line, s.Env, s.File = o.Source, o.Line, o.Name, o.File
		}
		list = append(list, s)
	}
	return list
}

// written turns the value of a field into what the file would say: nil where
// the zero value stands for an absent key.
func (k Key) written(v reflect.Value) any {
	if k.Default == "" && v.IsZero() && k.Type != Bool {
		return nil
	}
	switch x := v.Interface().(type) {
	case bitrate.Rate:
		return x.Mbps()
	case time.Duration:
		switch k.Type {
		case Duration:
			return x.String()
		case Seconds:
			return float64(x) / float64(time.Second)
		case Minutes:
			return float64(x) / float64(time.Minute)
		default:
			return float64(x) / float64(time.Millisecond)
		}
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return nil
		}
		return string(text)
	}
	if v.Kind() == reflect.String {
		return v.String()
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
