package rsc

import "strings"

// maxNesting bounds how deep brackets, braces and parentheses may nest.
const maxNesting = 64

// parser reads a script from left to right, without a token stream: the meaning
// of a character depends on its place.
type parser struct {
	src   string
	pos   int
	line  int
	start int // of the line
	depth int // of nesting
}

func newParser(src string) *parser {
	return &parser{src: strings.ReplaceAll(src, "\r\n", "\n"), line: 1}
}

func (p *parser) here() Pos { return Pos{p.line, p.pos - p.start + 1} }

func (p *parser) eof() bool { return p.pos >= len(p.src) }

// at reports whether one of the characters of set comes next.
func (p *parser) at(set string) bool {
	return !p.eof() && strings.IndexByte(set, p.src[p.pos]) >= 0
}

func (p *parser) has(prefix string) bool { return strings.HasPrefix(p.src[p.pos:], prefix) }

func (p *parser) fail(detail string) error {
	return &SyntaxError{Pos: p.here(), Text: "syntax error", Detail: detail}
}

// unexpected fails over the next character.
func (p *parser) unexpected() error {
	if p.eof() {
		return p.fail("unexpected end")
	}
	return p.fail("unexpected " + quoteByte(p.src[p.pos]))
}

func quoteByte(c byte) string {
	if c < ' ' || c > '~' {
		return "character"
	}
	return "\"" + string(rune(c)) + "\""
}

func (p *parser) newline() {
	p.pos++
	p.line++
	p.start = p.pos
}

// enter and leave count nesting.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail("nested too deeply")
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// space skips blanks and continued lines, and with newlines also those.
func (p *parser) space(newlines bool) {
	for !p.eof() {
		switch c := p.src[p.pos]; {
		case c == ' ' || c == '\t':
			p.pos++
		case c == '\n' && newlines:
			p.newline()
		case !p.continued():
			return
		}
	}
}

// continued skips a backslash at the end of a line and the indent after it.
func (p *parser) continued() bool {
	if !p.has("\\\n") {
		return false
	}
	p.pos++
	p.newline()
	for p.at(" \t") {
		p.pos++
	}
	return true
}

// bare reads up to a character of stop, or a continued line.
func (p *parser) bare(stop string) string {
	start := p.pos
	for !p.eof() && !p.at(stop) && !p.has("\\\n") {
		p.pos++
	}
	return p.src[start:p.pos]
}

// quoted reads a string in quotes, with RouterOS's escapes and substitutions:
// $name, $[command] and $(expression).
func (p *parser) quoted() (Node, error) {
	s := &String{Pos: p.here()}
	p.pos++
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			s.Parts = append(s.Parts, &Text{s.Pos, b.String()})
			b.Reset()
		}
	}
	for !p.eof() {
		if p.continued() {
			continue
		}
		switch c := p.src[p.pos]; c {
		case '"':
			p.pos++
			flush()
			return s, nil
		case '$':
			flush()
			n, err := p.dollar()
			if err != nil {
				return nil, err
			}
			s.Parts = append(s.Parts, n)
		case '\n':
			return nil, p.fail("missing closing quote")
		case '\\':
			p.pos++
			if err := p.escape(&b); err != nil {
				return nil, err
			}
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return nil, p.fail("missing closing quote")
}

// escapes are the letters after a backslash, and what they stand for.
const (
	escapeLetters = "\"\\$?nrt_abfv"
	escapeMeaning = "\"\\$?\n\r\t \a\b\f\v"
	upperHex      = "0123456789ABCDEF"
)

func (p *parser) escape(b *strings.Builder) error {
	if p.eof() {
		return p.fail("missing closing quote")
	}
	rest := p.src[p.pos:]
	if i := strings.IndexByte(escapeLetters, rest[0]); i >= 0 {
		b.WriteByte(escapeMeaning[i])
		p.pos++
		return nil
	}
	if len(rest) > 1 {
		// Capitals only: routers read \af as a bell and an f.
		hi, lo := strings.IndexByte(upperHex, rest[0]), strings.IndexByte(upperHex, rest[1])
		if hi >= 0 && lo >= 0 {
			b.WriteByte(byte(hi<<4 | lo))
			p.pos += 2
			return nil
		}
	}
	return p.fail("unknown escape \\" + rest[:1] + " in quotes; bytes are written like \\0A, in capitals")
}

// dollar reads $name, $[command] or $(expression).
func (p *parser) dollar() (Node, error) {
	at := p.here()
	p.pos++
	switch {
	case p.at("["):
		return p.sub()
	case p.at("("):
		return p.parens(false)
	}
	start := p.pos
	for !p.eof() && isName(p.src[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return nil, p.fail(`not the name of a variable; write \$ for a dollar sign`)
	}
	return &Variable{at, p.src[start:p.pos]}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

func isName(c byte) bool { return isDigit(c) || isLetter(c) }
