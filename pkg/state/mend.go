package state

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/state/salvage"
)

// Source says where a field that could not be kept comes from.
type Source string

// Sources.
const (
	FromBackup  Source = "backup"
	FromRest    Source = "rest"    // a list without the items that could not be read or used
	FromDefault Source = "default" // left out: the daemon begins with its default
)

// Change is a field of a damaged state that is not what it was in the file.
type Change struct {
	Key   string // dotted
	From  Source
	Value json.RawMessage // nil when it is left out
	Why   string
}

// mending puts a damaged document together again.
type mending[T any] struct {
	file   *File[T]
	judge  func(T) []Bad
	backup object // what is good of the backup
	shape  *salvage.Shape

	doc     object
	changes []Change
}

// mend makes a good document of text: what is readable and may be used stays,
// the rest comes from the backup or is left out.
func (f *File[T]) mend(text, backup []byte, judge func(T) []Bad) (object, []Change) {
	m := mending[T]{file: f, judge: judge, backup: object{}, shape: f.known()}
	// The backup may be damaged as well. What is good of it is found in the same
	// way, without a backup of its own.
	if len(backup) > 0 {
		m.make(backup)
		m.backup, m.changes = m.doc, nil
	}
	m.shape.Learn(m.backup)

	m.make(text)
	slices.SortFunc(m.changes, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	return m.doc, m.changes
}

// known is the shape of a state: the keys that decode asks for.
func (f *File[T]) known() *salvage.Shape {
	in := newFields(object{})
	f.decode(in)
	return in.shape
}

// make makes doc of text.
func (m *mending[T]) make(text []byte) {
	m.doc = m.readable(text)
	m.cure()
	if foreign(m.file.kind, m.doc) { // what is left is not ours
		m.doc = m.merge(nil, &salvage.Node{}, m.backup)
	}
}

// readable is the document of text: all of it, or what is readable and for the
// rest what the backup has.
func (m *mending[T]) readable(text []byte) object {
	doc, err := parseObject(text)
	if err == nil && !foreign(m.file.kind, doc) {
		return doc
	}
	left := salvage.Read(text, m.shape)
	if foreign(m.file.kind, left.Members) {
		left = &salvage.Node{}
	}
	doc = m.merge(nil, left, m.backup)
	for _, path := range m.shape.Keys() {
		if doc.at(path) == nil && path[0] != "wanctl" {
			m.changed(path, FromDefault, nil, "not readable, and the backup does not have it")
		}
	}
	return doc
}

// changed remembers a change. Where it takes back an earlier one, that is
// forgotten.
func (m *mending[T]) changed(path []string, from Source, value json.RawMessage, format string, args ...any) {
	key := strings.Join(path, ".")
	m.changes = slices.DeleteFunc(m.changes, func(c Change) bool { return c.Key == key || strings.HasPrefix(c.Key, key+".") })
	m.changes = append(m.changes, Change{Key: key, From: from, Value: value, Why: fmt.Sprintf(format, args...)})
}

const unreadable = "not readable"

// merge is the object of which left is left, completed from backup.
func (m *mending[T]) merge(path []string, left *salvage.Node, backup object) object {
	doc := object{}
	for name, node := range left.Members {
		under := append(slices.Clone(path), name)
		switch kept := backup[name]; {
		case node.Text != nil:
			doc[name] = node.Text
		case isLaw(under): // not to be made of two
			m.fill(doc, under, kept)
		case node.IsList:
			if _, err := salvage.List(kept); err == nil {
				m.fill(doc, under, kept)
			} else if len(node.Items) > 0 {
				doc.putRaw(name, node.Items)
				m.changed(under, FromRest, doc[name], "some items are not readable")
			}
		default:
			child, _ := parseObject(kept)
			if isOwn(under) && !sameVersion(node, child) {
				child = nil
			}
			if merged := m.merge(under, node, child); len(merged) > 0 {
				_ = doc.put(name, merged) // fails for no object that was read
			}
		}
		if _, ok := doc[name]; !ok {
			m.changed(under, FromDefault, nil, "not readable, and the backup does not have it")
		}
	}
	for name, kept := range backup {
		if _, ok := left.Members[name]; !ok {
			m.fill(doc, append(slices.Clone(path), name), kept)
		}
	}
	return doc
}

// fill takes the value at path from the backup, if that has one.
func (m *mending[T]) fill(doc object, path []string, kept json.RawMessage) {
	if kept == nil {
		return
	}
	doc[path[len(path)-1]] = kept
	for _, leaf := range leaves(path, kept) {
		m.changed(leaf.path, FromBackup, leaf.text, unreadable)
	}
}

type leafText struct {
	path []string
	text json.RawMessage
}

// leaves are the values in text that are no objects; the law's own part is one.
func leaves(path []string, text json.RawMessage) []leafText {
	members, err := parseObject(text)
	if err != nil || len(members) == 0 || isLaw(path) {
		return []leafText{{path, text}}
	}
	var all []leafText
	for name, member := range members {
		all = append(all, leaves(append(slices.Clone(path), name), member)...)
	}
	return all
}

func isOwn(path []string) bool { return len(path) == 1 && path[0] == "wanctl" }

func isLaw(path []string) bool { return len(path) == 2 && path[0] == "wanctl" && path[1] == "law" }

// sameVersion reports whether what is left of the part of this program may be
// completed from that of the backup.
func sameVersion(left *salvage.Node, backup object) bool {
	version := left.Members["version"]
	return version == nil || string(version.Text) == string(backup["version"])
}

// cure replaces what cannot be used until nothing of it is left. What comes from
// the backup is good by itself, but a judge may see it beside the rest.
func (m *mending[T]) cure() {
	tried := map[string]bool{}
	for {
		in := newFields(m.doc)
		v := m.file.decode(in)
		bad := in.audit.bad
		if len(bad) == 0 && m.judge != nil {
			bad = m.judge(v)
		}
		progress := false
		for _, b := range bad {
			if m.doc.at(b.path) != nil {
				progress = true
				m.replaceBad(b, !tried[b.Key])
				tried[b.Key] = true
			}
		}
		if !progress {
			return
		}
	}
}

func (m *mending[T]) replaceBad(b Bad, first bool) {
	from, value := FromDefault, json.RawMessage(nil)
	switch kept := m.backup.at(b.path); {
	case first && len(b.items) > 0:
		from, value = FromRest, without(m.doc.at(b.path), b.items)
	case first && kept != nil:
		from, value = FromBackup, kept
	}
	if err := m.doc.set(b.path, value); err != nil {
		return
	}
	m.changed(b.path, from, value, "%s", b.Why)
}

// without is a list without some of its items.
func without(list json.RawMessage, items []int) json.RawMessage {
	all, err := salvage.List(list)
	if err != nil {
		return nil
	}
	kept := object{}
	var rest []json.RawMessage
	for i, item := range all {
		if !slices.Contains(items, i) {
			rest = append(rest, item)
		}
	}
	kept.putRaw("", rest)
	return kept[""]
}
