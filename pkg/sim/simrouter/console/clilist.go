package console

import (
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// listing is one print command.
type listing struct {
	h        *scriptHost
	mn       *menu
	flags    []string
	proplist []string
	width    int // where detailed lines wrap; 0 never
}

func (p listing) has(flag string) bool { return slices.Contains(p.flags, flag) }

// wants reports whether a property is to be shown.
func (p listing) wants(name string) bool {
	if len(p.proplist) > 0 {
		return slices.Contains(p.proplist, name)
	}
	f := p.mn.field(name)
	return f == nil || f.kind != counter || p.has("stats") ||
		p.has("as-value") && !p.h.m.quirks.CLI.StatsNeedAsking
}

// values is print as-value: an array of rows, of one where there is only one.
func (p listing) values(rows []*row) value.Value {
	list := make([]value.Value, 0, len(rows))
	for _, r := range rows {
		shown := p.h.shown(p.mn.path, r, p.wants)
		for name := range shown {
			if !p.wants(name) {
				delete(shown, name)
			}
		}
		list = append(list, typedRow(shown))
	}
	if p.mn.singleton && len(list) == 1 {
		return list[0]
	}
	return value.OfList(list...)
}

// item is a row on its way to the screen.
type item struct {
	number int // its place in the menu
	shown  map[string]string
	flags  string // letters
}

// text is print for people, in the form this menu has.
func (p listing) text(rows []*row) string {
	items := make([]item, len(rows))
	for i, r := range rows {
		items[i] = item{number: p.number(r), shown: p.h.shown(p.mn.path, r, p.wants)}
		items[i].flags = p.letters(items[i].shown)
	}
	switch {
	case p.mn.singleton:
		return p.settings(items)
	case p.mn.path == "/log" && len(p.flags) == 0:
		return p.log(items)
	case p.has("terse"):
		return p.terse(items)
	case p.has("detail"):
		return p.detail(items)
	case p.has("stats"), p.has("brief"), columns[p.mn.path] != nil:
		return p.table(items)
	}
	return p.detail(items)
}

func (p listing) number(r *row) int {
	p.h.m.mu.Lock()
	defer p.h.m.mu.Unlock()
	return p.mn.index(r)
}

// marks are the properties shown as letters. Groups are set apart in the
// legends of version 7.
var marks = []struct {
	prop, value string
	letter      byte
	word        string
	group       int
}{
	{"disabled", "true", 'X', "disabled", 0},
	{"invalid", "true", 'I', "invalid", 0},
	{"active", "true", 'A', "active", 0},
	{"running", "true", 'R', "running", 0},
	{"dynamic", "true", 'D', "dynamic", 1},
	{"static", "true", 'S', "static", 1},
	{"default", "true", '*', "default", 1},
}

func isMark(prop string) bool {
	for _, m := range marks {
		if m.prop == prop {
			return true
		}
	}
	return false
}

func (p listing) letters(shown map[string]string) string {
	var b strings.Builder
	for _, m := range marks {
		if shown[m.prop] == m.value {
			b.WriteByte(m.letter)
		}
	}
	return b.String()
}

// legend explains the letters: all a menu has, or with items only those seen.
func (p listing) legend(seen string, all bool) string {
	var b strings.Builder
	group := 0
	for _, m := range marks {
		if p.mn.field(m.prop) == nil || !all && strings.IndexByte(seen, m.letter) < 0 {
			continue
		}
		word := m.word
		if !all {
			word = strings.ToUpper(word)
		}
		switch {
		case b.Len() == 0:
			b.WriteString("Flags: ")
		case m.group != group && p.v7():
			b.WriteString("; ")
		default:
			b.WriteString(", ")
		}
		group = m.group
		b.WriteByte(m.letter)
		b.WriteString(" - " + word)
	}
	if b.Len() == 0 {
		return ""
	}
	if all {
		b.WriteByte(' ')
	}
	return b.String() + eol
}

const eol = "\r\n"

func (p listing) v7() bool { return p.h.m.version.Major >= 7 }

// shownFields are the names of what an item shows beside its letters.
func (p listing) shownFields(it item) []string {
	if len(p.proplist) > 0 {
		return slices.DeleteFunc(slices.Clone(p.proplist), func(n string) bool { _, ok := it.shown[n]; return !ok })
	}
	var names []string
	for _, f := range p.mn.fields {
		if _, ok := it.shown[f.name]; ok && !isMark(f.name) && f.name != "comment" && p.wants(f.name) {
			names = append(names, f.name)
		}
	}
	return names
}

// quoteValue writes a value as print does within a line: quoted where it is
// text or would not be read again as one word.
func quoteValue(name, v string) string {
	const plainText = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/*+,@!"
	plain := v != "" && strings.Trim(v, plainText) == ""
	if name == "name" || name == "log-prefix" || name == "source" || name == "owner" || !plain {
		return rsc.Quote(v)
	}
	return v
}
