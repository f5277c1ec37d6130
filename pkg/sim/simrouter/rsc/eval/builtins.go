package eval

import (
	"errors"
	"slices"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// spec is a command of the language: its arguments, and since when it exists.
type spec struct {
	unnamed []string // may be given without their names, in this order
	named   []string // with their names alone
	flags   []string
	since   [2]int
}

var builtins = map[string]*spec{
	"put":         {unnamed: []string{"message"}},
	"local":       {unnamed: []string{"name", "value"}, named: []string{"do"}},
	"global":      {unnamed: []string{"name", "value"}, named: []string{"do"}},
	"set":         {unnamed: []string{"name", "value"}, named: []string{"do"}},
	"if":          {unnamed: []string{"condition"}, named: []string{"do", "else"}},
	"for":         {unnamed: []string{"counter"}, named: []string{"from", "to", "step", "do"}},
	"foreach":     {unnamed: []string{"counter"}, named: []string{"in", "do"}},
	"while":       {unnamed: []string{"condition"}, named: []string{"do"}},
	"do":          {unnamed: []string{"command"}, named: []string{"on-error", "while"}},
	"onerror":     {unnamed: []string{"error"}, named: []string{"in", "do"}, since: [2]int{7, 13}},
	"error":       {unnamed: []string{"message"}},
	"return":      {unnamed: []string{"value"}},
	"nothing":     {},
	"delay":       {unnamed: []string{"delay-time"}},
	"log":         {unnamed: []string{"topics", "message"}},
	"parse":       {unnamed: []string{"source"}},
	"len":         {unnamed: []string{"value"}},
	"typeof":      {unnamed: []string{"value"}},
	"tostr":       {unnamed: []string{"value"}},
	"tonum":       {unnamed: []string{"value"}},
	"tobool":      {unnamed: []string{"value"}},
	"toid":        {unnamed: []string{"value"}},
	"toip":        {unnamed: []string{"value"}},
	"totime":      {unnamed: []string{"value"}},
	"toarray":     {unnamed: []string{"value"}},
	"pick":        {unnamed: []string{"counter", "begin", "end"}},
	"find":        {unnamed: []string{"in", "key", "from"}},
	"serialize":   {unnamed: []string{"value"}, named: []string{"to", "options", "delimiter", "order"}, since: [2]int{7, 13}},
	"deserialize": {unnamed: []string{"value"}, named: []string{"from", "options", "delimiter"}, since: [2]int{7, 13}},
}

func (s *spec) signature() Signature {
	return Signature{
		Unnamed: s.unnamed,
		Has:     func(name string) bool { return slices.Contains(s.named, name) || slices.Contains(s.unnamed, name) },
		Flag:    func(word string) bool { return slices.Contains(s.flags, word) },
	}
}

// args are the arguments of a command of the language, not yet evaluated.
type args struct {
	*run
	c     *rsc.Command
	nodes map[string]rsc.Node
}

func (a args) has(name string) bool { return a.nodes[name] != nil }

func (a args) value(name string) (value.Value, error) {
	n := a.nodes[name]
	switch n := n.(type) {
	case nil:
		return value.Value{}, nil
	case *rsc.Literal:
		return value.CommaList(n.Text), nil
	}
	return a.eval(n)
}

// need is value for arguments that must be there.
func (a args) need(name string) (value.Value, error) {
	if !a.has(name) {
		return value.Value{}, a.fail(a.c, "missing value(s) of argument(s) "+name)
	}
	return a.value(name)
}

func (a args) num(name string, otherwise int64) (int64, error) {
	if !a.has(name) {
		return otherwise, nil
	}
	v, err := a.value(name)
	if err != nil {
		return 0, err
	}
	n, ok := v.ToNum()
	if !ok {
		return 0, a.fail(a.c, "invalid value for argument "+name)
	}
	return n, nil
}

// run runs the code of an argument.
func (a args) do(name string, vars map[string]*variable) (value.Value, error) {
	if !a.has(name) {
		return value.Value{}, nil
	}
	f := a.frame
	if vars != nil {
		f = &frame{scope: &scope{outer: f.scope, vars: vars}, context: f.context}
	}
	if b, ok := a.nodes[name].(*rsc.Block); ok {
		return a.block(f, b, false)
	}
	v, err := a.value(name)
	if err != nil || v.Kind != value.Code {
		return v, err
	}
	return a.block(f, v.Code().(*function).block, false)
}

// builtin runs a command of the language.
func (r *run) builtin(c *rsc.Command, name part, words []rsc.Word, captured bool) (value.Value, error) {
	s := builtins[name.Text]
	if s == nil || !r.host.AtLeast(s.since[0], s.since[1]) {
		return value.Value{}, badCommand(name)
	}
	a := args{r, c, map[string]rsc.Node{}}
	unnamed := s.unnamed
	for _, w := range words {
		key := w.Key
		if key == "" {
			if len(unnamed) == 0 {
				return value.Value{}, endExpected(w)
			}
			key, unnamed = unnamed[0], unnamed[1:]
		}
		a.nodes[key] = w.Value
	}
	switch name.Text {
	case "put":
		v, err := a.need("message")
		if err != nil {
			return value.Value{}, err
		}
		return value.Value{}, r.print(c, v.Text()+"\r\n")
	case "local", "global", "set":
		return value.Value{}, a.assign(name.Text)
	case "error":
		v, err := a.value("message")
		if err != nil {
			return value.Value{}, err
		}
		return value.Value{}, &Error{Pos: c.Pos, Class: Thrown, Text: v.Text()}
	case "return":
		v, err := a.value("value")
		if err != nil {
			return value.Value{}, err
		}
		return value.Value{}, &returned{v}
	case "nothing":
		return value.Value{}, nil
	case "log":
		return value.Value{}, a.log()
	case "parse":
		return a.parse()
	case "if", "for", "foreach", "while", "do", "onerror", "delay":
		return a.control(name.Text)
	case "serialize":
		return a.serialize()
	case "deserialize":
		return a.deserialize()
	}
	return a.convert(name.Text)
}

func (a args) log() error {
	topics, err := a.need("topics")
	if err != nil {
		return err
	}
	message, err := a.need("message")
	if err != nil {
		return err
	}
	a.host.Log("script,"+topics.Text(), message.Text())
	return nil
}

// parse is :parse: what it prints says whether the text is right, and it can be
// called.
func (a args) parse() (value.Value, error) {
	source := ""
	if b, ok := a.nodes["source"].(*rsc.Block); ok {
		source = b.Source
	} else {
		v, err := a.need("source")
		if err != nil {
			return value.Value{}, err
		}
		source = v.Text()
	}
	if err := a.spend(a.c, len(source)); err != nil {
		return value.Value{}, err
	}
	b, err := rsc.Parse(source)
	if err != nil {
		return value.OfString("(<%% " + err.Error() + ")"), nil
	}
	uses, err := check(a.host, b, a.frame.context)
	var bad *Error
	if errors.As(err, &bad) {
		text := bad.Words(false)
		if len(uses) > 0 {
			return value.OfString("(evl " + text + " " + uses[len(uses)-1].String() + ")"), nil
		}
		return value.OfString("(<%% " + text + ")"), nil
	}
	shown := "(evl"
	for _, u := range uses {
		shown += " " + u.String()
	}
	return codeOf(&function{b, a.frame.context, shown + ")"}), nil
}

func (u Use) String() string { return u.Path + "/" + u.Command }
