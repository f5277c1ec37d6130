package eval

import (
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// globalCommands is the "menu" of the commands that begin with a colon.
const globalCommands = ":"

// part is one name of a path, with its place.
type part struct {
	rsc.Pos
	Text string
}

// resolve follows the words of a command into menus: "/queue tree add" as well
// as "/queue/tree/add". It returns the menu, the first name that is no menu,
// which is "" when all are, and the words after it.
func resolve(h Host, context string, c *rsc.Command) (path string, name part, rest []rsc.Word) {
	at := context
	for i, w := range c.Words {
		text, ok := w.Bare()
		if !ok || text == "where" && i > 0 {
			return at, part{Pos: w.Pos, Text: "("}, c.Words[i:]
		}
		if i == 0 && text[0] == ':' {
			w.Column++
			return globalCommands, part{w.Pos, text[1:]}, c.Words[1:]
		}
		if text[0] == '/' {
			at = "/"
		}
		column := w.Column
		for p := range strings.SplitSeq(text, "/") {
			here := part{rsc.Pos{Line: w.Line, Column: column}, p}
			column += len(p) + 1
			next := strings.TrimSuffix(at, "/") + "/" + p
			switch {
			case p == "":
			case p == "..":
				at = at[:max(1, strings.LastIndexByte(at, '/'))]
			case h.HasMenu(next):
				at = next
			default:
				if i == 0 && at == "/" && text == p && builtins[p] != nil && p != "set" && p != "find" {
					return globalCommands, here, c.Words[1:]
				}
				here.Text = strings.TrimPrefix(w.Value.(*rsc.Literal).Text[here.Column-w.Column:], "/")
				return at, here, c.Words[i+1:]
			}
		}
	}
	return at, part{}, nil
}

func badCommand(name part) error {
	return &Error{Pos: name.Pos, Class: Syntax, Text: "bad command name " + strings.SplitN(name.Text, "/", 2)[0]}
}

func endExpected(w rsc.Word) error {
	return &Error{Pos: w.Pos, Class: Syntax, Text: "expected end of command"}
}

// Use is one command of a menu that a script names.
type Use struct{ Path, Command string }

// Check finds what is wrong with a script before it runs: command names,
// parameters, syntax. It returns the commands of menus that the script names.
func Check(src string, h Host, context string) ([]Use, error) {
	b, err := rsc.Parse(src)
	if err != nil {
		return nil, syntaxError(err)
	}
	return check(h, b, context)
}

func check(h Host, b *rsc.Block, context string) ([]Use, error) {
	c := checker{host: h}
	err := c.block(b, context)
	return c.uses, err
}

type checker struct {
	host Host
	uses []Use
}

func (c *checker) block(b *rsc.Block, context string) error {
	for _, cmd := range b.Commands {
		if err := c.command(cmd, &context); err != nil {
			return err
		}
	}
	return nil
}

// command checks one statement and follows it into another menu.
func (c *checker) command(cmd *rsc.Command, context *string) error {
	if _, ok := cmd.Words[0].Value.(*rsc.Literal); !ok {
		return c.values(cmd, *context)
	}
	path, name, rest := resolve(c.host, *context, cmd)
	var sig Signature
	switch {
	case name.Text == "":
		*context = path
		return nil
	case path == globalCommands:
		b := builtins[name.Text]
		if b == nil || !c.host.AtLeast(b.since[0], b.since[1]) {
			return badCommand(name)
		}
		sig, path = b.signature(), *context
	default:
		var ok bool
		if sig, ok = c.host.Command(path, name.Text); !ok {
			return badCommand(name)
		}
		c.uses = append(c.uses, Use{path, name.Text})
	}
	if err := c.words(sig, rest); err != nil {
		return err
	}
	return c.values(cmd, path)
}

// words checks the arguments of a command against what it takes.
func (c *checker) words(sig Signature, words []rsc.Word) error {
	unnamed := len(sig.Unnamed)
	for _, w := range words {
		text, bare := w.Bare()
		switch {
		case bare && text == "where":
		case bare && sig.Flag != nil && sig.Flag(text):
		case bare && strings.HasPrefix(text, "!") && sig.Has(text[1:]):
		case w.Key == "":
			if unnamed--; unnamed < 0 {
				return endExpected(w)
			}
		case !sig.Has(w.Key) && !slices.Contains(sig.Unnamed, w.Key):
			if c.host.AtLeast(7, 16) {
				return &Error{Pos: w.Pos, Class: Syntax, Text: "bad parameter " + w.Key}
			}
			return endExpected(w)
		}
	}
	return nil
}

// values checks commands within the arguments of a command.
func (c *checker) values(cmd *rsc.Command, context string) error {
	for _, w := range cmd.Words {
		if _, ok := w.Value.(*rsc.Block); ok && slices.Contains([]string{"source", "script", "on-event"}, w.Key) {
			continue // text for later
		}
		if err := c.value(w.Value, context); err != nil {
			return err
		}
	}
	return c.value(cmd.Where, context)
}

func (c *checker) value(n rsc.Node, context string) error {
	switch n := n.(type) {
	case *rsc.Block:
		return c.block(n, context)
	case *rsc.Sub:
		return c.block(n.Block, context)
	case *rsc.String:
		for _, p := range n.Parts {
			if err := c.value(p, context); err != nil {
				return err
			}
		}
	case *rsc.Array:
		for _, it := range n.Items {
			if err := c.value(it.Key, context); err != nil {
				return err
			}
			if err := c.value(it.Value, context); err != nil {
				return err
			}
		}
	case *rsc.Unary:
		return c.value(n.X, context)
	case *rsc.Binary:
		if err := c.value(n.X, context); err != nil {
			return err
		}
		return c.value(n.Y, context)
	}
	return nil
}
