package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSize bounds a file; a real one has a few kilobytes.
const maxSize = 1 << 20

// Reader takes files apart. It reports all it finds and goes on, so that
// everything wrong with a file is known at once.
type Reader struct {
	// Lookup reads the environment, for ${NAME} in values.
	Lookup func(string) (string, bool)

	// Problem and Warning take what is wrong, or doubtful, with a key; line is
	// 0 and key is empty where there is none.
	Problem, Warning func(line int, key, text string)

	// Reference is the commented example that an empty file should start from.
	Reference string

	// WithoutSecrets leaves a Password empty where its ${NAME} is not set.
	WithoutSecrets bool

	merges int // merge keys followed so far, bounded against aliases of aliases
}

func (r *Reader) errorf(line int, key, format string, args ...any) {
	r.Problem(line, key, fmt.Sprintf(format, args...))
}

func (r *Reader) warnf(line int, key, format string, args ...any) {
	r.Warning(line, key, fmt.Sprintf(format, args...))
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

// schema is what a mapping may hold: leaves by dotted name, the sections around
// them, and what older files hold beside.
type schema struct {
	keys     []Key
	leaves   map[string]Key
	sections map[string]bool
	old      []Obsolete
}

func newSchema(keys []Key, old []Obsolete) schema {
	s := schema{keys: keys, leaves: map[string]Key{}, sections: map[string]bool{}, old: old}
	for _, k := range keys {
		s.leaves[k.Name] = k
		for section := parent(k.Name); section != ""; section = parent(section) {
			s.sections[section] = true
		}
	}
	return s
}

// Document parses the one YAML document of src; ok is false when it is not one
// mapping, which has been reported then.
func (r *Reader) Document(src io.Reader) (m Mapping, ok bool) {
	data, err := io.ReadAll(io.LimitReader(src, maxSize+1))
	if err != nil {
		r.errorf(0, "", "reading: %v", err)
		return Mapping{}, false
	}
	if len(data) > maxSize {
		r.errorf(0, "", "is larger than %d bytes: this is not a configuration", maxSize)
		return Mapping{}, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])):
		r.errorf(0, "", "is empty; start from the commented reference, %s", r.Reference)
		return Mapping{}, false
	case err != nil:
		r.syntaxError(err)
		return Mapping{}, false
	}
	if err := dec.Decode(&second); err == nil {
		r.errorf(second.Line, "", "a second document begins here; write one file for each configuration")
	} else if !errors.Is(err, io.EOF) {
		r.syntaxError(err)
	}
	root := resolve(doc.Content[0])
	if root.Kind != yaml.MappingNode {
		r.errorf(root.Line, "", "must consist of keys and values, such as 'wan_name: spectrum'")
		return Mapping{}, false
	}
	return Mapping{root}, true
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
	r.errorf(line, "", "is not valid YAML: %s; put values with special characters into quotes, and indent with spaces", text)
}

// Collect takes a mapping apart into cells by dotted name, and reports keys that
// are unknown, obsolete, set twice or of the wrong shape. In messages, shown
// stands before the names.
func (r *Reader) Collect(m Mapping, shown string, keys []Key, old []Obsolete) map[string]Cell {
	cells := map[string]Cell{}
	r.collect(m.node, "", shown, newSchema(keys, old), cells)
	return cells
}

func (r *Reader) collect(node *yaml.Node, prefix, shown string, s schema, into map[string]Cell) {
	for _, p := range r.pairs(node, shown+prefix) {
		name := prefix + p.name
		if why, found := FindObsolete(s.old, name); found {
			r.warnf(p.line, shown+name, "has no effect any more: %s", why)
			continue
		}
		if strings.Contains(p.name, ".") { // or router.host would be a key of its own
			r.errorf(p.line, shown+prefix+quote(p.name), "unknown key; sections are nested, a dot is no part of a key")
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
			r.errorf(p.line, shown+prefix+printable(p.name), "unknown key%s", Hint(s.keys, name))
			continue
		}
		switch {
		case isNull(value):
		case value.Kind != yaml.MappingNode:
			r.errorf(p.line, shown+name, "must hold keys of its own, such as %s", firstBelow(s.keys, name))
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

// Hint says where an unknown key belongs or what it may have meant.
func Hint(keys []Key, name string) string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	var siblings, elsewhere []string
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k.Name, name[:len(name)-len(last)]); ok {
			first, _, _ := strings.Cut(rest, ".")
			siblings = append(siblings, first)
		}
		for n := k.Name; n != ""; n = parent(n) {
			if (n == last || strings.HasSuffix(n, "."+last)) && !slices.Contains(elsewhere, n) {
				elsewhere = append(elsewhere, n)
			}
		}
	}
	if near := Nearest(last, siblings); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(elsewhere) > 0 {
		return "; did you mean " + strings.Join(elsewhere, " or ") + "?"
	}
	if near := Suggest(keys, name); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; 'wanctl config explain' lists all"
}

func firstBelow(keys []Key, section string) string {
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k.Name, section+"."); ok {
			return rest
		}
	}
	return ""
}

// pair is one key of a mapping with its value.
type pair struct {
	name  string
	line  int
	value *yaml.Node
}

// pairs lists the keys of a mapping, those of merge keys (<<) last, and reports
// keys that are set twice.
func (r *Reader) pairs(node *yaml.Node, section string) []pair {
	var own, merged []pair
	lines := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		k, v := node.Content[i], node.Content[i+1]
		if k.ShortTag() == "!!merge" {
			merged = append(merged, r.merge(v, section)...)
			continue
		}
		k = resolve(k)
		if k.Kind != yaml.ScalarNode {
			r.errorf(k.Line, strings.TrimSuffix(section, "."), "a key must be a plain word")
			continue
		}
		if first, twice := lines[k.Value]; twice {
			r.errorf(k.Line, section+printable(k.Value), "is set twice, the first time in line %d", first)
			continue
		}
		lines[k.Value] = k.Line
		own = append(own, pair{k.Value, k.Line, v})
	}
	for _, p := range merged {
		if _, ok := lines[p.name]; !ok {
			lines[p.name] = p.line
			own = append(own, p)
		}
	}
	return own
}

// merge follows the value of a merge key: a mapping or a list of them.
func (r *Reader) merge(v *yaml.Node, section string) []pair {
	if r.merges++; r.merges > 100 {
		if r.merges == 101 {
			r.errorf(v.Line, strings.TrimSuffix(section, "."), "too many merge keys (<<)")
		}
		return nil
	}
	v = resolve(v)
	switch v.Kind {
	case yaml.MappingNode:
		return r.pairs(v, section)
	case yaml.SequenceNode:
		var all []pair
		for _, item := range v.Content {
			all = append(all, r.merge(item, section)...)
		}
		return all
	default:
		r.errorf(v.Line, strings.TrimSuffix(section, "."), "a merge key (<<) needs a mapping")
		return nil
	}
}

// value reads the value of a leaf. It is absent when null.
func (r *Reader) value(k Key, shown string, v *yaml.Node) (c Cell, present bool) {
	if isNull(v) {
		return Cell{}, false
	}
	c = Cell{Origin: Origin{Source: FromFile, Line: v.Line}}
	if !k.isList() {
		if v.Kind != yaml.ScalarNode {
			r.errorf(v.Line, shown, "must be a single value: %s", k.Type)
			c.Bad = true
			return c, true
		}
		r.scalar(shown, v, &c, k.Type == Password && r.WithoutSecrets)
		return c, true
	}
	if v.Kind != yaml.SequenceNode {
		r.errorf(v.Line, shown, "must be a list, also for a single entry: [a, b] or lines that begin with '- '")
		c.Bad = true
		return c, true
	}
	for i, item := range v.Content {
		if i > int(k.Max) {
			break // one too many is enough to say so
		}
		item = resolve(item)
		entry := Cell{Origin: Origin{Source: FromFile, Line: item.Line}}
		name := fmt.Sprintf("%s[%d]", shown, i)
		switch {
		case item.Kind == yaml.MappingNode && k.Type == RouterList:
			entry.Fields = &Mapping{item}
		case item.Kind == yaml.SequenceNode && k.Type == TargetList && len(item.Content) == 2:
			r.target(name, item, &entry)
		case item.Kind == yaml.ScalarNode && !isNull(item):
			r.scalar(name, item, &entry, false)
		default:
			r.errorf(item.Line, name, "must be one entry of a %s", k.Type)
			entry.Bad = true
		}
		c.Items = append(c.Items, entry)
		// Entries of a RouterList are looked at one by one.
		c.Bad = c.Bad || entry.Bad && k.Type != RouterList
	}
	return c, true
}

// scalar fills c from a scalar node. With mayMiss, a variable that is not set
// makes it empty.
func (r *Reader) scalar(shown string, v *yaml.Node, c *Cell, mayMiss bool) {
	switch v.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge":
	default:
		r.errorf(v.Line, shown, "YAML tags have no meaning here; put values that begin with ! into quotes")
		c.Bad = true
		return
	}
	text, err := expand(v.Value, r.Lookup)
	var unset *unsetError
	if err != nil && (!mayMiss || !errors.As(err, &unset)) {
		r.errorf(v.Line, shown, "%v", err)
		c.Bad = true
	}
	c.text, c.raw = text, v.Value
}

// target fills c from a pair [host, port].
func (r *Reader) target(shown string, v *yaml.Node, c *Cell) {
	var parts [2]Cell
	for i, n := range v.Content {
		n = resolve(n)
		if n.Kind != yaml.ScalarNode || isNull(n) {
			r.errorf(n.Line, shown, "must be host:port or [host, port]")
			c.Bad = true
			return
		}
		r.scalar(shown, n, &parts[i], false)
		c.Bad = c.Bad || parts[i].Bad
	}
	c.text, c.raw = joinTarget(parts[0].text, parts[1].text), joinTarget(parts[0].raw, parts[1].raw)
}

func (k Key) isList() bool {
	return k.Type == HostList || k.Type == TargetList || k.Type == RouterList
}

// resolve follows an alias to the node it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
