package rsc

import (
	"slices"
	"strings"
)

// builtins are the commands of the language, with their arguments in order.
var builtins = map[string]Signature{
	":put":     {Unnamed: []string{"message"}},
	":local":   {Unnamed: []string{"name", "value"}},
	":if":      {Unnamed: []string{"condition", "do", "else"}},
	":do":      {Unnamed: []string{"command", "on-error"}},
	":foreach": {Unnamed: []string{"counter", "in", "do"}},
	":error":   {Unnamed: []string{"message"}},
	":len":     {Unnamed: []string{"value"}},
	":typeof":  {Unnamed: []string{"value"}},
	":tostr":   {Unnamed: []string{"value"}},
}

// target is what the first words of a command name: a command of a menu or of
// the language, or, without a name, a menu.
type target struct {
	Pos         // of the name
	path string // of the menu; "" for a command of the language
	name string
	args []Word
}

// resolve follows the words of a command into menus: "/queue tree add" as well
// as "/queue/tree/add".
func resolve(h Host, context string, c *Command) target {
	at := context
	for i, w := range c.Words {
		text, ok := w.Bare()
		if !ok {
			return target{w.Pos, at, "(", c.Words[i:]}
		}
		if i == 0 && text == ":log" {
			text = "/log"
		}
		if i == 0 && text[0] == ':' {
			return target{Pos{w.Line, w.Column + 1}, "", text, c.Words[1:]}
		}
		if text[0] == '/' {
			at = "/"
		}
		column := w.Column
		for part := range strings.SplitSeq(text, "/") {
			next := strings.TrimSuffix(at, "/") + "/" + part
			switch {
			case part == "":
			case h.HasMenu(next):
				at = next
			default:
				return target{Pos{w.Line, column}, at, text[column-w.Column:], c.Words[i+1:]}
			}
			column += len(part) + 1
		}
	}
	return target{path: at}
}

// signature returns the arguments of a command, or the error that there is no
// such command.
func (t target) signature(h Host) (sig Signature, err error) {
	ok := false
	if t.path == "" {
		sig, ok = builtins[t.name]
	} else {
		sig, ok = h.Command(t.path, t.name)
	}
	if !ok {
		name, _, _ := strings.Cut(strings.TrimPrefix(t.name, ":"), "/")
		return sig, &Error{Pos: t.Pos, Text: "bad command name " + name}
	}
	return sig, nil
}

// bind gives the words of a command the names of their arguments. Flags and
// !name have no value of their own: the words are yes and nothing.
func bind(h Host, sig Signature, words []Word) (map[string]Node, error) {
	args := make(map[string]Node, len(words))
	unnamed := sig.Unnamed
	for _, w := range words {
		text, bare := w.Bare()
		unset, not := strings.CutPrefix(text, "!")
		switch {
		case bare && sig.flag(text):
			args[text] = &Literal{w.Pos, "yes"}
		case bare && not && sig.has(unset):
			args[unset] = &Literal{w.Pos, ""}
		case w.Key != "" && (sig.has(w.Key) || slices.Contains(sig.Unnamed, w.Key)):
			args[w.Key] = w.Value
		case w.Key != "" && h.AtLeast(7, 16):
			return nil, &Error{Pos: w.Pos, Text: "bad parameter " + w.Key}
		case w.Key != "" || len(unnamed) == 0:
			return nil, &Error{Pos: w.Pos, Text: "expected end of command"}
		default:
			args[unnamed[0]], unnamed = w.Value, unnamed[1:]
		}
	}
	return args, nil
}

// Use is one command of a menu that a script names.
type Use struct{ Path, Command string }

// Check finds the mistakes in a script that a router finds before it runs it:
// syntax, names of commands, parameters. It returns the commands of menus that
// the script names up to the first mistake.
func Check(src string, h Host) ([]Use, error) {
	b, err := parseScript(src)
	if err != nil {
		return nil, err
	}
	c := checker{host: h}
	err = c.block(b, "/")
	return c.uses, err
}

type checker struct {
	host Host
	uses []Use
}

func (c *checker) block(b *Block, context string) error {
	for _, cmd := range b.Commands {
		if err := c.command(cmd, &context); err != nil {
			return err
		}
	}
	return nil
}

// command checks one statement and follows it into another menu.
func (c *checker) command(cmd *Command, context *string) error {
	inner := *context
	if _, ok := cmd.Words[0].Value.(*Literal); ok {
		t := resolve(c.host, *context, cmd)
		if t.name == "" {
			*context = t.path
			return nil
		}
		sig, err := t.signature(c.host)
		if err != nil {
			return err
		}
		if t.path != "" {
			c.uses = append(c.uses, Use{t.path, t.name})
			inner = t.path
		}
		if _, err := bind(c.host, sig, t.args); err != nil {
			return err
		}
	}
	for _, w := range cmd.Words {
		if err := c.node(w.Value, inner); err != nil {
			return err
		}
	}
	return c.node(cmd.Where, inner)
}

// node checks the commands within an expression.
func (c *checker) node(n Node, context string) error {
	var parts []Node
	switch n := n.(type) {
	case *Block:
		return c.block(n, context)
	case *Sub:
		return c.block(n.Block, context)
	case *String:
		parts = n.Parts
	case *Array:
		for _, it := range n.Items {
			parts = append(parts, it.Key, it.Value)
		}
	case *Unary:
		parts = []Node{n.X}
	case *Binary:
		parts = []Node{n.X, n.Y}
	}
	for _, p := range parts {
		if err := c.node(p, context); err != nil {
			return err
		}
	}
	return nil
}
