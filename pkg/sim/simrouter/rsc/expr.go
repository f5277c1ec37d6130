package rsc

import "strings"

// Expressions stand in parentheses, and as conditions after find and where.
// In a condition a bare word on the left is a property, and conditions that
// follow each other without an operator must all hold.

// mode is how an expression is read.
type mode struct {
	condition bool
	lines     bool // newlines are blanks
}

// levels of operators, loosest first; longer operators before their prefixes.
var levels = [][]string{
	{"||", "or"},
	{"&&", "and"},
	{"!=", "<=", ">=", "=", "<", ">", "~", "in"},
	{".", ","},
	{"<<", ">>", "|", "^", "&"},
	{"+", "-"},
	{"*", "/", "%"},
	{"->"},
}

// maxChain bounds operands in a row, which nest as trees.
const maxChain = 500

const (
	levelAnd     = 1
	levelCompare = 2
	levelJoin    = 3
)

// parens reads (expression); () is nothing.
func (p *parser) parens(condition bool) (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	at := p.here()
	p.pos++
	p.space(true)
	if p.at(")") {
		p.pos++
		return &Array{Pos: at}, nil
	}
	n, err := p.binary(0, mode{condition, true})
	if err != nil {
		return nil, err
	}
	p.space(true)
	switch {
	case p.eof():
		return nil, p.unclosed(')', at)
	case !p.at(")"):
		return nil, p.unexpected()
	}
	p.pos++
	return n, nil
}

// where reads the condition of c up to its end.
func (p *parser) where(c *Command, end byte) error {
	m := mode{condition: true, lines: end == ']'}
	p.space(m.lines)
	if w, ok := c.Words[len(c.Words)-1].Bare(); ok && w != "where" && p.word0("where") {
		p.pos += len("where")
	}
	for n := 0; ; n++ {
		p.space(m.lines)
		if p.done(end) {
			return nil
		}
		if n > maxChain {
			return p.fail("condition too long")
		}
		// A property list is an argument wherever it stands.
		if p.has("proplist=") {
			w, err := p.word(c)
			if err != nil {
				return err
			}
			c.Words = append(c.Words, w)
			continue
		}
		at := p.here()
		n, err := p.binary(0, m)
		if err != nil {
			return err
		}
		if c.Where == nil {
			c.Where = n
		} else {
			c.Where = &Binary{at, "&&", c.Where, n}
		}
	}
}

// word0 reports whether that word comes next, as a whole word.
func (p *parser) word0(w string) bool {
	if !p.has(w) {
		return false
	}
	after := p.pos + len(w)
	return after == len(p.src) || !isName(p.src[after]) && p.src[after] != '-'
}

// operator returns the operator of a level that comes next.
func (p *parser) operator(level int, m mode) string {
	for _, op := range levels[level] {
		switch {
		case isLetter(op[0]):
			if p.word0(op) {
				return op
			}
		case !p.has(op):
		case op == "-" && p.has("->"), op == "|" && p.has("||"), op == "&" && p.has("&&"),
			op == "<" && p.has("<<"), op == ">" && p.has(">>"):
		case m.condition && level > levelCompare:
			// Names of properties hold dots and dashes; sums of them are
			// not asked for.
		default:
			return op
		}
	}
	return ""
}

func (p *parser) binary(level int, m mode) (Node, error) {
	if level == len(levels) {
		return p.unary(m)
	}
	x, err := p.binary(level+1, m)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		if n > maxChain {
			return nil, p.fail("expression too long")
		}
		p.space(m.lines)
		at := p.here()
		op := p.operator(level, m)
		if op == "" {
			if level == levelAnd && m.condition && p.another() {
				op = "&&"
			} else {
				return x, nil
			}
		} else {
			p.pos += len(op)
		}
		p.space(m.lines)
		var y Node
		if m.condition && level == levelCompare {
			y, err = p.compared(m)
		} else {
			y, err = p.binary(level+1, m)
		}
		if err != nil {
			return nil, err
		}
		switch op {
		case "and":
			op = "&&"
		case "or":
			op = "||"
		}
		x = &Binary{at, op, x, y}
	}
}

// another reports whether a further condition follows without an operator.
func (p *parser) another() bool {
	if p.eof() || p.has("proplist=") || p.operator(0, mode{}) != "" {
		return false
	}
	return p.at(`"$[(!.`) || isName(p.src[p.pos])
}

// compared reads the right side of a comparison in a condition, where bare
// text goes on to the next blank.
func (p *parser) compared(m mode) (Node, error) {
	if p.at(`"$[({`) {
		return p.binary(levelJoin, mode{lines: m.lines})
	}
	at := p.here()
	start := p.pos
	for !p.eof() && !p.at(valueEnd) && !p.has("&&") && !p.has("||") && !p.has("\\\n") {
		p.pos++
	}
	return &Literal{at, p.src[start:p.pos]}, nil
}

func (p *parser) unary(m mode) (Node, error) {
	p.space(m.lines)
	at := p.here()
	op := ""
	switch {
	case p.at("!-~"):
		op = p.src[p.pos : p.pos+1]
	case p.word0("not"):
		op = "not"
	default:
		return p.primary(m)
	}
	p.pos += len(op)
	if op == "not" {
		op = "!"
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var x Node
	var err error
	if op == "!" && !m.condition || op == "!" && p.at(" (") {
		x, err = p.binary(levelCompare, m)
	} else {
		x, err = p.unary(m)
	}
	return &Unary{at, op, x}, err
}

func (p *parser) primary(m mode) (Node, error) {
	if p.eof() {
		return nil, p.unexpected()
	}
	at := p.here()
	switch c := p.src[p.pos]; {
	case c == '"':
		return p.quoted()
	case c == '$':
		return p.dollar()
	case c == '[':
		return p.sub()
	case c == '(':
		return p.parens(m.condition)
	case c == '{':
		return p.array()
	case m.condition && (c == '.' || isName(c)):
		return &Property{at, p.propertyName()}, nil
	case c == '*', isDigit(c), isLetter(c):
		return &Literal{at, p.atom()}, nil
	}
	return nil, p.unexpected()
}

func (p *parser) propertyName() string {
	start := p.pos
	for !p.eof() && (isName(p.src[p.pos]) || p.at(".-")) {
		p.pos++
	}
	return p.src[start:p.pos]
}

// atom reads a literal in an expression: a word, a number, an address, a
// duration or an id. What could be an operator belongs to it only where the
// literal would make no sense without.
func (p *parser) atom() string {
	start := p.pos
	p.pos++
	address := false
	for !p.eof() {
		c := p.src[p.pos]
		next := byte(0)
		if p.pos+1 < len(p.src) {
			next = p.src[p.pos+1]
		}
		digits := isDigit(p.src[start])
		switch {
		case isDigit(c) || isLetter(c):
		case c == '.' && digits && isDigit(next), c == ':' && digits && isName(next):
			address = true
		case c == '/' && address && isDigit(next):
		case c == '-' && (!digits || address && strings.Count(p.src[start:p.pos], ".") == 3) && isName(next):
		default:
			return p.src[start:p.pos]
		}
		p.pos++
	}
	return p.src[start:]
}
