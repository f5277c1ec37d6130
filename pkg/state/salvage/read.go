package salvage

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Node is what is left of a value in a damaged text.
type Node struct {
	// Text is the value as it was written, when all of it is readable, and nil
	// when not.
	Text json.RawMessage

	Members map[string]*Node  // of a damaged object: those of which something is left
	Items   []json.RawMessage // of a damaged list: the readable ones
	IsList  bool
}

const (
	// readDepth bounds how deep damage is followed.
	readDepth = 32
	// maxName bounds the name of a member next to damage, and maxTries how often
	// the text may be scanned in vain, so that hostile text costs no hours.
	maxName  = 256
	maxTries = 30
)

// Read reads what is readable of an object: every member whose name and value
// are intact, whatever happened to the text before and behind it. A number at
// the very end of the text is not, for digits may be missing. Where braces are
// lost, shape tells which object a member belongs to.
func Read(text []byte, shape *Shape) *Node {
	r := reader{scanner: scanner{text: text}}
	root := r.root(shape)
	if r.unbalanced && r.odd {
		// Something in the middle opened or closed an object that should not.
		r = reader{scanner: r.scanner, place: true}
		root = r.root(shape)
	}
	return root
}

// reader reads on after damage, where scanner gives up.
type reader struct {
	scanner
	place bool // go by shapes rather than by braces

	// state
	pos        int
	up         []*Shape // of the objects that are open
	vain       int      // bytes scanned for values that were not intact
	unbalanced bool     // an object was open at the end, or all were closed before it
	odd        bool     // there was damage before the end of the text
}

func (r *reader) root(shape *Shape) *Node {
	n := &Node{Members: map[string]*Node{}}
	if r.pos = r.space(0); r.at(r.pos) == '{' {
		r.pos++
	}
	for {
		r.members(n, shape)
		if r.pos = r.space(r.pos); r.pos >= len(r.text) {
			return n
		}
		r.unbalanced, r.odd = true, true
	}
}

// members reads members into n up to the brace that closes the object, or to
// one that belongs to an object around it.
func (r *reader) members(n *Node, shape *Shape) {
	r.up = append(r.up, shape)
	defer func() { r.up = r.up[:len(r.up)-1] }()
	var last *Node // the member before, when it is a damaged object
	var lastShape *Shape
	for {
		r.skipCommas()
		switch c := r.at(r.pos); {
		case r.pos >= len(r.text):
			r.unbalanced = true
			return
		case c == '}':
			r.pos++
			return
		case c == ']': // a brace with one bit turned
			r.odd = true
			r.pos++
			return
		}
		name, after, ok := r.name(r.pos, shape)
		if !ok {
			r.junk(shape)
			continue
		}
		if r.place && !shape.knows(name) {
			if r.around(name) {
				return
			}
			if last != nil && lastShape.knows(name) {
				r.members(last, lastShape)
				continue
			}
		}
		r.pos = after
		v := r.member(shape.member(name))
		if v == nil {
			r.junk(shape)
			last = nil
			continue
		}
		if old := n.Members[name]; old == nil || old.Text == nil || v.Text != nil {
			n.Members[name] = v
		}
		last, lastShape = nil, nil
		if v.Members != nil {
			last, lastShape = v, shape.member(name)
		}
	}
}

// around reports whether an object around the one being read knows name.
func (r *reader) around(name string) bool {
	for _, s := range r.up[:len(r.up)-1] {
		if s.knows(name) {
			return true
		}
	}
	return false
}

// intact returns the end of the value at i, when all of it is readable.
func (r *reader) intact(i int) (int, error) {
	if r.vain > maxTries*len(r.text) {
		return i, r.unexpected(i)
	}
	end, err := r.value(i, 0)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		r.vain += syntax.Offset - i
	}
	return end, err
}

func (r *reader) skipCommas() {
	for r.pos = r.space(r.pos); r.at(r.pos) == ','; {
		r.pos = r.space(r.pos + 1)
	}
}

// junk moves to where a member may begin again.
func (r *reader) junk(shape *Shape) {
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; c {
		case '}':
			r.odd = true
			return
		case '{', '[':
			// Members of a value without a name are not members of this object.
			if end, err := r.intact(r.pos); err == nil {
				r.pos = end - 1
			}
		default:
			if before := r.at(r.pos - 1); c != '"' && !isSpace(before) && before != ',' {
				continue
			}
			if _, _, ok := r.name(r.pos, shape); ok {
				r.odd = true
				return
			}
		}
	}
}

// name reads the name of a member and the colon. A known name may have lost one
// of its quotes or its colon.
func (r *reader) name(i int, shape *Shape) (name string, after int, ok bool) {
	if r.at(i) == '"' {
		short := scanner{text: r.text[:min(len(r.text), i+maxName)]}
		if end, err := short.quoted(i); err == nil {
			if colon := r.space(end); r.at(colon) == ':' {
				return unquote(r.text[i:end]), colon + 1, true
			}
		}
	}
	return r.brokenName(i, shape)
}

// brokenName is name where a quote or the colon is lost.
func (r *reader) brokenName(i int, shape *Shape) (name string, after int, ok bool) {
	if shape == nil || i+1 >= len(r.text) {
		return "", i, false
	}
	text := r.text[i+1 : min(len(r.text), i+maxName)]
	if end := bytes.IndexByte(text, '"'); end > 0 && end+1 < len(text) && shape.knows(string(text[:end])) {
		colon := text[end+1]
		// A comma or a bracket there would make it a text and no name.
		if colon == ':' || r.text[i] == '"' && bytes.IndexByte([]byte(",]}"), colon) < 0 {
			return string(text[:end]), i + end + 3, true
		}
	}
	if end := bytes.IndexByte(text, ':') - 1; end > 0 && r.text[i] == '"' && shape.knows(string(text[:end])) {
		return string(text[:end]), i + end + 3, true
	}
	return "", i, false
}

// member reads the value of a member, as far as it is readable. Nil is a value
// of which nothing is, and leaves pos at its beginning.
func (r *reader) member(shape *Shape) *Node {
	r.pos = r.space(r.pos)
	start := r.pos
	if end, err := r.intact(start); err == nil {
		if next, ok := r.ends(start, end); ok {
			r.pos = next
			return &Node{Text: bytes.Clone(r.text[start:end])}
		}
	}
	if len(r.up) > readDepth || start >= len(r.text) {
		return nil
	}
	c := r.at(start)
	inside := r.space(start + 1)
	_, _, named := r.name(inside, shape)
	isList := shape.is(list) || !shape.is(object) && r.lostBracket(start)
	switch opens := c == '{' || c == '['; {
	case c == '{' && !isList, named && (c == '[' || shape.is(object)), opens && shape.is(object):
		r.pos++
		n := &Node{Members: map[string]*Node{}}
		r.members(n, shape)
		return n
	case opens, shape.is(list) && r.lostBracket(start):
		r.odd = r.odd || !opens
		r.pos++
		n := &Node{IsList: true}
		r.items(n)
		return n
	}
	return nil
}

// lostBracket reports whether the byte at i stands where a list began.
func (r *reader) lostBracket(i int) bool {
	if bytes.IndexByte([]byte(`",}]-0123456789`), r.at(i)) >= 0 {
		return false
	}
	end, err := r.intact(r.space(i + 1))
	c := r.at(r.space(end))
	return err == nil && (c == ',' || c == ']')
}

// ends reports whether the value from start to end ends there, and where to read
// on. One byte of damage may stand between it and the next member, but a number
// could then have been a longer one.
func (r *reader) ends(start, end int) (next int, ok bool) {
	number := r.at(end-1) >= '0' && r.at(end-1) <= '9' && r.at(start) != '"'
	at := r.space(end)
	switch c := r.at(at); {
	case at >= len(r.text):
		return at, !number
	case c == ',' || c == '}' || c == ']':
		return at, true
	case c == '"':
		_, _, ok := r.name(at, nil)
		r.odd = r.odd || ok
		return at, ok
	case bytes.IndexByte([]byte("0123456789+-.eE"), c) >= 0 && number:
		return at, false
	}
	after := r.space(at + 1)
	_, _, ok = r.name(after, nil)
	if c := r.at(after); !number && (c == ',' || c == '}' || c == ']' || after >= len(r.text)) {
		ok = true
	}
	r.odd = r.odd || ok
	return after, ok
}

// items reads items into n up to the bracket that closes the list, or to a
// member of an object around it.
func (r *reader) items(n *Node) {
	for {
		r.skipCommas()
		start := r.pos
		switch c := r.at(start); {
		case start >= len(r.text):
			r.unbalanced = true
			return
		case c == ']':
			r.pos++
			return
		case c == '}':
			r.odd = true
			r.pos++
			return
		}
		if name, after, ok := r.name(start, nil); ok {
			r.odd = true
			if !r.place || r.around(name) || r.up[len(r.up)-1].knows(name) {
				return
			}
			r.pos = after // of an item that lost its brace
			continue
		}
		if end, err := r.intact(start); err == nil {
			at := r.space(end)
			c := r.at(at)
			number := r.at(end-1) >= '0' && r.at(end-1) <= '9' && r.at(start) != '"'
			if c == ',' || c == ']' || c == '}' || at >= len(r.text) && !number {
				n.Items = append(n.Items, bytes.Clone(r.text[start:end]))
				r.pos = end
				continue
			}
		}
		r.pos++
		switch c := r.at(start); {
		case len(r.up) > readDepth:
		case c == '{':
			r.members(&Node{Members: map[string]*Node{}}, nil)
		case c == '[':
			r.up = append(r.up, nil)
			r.items(&Node{})
			r.up = r.up[:len(r.up)-1]
		default:
			r.itemJunk()
		}
	}
}

// itemJunk moves to where an item may begin, or the list end.
func (r *reader) itemJunk() {
	for ; r.pos < len(r.text); r.pos++ {
		switch r.text[r.pos] {
		case ',', ']', '}', '{', '[', '"':
			return
		}
	}
}
