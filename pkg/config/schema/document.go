package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxHints bounds how many unknown keys are compared with all known ones. A file with
// more is not a file of this program.
const maxHints = 50

// maxSize bounds a file; a real one has a few kilobytes.
const maxSize = 1 << 20

// Reader splits files into raw values. It collects all problems it finds, so that
// everything wrong with a file is known at once.
type Reader struct {
	File string // for messages

	// Lookup reads the environment, for ${NAME} in values; nil is an empty one.
	Lookup func(string) (string, bool)

	// UnsetAdvice returns what to do about a variable that is not set, to follow the
	// error; nil is nothing.
	UnsetAdvice func(name string) string

	// StartFrom is the advice about an empty file. Without one, an empty file is valid.
	StartFrom string

	// WithoutSecrets leaves a Password empty where its ${NAME} is not set.
	WithoutSecrets bool

	problems, warnings []Problem
	secrets            []string // that the texts of problems must not repeat
	merges             int      // merge keys followed so far, bounded against aliases of aliases
	unknown            int      // unknown keys so far
}

func (r *Reader) lookup(name string) (string, bool) {
	if r.Lookup == nil {
		return "", false
	}
	return r.Lookup(name)
}

// Mapping is the keys and values at the top of a document, or of an entry of a
// list.
type Mapping struct{ node *yaml.Node }

// Line returns the line of the first of the keys that the mapping has.
func (m Mapping) Line(names ...string) (name string, line int, found bool) {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if k := m.node.Content[i]; slices.Contains(names, k.Value) {
			return k.Value, k.Line, true
		}
	}
	return "", 0, false
}

// schema is what a mapping may hold: leaves by dotted name, and the sections around
// them.
type schema struct {
	keys     []Key // to suggest
	leaves   map[string]Key
	sections map[string]bool
}

func newSchema(fields []Field) schema {
	s := schema{keys: Keys(fields), leaves: map[string]Key{}, sections: map[string]bool{}}
	for _, k := range fields {
		s.leaves[k.Name] = k.Key
		for section := parent(k.Name); section != ""; section = parent(section) {
			s.sections[section] = true
		}
	}
	return s
}

// Document parses the one YAML document of src; ok is false when it is not one
// mapping, which has then been reported.
func (r *Reader) Document(src io.Reader) (m Mapping, ok bool) {
	data, err := io.ReadAll(io.LimitReader(src, maxSize+1))
	if err != nil {
		r.Errorf(0, "", "cannot be read: %s", Cause(err))
		return Mapping{}, false
	}
	if len(data) > maxSize {
		r.Errorf(0, "", "is larger than %d bytes: this is not a configuration", maxSize)
		return Mapping{}, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])):
		if r.StartFrom != "" {
			r.Errorf(0, "", "is empty; %s", r.StartFrom)
		}
		return Mapping{&yaml.Node{}}, r.StartFrom == ""
	case err != nil:
		r.syntaxError(err)
		return Mapping{}, false
	}
	if err := dec.Decode(&second); err == nil {
		r.Errorf(second.Line, "", "a second document begins here; write one file for each configuration")
	} else if !errors.Is(err, io.EOF) {
		r.syntaxError(err)
	}
	root := resolve(doc.Content[0])
	if root.Kind != yaml.MappingNode {
		r.Errorf(root.Line, "", "must consist of keys and values, such as 'wan_name: spectrum'")
		return Mapping{}, false
	}
	return Mapping{root}, true
}

// Cause is the text of an error without the path of the file, which messages begin
// with already.
func Cause(err error) string {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err
	}
	return err.Error()
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// syntaxError reports an error of the YAML parser. Those texts are fixed but
// for the name of an unknown anchor, which is the start of a password when that
// begins with an asterisk and has no quotes: it is not repeated.
func (r *Reader) syntaxError(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	switch {
	case strings.HasPrefix(text, "unknown anchor"):
		text = "a value begins with *, which has a meaning in YAML"
	case strings.Contains(text, "cannot start any token"):
		text += " (a tab, or one of @ ` %)"
	}
	r.Errorf(line, "", "is not valid YAML: %s; put values with special characters into quotes, and indent with spaces", text)
}

// Collect splits a mapping into raw values by dotted name, and reports keys that are
// unknown, set twice or of the wrong shape. Messages put shown before the names.
func (r *Reader) Collect(m Mapping, shown string, fields []Field) map[string]RawValue {
	values := map[string]RawValue{}
	r.collect(m.node, "", shown, newSchema(fields), values)
	return values
}

func (r *Reader) collect(node *yaml.Node, prefix, shown string, s schema, into map[string]RawValue) {
	for _, p := range r.pairs(node, shown+prefix) {
		name := prefix + p.Name
		if strings.Contains(p.Name, ".") { // or router.host would be a key of its own
			r.Errorf(p.Line, shown+prefix+quote(p.Name), "unknown key; sections are nested, a dot is no part of a key")
			continue
		}
		value := resolve(p.value)
		if k, ok := s.leaves[name]; ok {
			if c, present := r.value(k, shown+name, value); present {
				into[name] = c
			}
			continue
		}
		if !s.sections[name] {
			hint := ""
			if r.unknown++; r.unknown <= maxHints {
				hint = Hint(s.keys, name)
			}
			r.Errorf(p.Line, shown+prefix+printable(p.Name), "unknown key%s", hint)
			continue
		}
		switch {
		case isNull(value):
		case value.Kind != yaml.MappingNode:
			r.Errorf(p.Line, shown+name, "must hold keys of its own, such as %s", firstBelow(s.keys, name))
		default:
			r.collect(value, name+".", shown, s, into)
		}
	}
}

// printable is a key for a message: as it is when it looks like one.
func printable(key string) string {
	if q := quote(key); q != `"`+key+`"` {
		return q
	}
	return key
}

// Pair is one key of a mapping with its value.
type Pair struct {
	Name string
	Line int

	value *yaml.Node
}

// Scalar returns the value as written; ok is false when it is null or no scalar.
func (p Pair) Scalar() (text string, ok bool) {
	v := resolve(p.value)
	return v.Value, v.Kind == yaml.ScalarNode && !isNull(v)
}

// Mapping returns the value, an empty mapping for null; ok is false when it is none.
func (p Pair) Mapping() (m Mapping, ok bool) {
	v := resolve(p.value)
	if isNull(v) {
		return Mapping{&yaml.Node{}}, true
	}
	return Mapping{v}, v.Kind == yaml.MappingNode
}

// Pairs lists the keys of a mapping, those of merge keys (<<) last, and reports
// keys that are set twice. Messages put section before the names.
func (r *Reader) Pairs(m Mapping, section string) []Pair { return r.pairs(m.node, section) }

func (r *Reader) pairs(node *yaml.Node, section string) []Pair {
	var own, merged []Pair
	lines := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		k, v := node.Content[i], node.Content[i+1]
		if k.ShortTag() == "!!merge" {
			merged = append(merged, r.merge(v, section)...)
			continue
		}
		k = resolve(k)
		if k.Kind != yaml.ScalarNode {
			r.Errorf(k.Line, strings.TrimSuffix(section, "."), "a key must be a plain word")
			continue
		}
		if first, twice := lines[k.Value]; twice {
			r.Errorf(k.Line, section+printable(k.Value), "is set twice, the first time in line %d", first)
			continue
		}
		lines[k.Value] = k.Line
		own = append(own, Pair{k.Value, k.Line, v})
	}
	for _, p := range merged {
		if _, ok := lines[p.Name]; !ok {
			lines[p.Name] = p.Line
			own = append(own, p)
		}
	}
	return own
}

// merge follows the value of a merge key: a mapping or a list of them.
func (r *Reader) merge(v *yaml.Node, section string) []Pair {
	if r.merges++; r.merges > 100 {
		if r.merges == 101 {
			r.Errorf(v.Line, strings.TrimSuffix(section, "."), "too many merge keys (<<)")
		}
		return nil
	}
	v = resolve(v)
	switch v.Kind {
	case yaml.MappingNode:
		return r.pairs(v, section)
	case yaml.SequenceNode:
		var all []Pair
		for _, item := range v.Content {
			all = append(all, r.merge(item, section)...)
		}
		return all
	default:
		r.Errorf(v.Line, strings.TrimSuffix(section, "."), "a merge key (<<) needs a mapping")
		return nil
	}
}

// value reads the value of a leaf. It is absent when null.
func (r *Reader) value(k Key, shown string, v *yaml.Node) (c RawValue, present bool) {
	if isNull(v) {
		return RawValue{}, false
	}
	c = RawValue{Origin: Origin{Source: FromFile, Line: v.Line}}
	switch isList := k.Kind.isList(); {
	case k.Kind == Any:
	case isList && v.Kind == yaml.SequenceNode:
		r.list(k, shown, v, &c)
	case isList:
		r.Errorf(v.Line, shown, "must be a list, also for a single entry: [a, b] or lines that begin with '- '")
		c.Bad = true
	case v.Kind == yaml.ScalarNode:
		r.scalar(shown, v, &c, k.Kind.isSecret() && r.WithoutSecrets)
	default:
		r.Errorf(v.Line, shown, "must be a single value: %s", k.Kind)
		c.Bad = true
	}
	return c, true
}

// list fills c from a sequence node.
func (r *Reader) list(k Key, shown string, v *yaml.Node, c *RawValue) {
	for i, item := range v.Content {
		if i > int(k.Max) {
			break // one too many is enough to say so
		}
		item = resolve(item)
		entry := RawValue{Origin: Origin{Source: FromFile, Line: item.Line}}
		name := fmt.Sprintf("%s[%d]", shown, i)
		switch {
		case item.Kind == yaml.MappingNode && k.Kind == RouterList:
			entry.Fields = &Mapping{item}
		case item.Kind == yaml.SequenceNode && k.Kind == TargetList && len(item.Content) == 2:
			r.target(name, item, &entry)
		case item.Kind == yaml.ScalarNode && !isNull(item):
			r.scalar(name, item, &entry, k.Kind.isSecret() && r.WithoutSecrets)
		default:
			r.Errorf(item.Line, name, "must be one entry of a %s", k.Kind)
			entry.Bad = true
		}
		c.Items = append(c.Items, entry)
		// The rule that reads a RouterList checks each entry by itself.
		c.Bad = c.Bad || entry.Bad && k.Kind != RouterList
	}
}

// scalar fills c from a scalar node. With mayMiss, a variable that is not set
// makes it empty.
func (r *Reader) scalar(shown string, v *yaml.Node, c *RawValue, mayMiss bool) {
	switch v.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge":
	default:
		r.Errorf(v.Line, shown, "YAML tags have no meaning here; put values that begin with ! into quotes")
		c.Bad = true
		return
	}
	text, err := expand(v.Value, r.lookup)
	var unset *unsetError
	missing := errors.As(err, &unset)
	if err != nil && (!mayMiss || !missing) {
		advice := ""
		if missing && r.UnsetAdvice != nil {
			advice = r.UnsetAdvice(unset.name)
		}
		r.Errorf(v.Line, shown, "%v%s", err, advice)
		c.Bad = true
	}
	c.text, c.raw = text, v.Value
}

// target fills c from a pair [host, port].
func (r *Reader) target(shown string, v *yaml.Node, c *RawValue) {
	var parts [2]RawValue
	for i, n := range v.Content {
		n = resolve(n)
		if n.Kind != yaml.ScalarNode || isNull(n) {
			r.Errorf(n.Line, shown, "must be host:port or [host, port]")
			c.Bad = true
			return
		}
		r.scalar(shown, n, &parts[i], false)
		c.Bad = c.Bad || parts[i].Bad
	}
	c.text, c.raw = net.JoinHostPort(parts[0].text, parts[1].text), net.JoinHostPort(parts[0].raw, parts[1].raw)
}

// resolve follows an alias to the node it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
