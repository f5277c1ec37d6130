package eval

import (
	"errors"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// Options of Run.
type Options struct {
	Host    Host
	Globals *Globals // nil: forgotten afterwards
	Context string   // the menu to start in; "" is "/"
	Limits  Limits

	JSON   value.JSONTypes
	Places bool // errors that scripts catch say where they happened, see Error.Words

	// Stepwise checks and runs one statement after the other, as routers read
	// an export; otherwise nothing runs unless all of the script is right.
	Stepwise bool
}

// Result is what a script left behind, also when it failed.
type Result struct {
	Output  string      // what it printed; lines end in CRLF
	Value   value.Value // of :return
	Context string      // the menu it ended in
}

// Run runs a script. Errors are *Error, and those of Host.Wait.
func Run(src string, o Options) (Result, error) {
	if o.Context == "" {
		o.Context = "/"
	}
	if o.Globals == nil {
		o.Globals = &Globals{}
	}
	r := &run{host: o.Host, globals: o.Globals, limits: o.Limits.withDefaults(), json: o.JSON, places: o.Places}
	top := &scope{vars: map[string]*variable{}}
	f := frame{scope: top, context: o.Context}
	result := func(v value.Value, err error) (Result, error) {
		var back *returned
		if errors.As(err, &back) {
			v, err = back.value, nil
		}
		return Result{r.out.String(), v, f.context}, err
	}
	b, err := rsc.Parse(src)
	if err != nil {
		return result(value.Value{}, syntaxError(err))
	}
	if !o.Stepwise {
		if _, err := check(o.Host, b, o.Context); err != nil {
			return result(value.Value{}, err)
		}
	}
	c := checker{host: o.Host}
	for _, cmd := range b.Commands {
		if o.Stepwise {
			at := f.context
			if err := c.command(cmd, &at); err != nil {
				return result(value.Value{}, err)
			}
		}
		if _, err := r.command(&f, cmd, false); err != nil {
			return result(value.Value{}, err)
		}
	}
	return result(value.Value{}, nil)
}

func syntaxError(err error) error {
	var e *rsc.SyntaxError
	if errors.As(err, &e) {
		return &Error{Pos: e.Pos, Class: Syntax, Text: e.Text, Detail: e.Detail}
	}
	return err
}

// run is one script being run.
type run struct {
	host    Host
	globals *Globals
	limits  Limits // what is left of them
	json    value.JSONTypes
	places  bool
	out     strings.Builder
	calls   int
	frame   *frame // where expressions are evaluated

	// property of the row that a condition is evaluated for; nil outside of conditions
	property func(string) value.Value
}

// returned carries the value of :return to whoever called the code.
type returned struct{ value value.Value }

func (*returned) Error() string { return "interrupted" }

func (r *run) fail(n rsc.Node, text string) error {
	return &Error{Pos: n.Position(), Class: Command, Text: text}
}

func (r *run) limit(n rsc.Node, text string) error {
	return &Error{Pos: n.Position(), Class: Limit, Text: text}
}

// spend counts work.
func (r *run) spend(n rsc.Node, more int) error {
	r.limits.Work -= 1 + more
	if r.limits.Work < 0 {
		return r.limit(n, "script takes too many steps")
	}
	return nil
}

// print writes to the output.
func (r *run) print(n rsc.Node, text string) error {
	if r.out.Len()+len(text) > r.limits.Output {
		return r.limit(n, "script prints too much")
	}
	r.out.WriteString(text)
	return r.spend(n, len(text)/64)
}

// block runs commands in a scope of their own; the value is that of the last.
func (r *run) block(f *frame, b *rsc.Block, captured bool) (v value.Value, err error) {
	if r.calls++; r.calls > maxNest {
		return v, r.limit(b, "scripts nest too deeply")
	}
	defer func() { r.calls-- }()
	inner := &frame{scope: &scope{outer: f.scope, vars: map[string]*variable{}}, context: f.context}
	for _, c := range b.Commands {
		if v, err = r.command(inner, c, captured); err != nil {
			return value.Value{}, err
		}
	}
	return v, nil
}

// command runs one statement.
func (r *run) command(f *frame, c *rsc.Command, captured bool) (value.Value, error) {
	if err := r.spend(c, 0); err != nil {
		return value.Value{}, err
	}
	before := r.frame
	r.frame = f
	defer func() { r.frame = before }()
	switch first := c.Words[0].Value.(type) {
	case *rsc.Block:
		return r.block(f, first, captured)
	case *rsc.Literal:
		path, name, rest := resolve(r.host, f.context, c)
		switch {
		case name.Text == "":
			f.context = path
			return value.Value{}, nil
		case path == globalCommands:
			return r.builtin(c, name, rest, captured)
		}
		return r.call(c, path, name, rest, captured)
	case *rsc.Variable:
		v, err := r.eval(first)
		if err != nil || v.Kind != value.Code {
			return v, err
		}
		return r.function(c, v.Code().(*function))
	default:
		return r.eval(first)
	}
}

// function calls code with the words of c: $1, $2 and names.
func (r *run) function(c *rsc.Command, fn *function) (value.Value, error) {
	vars := map[string]*variable{}
	n := 0
	for _, w := range c.Words[1:] {
		v, err := r.eval(w.Value)
		if err != nil {
			return value.Value{}, err
		}
		name := w.Key
		if name == "" {
			n++
			name = value.OfNum(int64(n)).Text()
		}
		vars[name] = &variable{value: v}
	}
	v, err := r.block(&frame{scope: &scope{vars: vars}, context: fn.context}, fn.block, false)
	var back *returned
	if errors.As(err, &back) {
		return back.value, nil
	}
	return v, err
}

// call runs a command of a menu.
func (r *run) call(c *rsc.Command, path string, name part, words []rsc.Word, captured bool) (value.Value, error) {
	sig, ok := r.host.Command(path, name.Text)
	if !ok {
		return value.Value{}, badCommand(name)
	}
	call := Call{Path: path, Name: name.Text, Args: map[string]value.Value{}, Captured: captured, Out: printer{r, c}}
	// What stands in brackets is relative to the menu of the command: that is
	// how [find] knows where to look.
	r.frame = &frame{scope: r.frame.scope, context: path}
	unnamed := sig.Unnamed
	for _, w := range words {
		if text, bare := w.Bare(); bare {
			if text == "where" {
				continue
			}
			if sig.Flag != nil && sig.Flag(text) {
				call.Flags = append(call.Flags, text)
				continue
			}
			if prop, not := strings.CutPrefix(text, "!"); not && sig.Has(prop) {
				call.Unset = append(call.Unset, prop)
				continue
			}
		}
		key := w.Key
		if key == "" {
			if len(unnamed) == 0 {
				return value.Value{}, endExpected(w)
			}
			key, unnamed = unnamed[0], unnamed[1:]
		}
		v, err := r.argument(w)
		if err != nil {
			return value.Value{}, err
		}
		call.Args[key] = v
	}
	if c.Where != nil {
		call.Match = r.matcher(c.Where)
	}
	v, err := r.host.Run(call)
	var failed *Failure
	if errors.As(err, &failed) {
		e := &Error{Pos: c.Pos, Class: Command, Text: failed.Text, Arg: failed.Arg}
		if !failed.Placed {
			e.Command = strings.TrimSuffix(path, "/") + "/" + name.Text
		}
		return value.Value{}, e
	}
	return v, err
}

// argument evaluates a word for a menu, which knows itself how its values are
// written: bare words stay as they are.
func (r *run) argument(w rsc.Word) (value.Value, error) {
	switch n := w.Value.(type) {
	case *rsc.Literal:
		return value.OfString(n.Text), nil
	case *rsc.Block:
		return value.OfString(n.Source), nil
	}
	return r.eval(w.Value)
}

// matcher is a condition as a function of a row.
func (r *run) matcher(where rsc.Node) func(func(string) value.Value) (bool, error) {
	f := r.frame
	return func(property func(string) value.Value) (bool, error) {
		frame, was := r.frame, r.property
		r.frame, r.property = f, property
		defer func() { r.frame, r.property = frame, was }()
		v, err := r.eval(where)
		if err != nil {
			return false, err
		}
		return r.truth(where, v)
	}
}

// printer lets commands print.
type printer struct {
	r *run
	n rsc.Node
}

func (p printer) Write(b []byte) (int, error) {
	if err := p.r.print(p.n, string(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}
