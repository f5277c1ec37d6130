package schema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Assignment is a new value of a key.
type Assignment struct {
	Name  string // dotted
	Value string // as YAML writes it
}

// errIndirect: a value stands somewhere else in the file, and perhaps for other keys,
// too.
var errIndirect = errors.New("stands there by an anchor, an alias or a merge key (<<)")

// Edit sets keys in the text of a file and returns the new text. Nothing else changes:
// comments, blank lines, order and quotes stay as they are. A key that is not there yet
// is added at the end of its section, and so is the section.
func Edit(text []byte, set []Assignment) ([]byte, error) {
	for _, a := range set {
		changed, err := edit(text, a)
		if err != nil {
			return nil, fmt.Errorf("%s %w", a.Name, err)
		}
		text = changed
	}
	return text, nil
}

func edit(text []byte, a Assignment) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("is in a file that is not valid YAML: %w", err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("is in a file without keys")
	}
	at := doc.Content[0]
	names := strings.Split(a.Name, ".")
	for i, name := range names {
		value, err := child(at, name)
		switch {
		case err != nil:
			return nil, err
		case value == nil:
			return insert(text, at, names[i:], a.Value)
		case i == len(names)-1:
			return replace(text, value, a.Value)
		case value.Kind != yaml.MappingNode && isNull(value):
			return insertBelow(text, at, name, names[i+1:], a.Value)
		case value.Kind != yaml.MappingNode:
			return nil, errors.New("is below a key that holds no keys")
		}
		at = value
	}
	return nil, errors.New("has no name")
}

// child returns the value of a key of a mapping, nil when the key is absent.
func child(m *yaml.Node, name string) (*yaml.Node, error) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		switch {
		case k.Kind == yaml.AliasNode, k.ShortTag() == "!!merge":
			return nil, errIndirect
		case k.Value != name:
		case v.Kind == yaml.AliasNode || v.Anchor != "":
			return nil, errIndirect
		default:
			return v, nil
		}
	}
	return nil, nil
}

// replace puts value in the place of a scalar.
func replace(text []byte, v *yaml.Node, value string) ([]byte, error) {
	if v.Kind != yaml.ScalarNode || v.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 || isNull(v) && v.Value == "" {
		return nil, errors.New("is not written as a single value")
	}
	start, err := offset(text, v)
	if err != nil {
		return nil, err
	}
	length := len(v.Value)
	if q := v.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle); q != 0 {
		end := bytes.IndexByte(text[start+1:], text[start])
		if end != length { // an escape or a line break in it
			return nil, errors.New("is written in a way that cannot be changed in place")
		}
		length += 2
	} else if !bytes.HasPrefix(text[start:], []byte(v.Value)) {
		return nil, errors.New("is written in a way that cannot be changed in place")
	}
	return slices.Concat(text[:start], []byte(value), text[start+length:]), nil
}

// insert adds a key, and the sections that lead to it, to a mapping.
func insert(text []byte, m *yaml.Node, names []string, value string) ([]byte, error) {
	if len(m.Content) == 0 {
		return nil, errors.New("is in an empty section")
	}
	first := m.Content[0]
	start, err := offset(text, first)
	if err != nil {
		return nil, err
	}
	if m.Style&yaml.FlowStyle != 0 {
		entry := strings.Join(names, ": {") + ": " + value + strings.Repeat("}", len(names)-1) + ", "
		return slices.Concat(text[:start], []byte(entry), text[start:]), nil
	}
	return insertLines(text, lastLine(m), first.Column-1, names, value), nil
}

// insertBelow adds a key to a section of a mapping that is there without keys.
func insertBelow(text []byte, m *yaml.Node, section string, names []string, value string) ([]byte, error) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if k, v := m.Content[i], m.Content[i+1]; k.Value == section && m.Style&yaml.FlowStyle == 0 && v.Value == "" {
			return insertLines(text, k.Line, k.Column+1, names, value), nil
		}
	}
	return nil, errors.New("is in a section that is null; remove the null")
}

// insertLines adds lines after the line of that number, each name in a line of its own.
func insertLines(text []byte, after, indent int, names []string, value string) []byte {
	var add strings.Builder
	for i, name := range names {
		fmt.Fprintf(&add, "%*s%s:", indent+2*i, "", name)
		if i == len(names)-1 {
			add.WriteString(" " + value)
		}
		add.WriteByte('\n')
	}
	at := lineOffset(text, after+1)
	if at > 0 && text[at-1] != '\n' { // the last line has no line break
		return slices.Concat(text, []byte("\n"+strings.TrimSuffix(add.String(), "\n")))
	}
	return slices.Concat(text[:at], []byte(add.String()), text[at:])
}

// lastLine returns the number of the last line of a node. A block scalar that ends it
// is counted by its line breaks.
func lastLine(n *yaml.Node) int {
	last := n.Line + strings.Count(n.Value, "\n")
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// offset returns where a node begins in text.
func offset(text []byte, n *yaml.Node) (int, error) {
	at := lineOffset(text, n.Line)
	for range n.Column - 1 { // columns count characters
		if at >= len(text) {
			return 0, errors.New("cannot be found in the file")
		}
		at++
		for at < len(text) && text[at]&0xc0 == 0x80 {
			at++
		}
	}
	return at, nil
}

// lineOffset returns where a line begins, the end of text when there is no such line.
func lineOffset(text []byte, line int) int {
	at := 0
	for range line - 1 {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}
