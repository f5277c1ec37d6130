// Package rsc reads the form in which RouterOS exports a configuration: one
// command a line, key=value arguments, quotes with escapes, [find ...], and
// lines continued with a backslash. Variables, loops and blocks are not part of
// an export and not understood.
package rsc

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Word is one word of a command.
type Word struct {
	Text   string // a bare or quoted word, or the key before an equals sign
	Value  *Word  // of key=value
	Sub    []Word // of [ ... ]
	Group  bool   // it was [ ... ]
	Quoted bool
	Line   int
}

// Bare reports whether w is a plain word: no quotes, no brackets, no value.
func (w Word) Bare() bool { return w.Value == nil && !w.Group && !w.Quoted }

// Statement is one command; it has at least one word.
type Statement struct {
	Line  int
	Words []Word
}

// SyntaxError is a mistake in a script, with the place where it is.
type SyntaxError struct {
	Line int
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (line %d)", e.Text, e.Line) }

type lexer struct {
	src  string
	pos  int
	line int
}

func (l *lexer) fail(format string, args ...any) error {
	return &SyntaxError{l.line, fmt.Sprintf(format, args...)}
}

// Parse splits a script into statements. Errors are *SyntaxError.
func Parse(src string) ([]Statement, error) {
	l := &lexer{src: strings.ReplaceAll(src, "\r\n", "\n"), line: 1}
	var all []Statement
	for {
		words, more, err := l.words("\n;")
		if err != nil {
			return nil, err
		}
		if len(words) > 0 {
			all = append(all, Statement{Line: words[0].Line, Words: words})
		}
		if !more {
			return all, nil
		}
		if l.src[l.pos] == '\n' {
			l.line++
		}
		l.pos++
	}
}

// words reads words until a character of end, which is not consumed; more is
// false at the end of the text.
func (l *lexer) words(end string) (words []Word, more bool, err error) {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case strings.IndexByte(end, c) >= 0:
			return words, true, nil
		case c == ' ' || c == '\t':
			l.pos++
		case c == '\n':
			l.line++
			l.pos++
		case l.continued():
		case c == '#' && len(words) == 0:
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
		default:
			line := l.line
			w, err := l.word()
			if err != nil {
				return nil, false, err
			}
			w.Line = line
			words = append(words, w)
		}
	}
	return words, false, nil
}

// continued skips a backslash at the end of a line and the indent after it.
func (l *lexer) continued() bool {
	if !strings.HasPrefix(l.src[l.pos:], "\\\n") {
		return false
	}
	l.pos += 2
	l.line++
	for l.pos < len(l.src) && (l.src[l.pos] == ' ' || l.src[l.pos] == '\t') {
		l.pos++
	}
	return true
}

// word reads one word, including the value of key=value.
func (l *lexer) word() (Word, error) {
	switch l.src[l.pos] {
	case '"':
		return l.quoted()
	case '[':
		return l.bracket()
	}
	if err := l.refuse(); err != nil {
		return Word{}, err
	}
	start := l.pos
	for l.pos < len(l.src) && !strings.ContainsRune(" \t\n;=\"[]", rune(l.src[l.pos])) && !strings.HasPrefix(l.src[l.pos:], "\\\n") {
		l.pos++
	}
	w := Word{Text: l.src[start:l.pos]}
	if w.Text == "" {
		return Word{}, l.fail("unexpected %q", l.src[l.pos:l.pos+1])
	}
	if l.pos >= len(l.src) || l.src[l.pos] != '=' {
		return w, nil
	}
	l.pos++
	for l.pos < len(l.src) && l.continued() {
	}
	v := Word{}
	if l.pos < len(l.src) && !strings.ContainsRune(" \t\n;]", rune(l.src[l.pos])) {
		var err error
		if v, err = l.value(); err != nil {
			return Word{}, err
		}
	}
	w.Value = &v
	return w, nil
}

// refuse fails where the script language begins that is not simulated.
func (l *lexer) refuse() error {
	if strings.IndexByte("{}()$", l.src[l.pos]) < 0 {
		return nil
	}
	return l.fail("%q is not understood here: loops, blocks and variables are not simulated", l.src[l.pos:l.pos+1])
}

// value is what stands right of an equals sign; it may itself hold one.
func (l *lexer) value() (Word, error) {
	switch l.src[l.pos] {
	case '"':
		return l.quoted()
	case '[':
		return l.bracket()
	}
	if err := l.refuse(); err != nil {
		return Word{}, err
	}
	start := l.pos
	for l.pos < len(l.src) && !strings.ContainsRune(" \t\n;]\"[", rune(l.src[l.pos])) {
		l.pos++
	}
	return Word{Text: l.src[start:l.pos]}, nil
}

func (l *lexer) bracket() (Word, error) {
	l.pos++
	words, more, err := l.words("]")
	if err != nil {
		return Word{}, err
	}
	if !more {
		return Word{}, l.fail("missing closing bracket")
	}
	l.pos++
	return Word{Group: true, Sub: words}, nil
}

// quoted reads a string in quotes with RouterOS's escapes.
func (l *lexer) quoted() (Word, error) {
	l.pos++
	var b strings.Builder
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if l.continued() {
			continue
		}
		l.pos++
		switch c {
		case '"':
			return Word{Text: b.String(), Quoted: true}, nil
		case '$':
			return Word{}, l.fail("variables are not simulated; write \\$ for a dollar sign")
		case '\n':
			return Word{}, l.fail("missing closing quote")
		case '\\':
			if err := l.escape(&b); err != nil {
				return Word{}, err
			}
		default:
			b.WriteByte(c)
		}
	}
	return Word{}, l.fail("missing closing quote")
}

// escape reads what follows a backslash in quotes.
func (l *lexer) escape(b *strings.Builder) error {
	if l.pos >= len(l.src) {
		return l.fail("missing closing quote")
	}
	rest := l.src[l.pos:]
	if i := strings.IndexByte(`"\$?nrt_`, rest[0]); i >= 0 {
		b.WriteByte("\"\\$?\n\r\t "[i])
		l.pos++
		return nil
	}
	if v, err := hex.DecodeString(rest[:min(2, len(rest))]); err == nil && len(v) == 1 {
		b.Write(v)
		l.pos += 2
		return nil
	}
	return l.fail("unknown escape \\%s in quotes", rest[:1])
}
