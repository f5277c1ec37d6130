package rsc

import (
	"fmt"
	"strings"
)

// Parse reads a script. Errors are *SyntaxError.
func Parse(src string) (*Block, error) {
	p := newParser(src)
	b := &Block{Pos: p.here()}
	var err error
	b.Commands, err = p.commands(0, b.Pos)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// commands reads up to the bracket end, which it consumes, or to the end of the
// text. The opening bracket was at open.
func (p *parser) commands(end byte, open Pos) ([]*Command, error) {
	var all []*Command
	for {
		p.space(true)
		switch {
		case p.eof() && end == 0:
			return all, nil
		case p.eof():
			return nil, p.unclosed(end, open)
		case p.src[p.pos] == end:
			p.pos++
			return all, nil
		case p.at(";"):
			p.pos++
			continue
		case p.at("#"):
			for !p.eof() && !p.at("\n") {
				p.pos++
			}
			continue
		}
		c, err := p.command(end)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

// unclosed fails at the end of the text over a bracket opened at open.
func (p *parser) unclosed(end byte, open Pos) error {
	what := map[byte]string{']': "bracket", ')': "parenthesis", '}': "brace"}[end]
	return p.fail(fmt.Sprintf("missing closing %s, opened in line %d", what, open.Line))
}

// done reports whether a command ends here.
func (p *parser) done(end byte) bool {
	return p.eof() || p.at(";") || p.at("\n") && end != ']' || p.src[p.pos] == end
}

// command reads one statement, which is known to have a first word. Within
// brackets it may go over several lines.
func (p *parser) command(end byte) (*Command, error) {
	c := &Command{Pos: p.here()}
	for {
		p.space(end == ']')
		if p.done(end) {
			return c, nil
		}
		w, err := p.word(c)
		if err != nil {
			return nil, err
		}
		c.Words = append(c.Words, w)
		if c.startsCondition(w) {
			if err := p.where(c, end); err != nil {
				return nil, err
			}
		}
	}
}

// Global reports whether c is a command of the language itself, such as :put.
func (c *Command) Global() bool {
	name, ok := c.Words[0].Bare()
	return ok && strings.HasPrefix(name, ":")
}

func (c *Command) startsCondition(w Word) bool {
	name, ok := w.Bare()
	return ok && !c.Global() && c.Where == nil &&
		(name == "find" || strings.HasSuffix(name, "/find"))
}

const (
	wordEnd  = " \t\n;=\"[]{}()$"
	valueEnd = " \t\n;\"[]{}()$"
)

// word reads one word of c, including the value of key=value.
func (p *parser) word(c *Command) (Word, error) {
	w := Word{Pos: p.here()}
	var err error
	if p.at(`"[$({`) {
		w.Value, err = p.compound(c, "")
		return w, err
	}
	text := p.bare(wordEnd)
	if text == "" {
		return w, p.unexpected()
	}
	if !p.at("=") || len(c.Words) == 0 {
		if p.at("=") {
			return w, p.unexpected()
		}
		w.Value = &Literal{w.Pos, text}
		return w, nil
	}
	p.pos++
	for p.continued() {
	}
	w.Key = text
	w.Value, err = p.value(c, text)
	return w, err
}

// value reads the right side of key=, which may be empty.
func (p *parser) value(c *Command, key string) (Node, error) {
	if p.at(`"[$({`) {
		return p.compound(c, key)
	}
	at := p.here()
	return &Literal{at, p.bare(valueEnd)}, nil
}

// compound reads a value that does not begin like a bare word.
func (p *parser) compound(c *Command, key string) (Node, error) {
	switch p.src[p.pos] {
	case '"':
		return p.quoted()
	case '[':
		return p.sub()
	case '$':
		return p.dollar()
	case '(':
		return p.parens(false)
	}
	switch {
	case c.takesBlock(key):
		return p.block()
	case key == "source" || key == "on-event" || strings.HasSuffix(key, "script"):
		return p.code()
	}
	return p.array()
}

// takesBlock reports whether braces in that place of c hold commands; elsewhere
// they hold an array.
func (c *Command) takesBlock(key string) bool {
	if len(c.Words) == 0 || key == "do" || key == "else" || key == "on-error" {
		return true
	}
	name, _ := c.Words[0].Bare()
	return name == ":do" && len(c.Words) == 1 && key == ""
}

// code reads {commands} as text: the source of a script that runs later.
func (p *parser) code() (Node, error) {
	at := p.here()
	p.pos++
	start, depth, quoted := p.pos, 1, false
	for ; !p.eof(); p.pos++ {
		switch c := p.src[p.pos]; {
		case c == '\n':
			p.newline()
			p.pos--
		case c == '\\' && p.pos+1 < len(p.src) && p.src[p.pos+1] != '\n':
			p.pos++
		case c == '"':
			quoted = !quoted
		case c == '{' && !quoted:
			depth++
		case c == '}' && !quoted:
			if depth--; depth == 0 {
				text := p.src[start:p.pos]
				p.pos++
				return &String{at, []Node{&Text{at, text}}}, nil
			}
		}
	}
	return nil, p.unclosed('}', at)
}

// block reads {commands}.
func (p *parser) block() (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	b := &Block{Pos: p.here()}
	p.pos++
	var err error
	if b.Commands, err = p.commands('}', b.Pos); err != nil {
		return nil, err
	}
	return b, nil
}

// sub reads [commands].
func (p *parser) sub() (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	s := &Sub{Pos: p.here()}
	p.pos++
	commands, err := p.commands(']', s.Pos)
	if err != nil {
		return nil, err
	}
	s.Block = &Block{s.Pos, commands}
	return s, nil
}

// array reads {a; b; "k"=c}.
func (p *parser) array() (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	a := &Array{Pos: p.here()}
	p.pos++
	for {
		p.space(true)
		switch {
		case p.eof():
			return nil, p.unclosed('}', a.Pos)
		case p.at("}"):
			p.pos++
			return a, nil
		case p.at(";"):
			p.pos++
			continue
		}
		item := ArrayItem{}
		var err error
		if item.Value, err = p.element(); err != nil {
			return nil, err
		}
		if p.at("=") {
			p.pos++
			item.Key = item.Value
			if item.Value, err = p.element(); err != nil {
				return nil, err
			}
		}
		a.Items = append(a.Items, item)
		p.space(true)
		if !p.at(";}") {
			return nil, p.unexpected()
		}
	}
}

// element reads one value within an array.
func (p *parser) element() (Node, error) {
	if p.at("{") {
		return p.array()
	}
	if p.at(`"[$(`) {
		return p.compound(&Command{}, "")
	}
	at := p.here()
	return &Literal{at, p.bare(wordEnd)}, nil
}
