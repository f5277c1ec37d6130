package rsc

import (
	"errors"
	"strings"
)

// Bounds of a script.
const (
	maxOutput = 1 << 20 // bytes printed
	maxDepth  = 48      // blocks within blocks
)

// Options of Run.
type Options struct {
	Host  Host
	Steps int // how many expressions and commands are evaluated at most; 0 is 1,000,000

	// Stepwise checks and runs one statement after the other, as routers read
	// an export; otherwise nothing runs unless the whole script is right.
	Stepwise bool

	// SkipMenu, with Stepwise, is called once for each menu that the host does not
	// have, and the commands for it are skipped; nil stops at them.
	SkipMenu func(line int, path string)
}

// Run runs a script and returns its output, whose lines end in CRLF, also when
// it failed. Errors are *Error.
func Run(src string, o Options) (output string, err error) {
	b, err := parseScript(src)
	if err != nil {
		return "", err
	}
	if o.Steps == 0 {
		o.Steps = 1_000_000
	}
	c := checker{host: o.Host}
	if !o.Stepwise {
		if err := c.block(b, "/"); err != nil {
			return "", err
		}
	}
	r := &run{host: o.Host, steps: o.Steps}
	f := &frame{vars: map[string]Value{}, context: "/"}
	skip := skipper{report: o.SkipMenu, seen: map[string]bool{}}
	for _, cmd := range b.Commands {
		if skip.command(o.Host, cmd) {
			continue
		}
		if o.Stepwise {
			context := f.context
			err = c.command(cmd, &context)
		}
		if err == nil {
			_, err = r.command(f, cmd)
		}
		if err != nil {
			break
		}
	}
	return r.out.String(), err
}

// parseScript is Parse with an *Error.
func parseScript(src string) (*Block, error) {
	b, err := Parse(src)
	var e *SyntaxError
	if errors.As(err, &e) {
		return nil, &Error{Pos: e.Pos, Text: e.Text, Detail: e.Detail}
	}
	return b, err
}

// run is one script being run.
type run struct {
	host  Host
	steps int // left
	out   strings.Builder
	depth int
	frame *frame // in which expressions are evaluated
	row   Row    // for which a condition is evaluated; nil outside of conditions
}

// frame is a scope of variables, and the menu that commands are relative to.
type frame struct {
	outer   *frame
	vars    map[string]Value
	context string
}

func (f *frame) lookup(name string) Value {
	for ; f != nil; f = f.outer {
		if v, ok := f.vars[name]; ok {
			return v
		}
	}
	return Value{}
}

func (r *run) fail(n Node, text string) error {
	return &Error{Pos: n.Position(), class: command, Text: text}
}

func (r *run) exceeded(n Node, text string) error {
	return &Error{Pos: n.Position(), class: limit, Text: text}
}

// step counts work.
func (r *run) step(n Node) error {
	if r.steps--; r.steps < 0 {
		return r.exceeded(n, "script takes too many steps")
	}
	return nil
}

// block runs commands in a frame with vars; the value is that of the last.
func (r *run) block(f *frame, b *Block, vars map[string]Value) (v Value, err error) {
	if r.depth++; r.depth > maxDepth {
		return v, r.exceeded(b, "scripts nest too deeply")
	}
	defer func() { r.depth-- }()
	if vars == nil {
		vars = map[string]Value{}
	}
	inner := &frame{outer: f, vars: vars, context: f.context}
	for _, c := range b.Commands {
		if v, err = r.command(inner, c); err != nil {
			return Value{}, err
		}
	}
	return v, nil
}

// command runs one statement.
func (r *run) command(f *frame, c *Command) (Value, error) {
	if err := r.step(c); err != nil {
		return Value{}, err
	}
	before := r.frame
	r.frame = f
	defer func() { r.frame = before }()
	switch first := c.Words[0].Value.(type) {
	case *Block:
		return r.block(f, first, nil)
	case *Literal:
	default:
		return r.eval(first)
	}
	t := resolve(r.host, f.context, c)
	if t.name == "" {
		f.context = t.path
		return Value{}, nil
	}
	sig, err := t.signature(r.host)
	if err != nil {
		return Value{}, err
	}
	args, err := bind(r.host, sig, t.args)
	if err != nil {
		return Value{}, err
	}
	if t.path == "" {
		return r.builtin(c, t.name, args)
	}
	return r.call(c, t, args)
}

// call runs a command of a menu.
func (r *run) call(c *Command, t target, args map[string]Node) (Value, error) {
	call := Call{Pos: c.Pos, Path: t.path, Name: t.name, Args: make(map[string]Value, len(args))}
	// Commands in brackets, such as [find], are relative to the menu of the command.
	r.frame = &frame{outer: r.frame, vars: map[string]Value{}, context: t.path}
	for name, n := range args {
		// Bare words stay as they are: the menu parses its values.
		if l, ok := n.(*Literal); ok {
			call.Args[name] = Scalar(Str, l.Text)
			continue
		}
		v, err := r.eval(n)
		if err != nil {
			return Value{}, err
		}
		call.Args[name] = v
	}
	if c.Where != nil {
		call.Match = func(row Row) (bool, error) { return r.match(c.Where, row) }
	}
	v, err := r.host.Run(call)
	var failed *Failure
	if errors.As(err, &failed) {
		e := &Error{Pos: c.Pos, class: command, Text: failed.Text, arg: failed.Arg}
		if !failed.Placed {
			e.command = strings.TrimSuffix(t.path, "/") + "/" + t.name
		}
		return Value{}, e
	}
	return v, err
}

// match evaluates a condition for a row.
func (r *run) match(where Node, row Row) (bool, error) {
	outer := r.row
	r.row = row
	defer func() { r.row = outer }()
	v, err := r.eval(where)
	if err != nil {
		return false, err
	}
	return r.truth(where, v)
}

// builtin runs a command of the language.
func (r *run) builtin(c *Command, name string, args map[string]Node) (Value, error) {
	value := func(arg string) (Value, error) {
		if args[arg] == nil {
			return Value{}, r.fail(c, "missing value(s) of argument(s) "+arg)
		}
		return r.eval(args[arg])
	}
	switch name {
	case ":put":
		v, err := value("message")
		if err != nil {
			return v, err
		}
		text := v.Text() + "\r\n"
		if r.out.Len()+len(text) > maxOutput {
			return Value{}, r.exceeded(c, "script prints too much")
		}
		r.out.WriteString(text)
		return Value{}, nil
	case ":error":
		v, err := value("message")
		if err != nil {
			return v, err
		}
		return Value{}, &Error{Pos: c.Pos, class: thrown, Text: v.Text()}
	case ":local":
		return Value{}, r.local(c, args)
	case ":if":
		v, err := value("condition")
		if err != nil {
			return v, err
		}
		yes, err := r.truth(c, v)
		if err != nil {
			return v, err
		}
		if yes {
			return r.do(args["do"], nil)
		}
		return r.do(args["else"], nil)
	case ":do":
		return r.try(args)
	case ":foreach":
		return Value{}, r.foreach(c, args)
	}
	v, err := value("value")
	if err != nil {
		return v, err
	}
	return convert(name, v), nil
}

// do runs the block of an argument, if it was given.
func (r *run) do(n Node, vars map[string]Value) (Value, error) {
	if b, ok := n.(*Block); ok {
		return r.block(r.frame, b, vars)
	}
	return Value{}, nil
}

// try runs a block, and another one if a command in it fails.
func (r *run) try(args map[string]Node) (Value, error) {
	v, err := r.do(args["command"], nil)
	var e *Error
	if args["on-error"] == nil || !errors.As(err, &e) || e.class == limit {
		return v, err
	}
	return r.do(args["on-error"], nil)
}

func (r *run) local(c *Command, args map[string]Node) error {
	name, ok := args["name"].(*Literal)
	if !ok {
		return r.fail(c, "missing value(s) of argument(s) name")
	}
	var v Value
	if n := args["value"]; n != nil {
		var err error
		if v, err = r.eval(n); err != nil {
			return err
		}
	}
	r.frame.vars[name.Text] = v
	return nil
}

// foreach is :foreach value in=list, or key,value in=list.
func (r *run) foreach(c *Command, args map[string]Node) error {
	counter, ok := args["counter"].(*Literal)
	if !ok || args["in"] == nil {
		return r.fail(c, "missing value(s) of argument(s) counter")
	}
	in, err := r.eval(args["in"])
	if err != nil {
		return err
	}
	items := in.items
	if in.Kind != List && in.Text() != "" {
		items = []Item{{Value: in}}
	}
	key, name, keyed := strings.Cut(counter.Text, ",")
	for _, it := range items {
		vars := map[string]Value{counter.Text: it.Value}
		if keyed {
			vars = map[string]Value{key: Scalar(Str, it.Key), name: it.Value}
		}
		if err := r.step(c); err != nil {
			return err
		}
		if _, err := r.do(args["do"], vars); err != nil {
			return err
		}
	}
	return nil
}
