package rsc

// Expressions stand in parentheses, and as conditions after find. In a
// condition a bare word on the left is a property, and conditions that follow
// each other without an operator must all hold.

// mode is how an expression is read.
type mode struct {
	condition bool
	lines     bool // newlines are blanks
}

// levels of operators, loosest first.
var levels = [][]string{{"||", "or"}, {"&&", "and"}, {"!=", "=", "~"}, {"."}, {"->"}}

const (
	levelAnd     = 1
	levelCompare = 2
	levelJoin    = 3
)

// maxChain bounds operands in a row, which nest as trees.
const maxChain = 500

// parens reads (expression); () is an empty array.
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
	if p.wordAhead("where") {
		p.pos += len("where")
		p.space(m.lines)
	}
	if p.done(end) {
		return nil
	}
	var err error
	if c.Where, err = p.binary(0, m); err != nil {
		return err
	}
	p.space(m.lines)
	if !p.done(end) {
		return p.unexpected()
	}
	return nil
}

// wordAhead reports whether that word comes next, as a whole word.
func (p *parser) wordAhead(w string) bool {
	if !p.has(w) {
		return false
	}
	after := p.pos + len(w)
	return after == len(p.src) || !isName(p.src[after]) && p.src[after] != '-'
}

// operator returns the operator of a level that comes next, "" without one.
func (p *parser) operator(level int, m mode) string {
	if m.condition && level > levelCompare {
		return "" // names of properties hold dots and dashes
	}
	for _, op := range levels[level] {
		if isLetter(op[0]) && p.wordAhead(op) || !isLetter(op[0]) && p.has(op) {
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
		p.pos += len(op)
		if op == "" && level == levelAnd && m.condition && p.startsCondition() {
			op = "&&"
		}
		if op == "" {
			return x, nil
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

// startsCondition reports whether a further condition follows without an
// operator.
func (p *parser) startsCondition() bool {
	return !p.eof() && p.operator(0, mode{}) == "" && (p.at(`"$[(!.`) || isName(p.src[p.pos]))
}

// compared reads the right side of a comparison in a condition, where bare
// text extends to the next blank.
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
	if !p.at("!") {
		return p.primary(m)
	}
	p.pos++
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.unary(m)
	return &Unary{at, x}, err
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
		start := p.pos
		for !p.eof() && (isName(p.src[p.pos]) || p.at(".-")) {
			p.pos++
		}
		return &Property{at, p.src[start:p.pos]}, nil
	case c == '*', isName(c):
		return &Literal{at, p.atom()}, nil
	}
	return nil, p.unexpected()
}

// atom reads a literal in an expression. A dot belongs to it between digits
// alone, as in an address; elsewhere it joins text.
func (p *parser) atom() string {
	start := p.pos
	for p.pos++; !p.eof(); p.pos++ {
		c := p.src[p.pos]
		between := isDigit(p.src[p.pos-1]) && p.pos+1 < len(p.src) && isDigit(p.src[p.pos+1])
		joins := between && (c == '.' || c == '/' || c == ':')
		if !isName(c) && !joins {
			break
		}
	}
	return p.src[start:p.pos]
}
