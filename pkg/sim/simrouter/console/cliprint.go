package console

import (
	"fmt"
	"slices"
	"strings"
)

// columns are what the menus show that print as a table.
var columns = map[string][]string{
	"/ip/firewall/address-list": {"list", "address", "creation-time", "timeout"},
	"/ip/route":                 {"dst-address", "gateway", "routing-table", "distance"},
	"/interface":                {"name", "type"},
	"/user":                     {"name", "group", "last-logged-in"},
	"/log":                      {"time", "topics", "message"},
}

// settings is how menus of one row print: keys right-aligned.
func (p listing) settings(items []item) string {
	var b strings.Builder
	for _, it := range items {
		names := p.shownFields(it)
		width := 0
		for _, n := range names {
			width = max(width, len(n))
		}
		for _, n := range names {
			fmt.Fprintf(&b, "  %*s: %s%s", width, n, display(n, it.shown[n]), eol)
		}
	}
	return b.String()
}

func (p listing) log(items []item) string {
	var b strings.Builder
	for _, it := range items {
		b.WriteString(" " + it.shown["time"] + " " + it.shown["topics"] + " " + it.shown["message"] + eol)
	}
	return b.String()
}

// terse is one line a row, with values as they are: nothing is quoted.
func (p listing) terse(items []item) string {
	var b strings.Builder
	for _, it := range items {
		if !p.v7() {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d %-2s", it.number, it.flags)
		if c, ok := it.shown["comment"]; ok && p.wants("comment") {
			b.WriteString("comment=" + c + " ")
		}
		for _, n := range p.shownFields(it) {
			b.WriteString(n + "=" + display(n, it.shown[n]) + " ")
		}
		b.WriteString(eol)
	}
	return b.String()
}

// detail is a paragraph a row, with everything in it.
func (p listing) detail(items []item) string {
	var b strings.Builder
	b.WriteString(p.legend("", true))
	letters := 2
	if p.v7() {
		letters = 0
		for _, it := range items {
			letters = max(letters, len(it.flags))
		}
		if letters > 0 {
			letters++
		}
	}
	indent := strings.Repeat(" ", 3+letters)
	if !p.v7() {
		indent = strings.Repeat(" ", 6)
	}
	for _, it := range items {
		head := fmt.Sprintf("%2d %-*s", it.number, letters, it.flags)
		if !p.v7() {
			head += " "
		}
		w := wrapper{width: p.width, indent: indent}
		w.b.WriteString(head)
		w.column = len(head)
		if c, ok := it.shown["comment"]; ok && p.wants("comment") {
			w.b.WriteString(";;; " + c)
			w.newline()
		}
		if p.has("show-ids") {
			w.word(it.shown[argID])
		}
		for _, n := range p.shownFields(it) {
			w.word(n + "=" + quoteValue(n, display(n, it.shown[n])))
		}
		b.WriteString(w.b.String() + " " + eol + eol)
	}
	return b.String()
}

// wrapper breaks lines between words.
type wrapper struct {
	b      strings.Builder
	width  int
	indent string
	column int
	begun  bool // the line has a word
}

func (w *wrapper) newline() {
	w.b.WriteString(eol + w.indent)
	w.column, w.begun = len(w.indent), false
}

func (w *wrapper) word(s string) {
	if w.begun && w.width > 0 && w.column+1+len(s) > w.width {
		w.newline()
	}
	if w.begun {
		w.b.WriteByte(' ')
		w.column++
	}
	w.b.WriteString(s)
	w.column += len(s)
	w.begun = true
}

// table is one line a row under headings.
func (p listing) table(items []item) string {
	names := p.columnNames(items)
	seen := ""
	for _, it := range items {
		seen += it.flags
	}
	if p.v7() && len(items) == 0 {
		return ""
	}
	number, letters := 1, 0
	width := make([]int, len(names))
	for i, n := range names {
		width[i] = len(n)
	}
	for _, it := range items {
		number = max(number, len(fmt.Sprint(it.number)))
		letters = max(letters, len(it.flags))
		for i, n := range names {
			width[i] = max(width[i], len(display(n, it.shown[n])))
		}
	}
	var b strings.Builder
	b.WriteString(p.legend(seen, !p.v7()))
	margin := ""
	if p.v7() {
		b.WriteString("Columns: " + strings.ToUpper(strings.Join(names, ", ")) + eol)
		if letters > 0 {
			letters++
		}
	} else {
		margin, letters = " ", 3
	}
	line := func(head string, cell func(i int) string) {
		fmt.Fprintf(&b, "%s%-*s", margin, number+1+letters, head)
		for i := range names {
			fmt.Fprintf(&b, "%-*s  ", width[i], cell(i))
		}
		b.WriteString(eol)
	}
	line("#", func(i int) string { return strings.ToUpper(names[i]) })
	for _, it := range items {
		head := fmt.Sprintf("%-*d %s", number, it.number, it.flags)
		if c, ok := it.shown["comment"]; ok {
			if p.v7() {
				b.WriteString(";;; " + c + eol)
			} else {
				fmt.Fprintf(&b, "%s%-*s;;; %s%s", margin, number+1+letters, head, c, eol)
				head = ""
			}
		}
		line(head, func(i int) string { return display(names[i], it.shown[names[i]]) })
	}
	return b.String()
}

// columnNames are the columns of a table that have something in them.
func (p listing) columnNames(items []item) []string {
	names := columns[p.mn.path]
	if len(p.proplist) > 0 {
		return p.proplist
	}
	if p.has("stats") || names == nil {
		names = nil
		for _, f := range p.mn.fields {
			lead := f.name == "name" || f.name == "chain" || f.name == "action"
			if lead || p.has("stats") && f.kind == counter || !p.has("stats") && f.need {
				names = append(names, f.name)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return len(items) > 0 && !slices.ContainsFunc(items, func(it item) bool { return it.shown[n] != "" })
	})
}
