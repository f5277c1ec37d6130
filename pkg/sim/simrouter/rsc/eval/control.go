package eval

import (
	"errors"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// assign is :local, :global and :set.
func (a args) assign(how string) error {
	name, path, err := a.target("name")
	if err != nil {
		return err
	}
	var v value.Value
	given := false
	switch {
	case a.has("do"):
		v, err = a.code("do")
		given = true
	case a.has("value"):
		if v, err = a.value("value"); v.Kind == value.Str && isLiteral(a.nodes["value"], "") {
			v = value.Value{}
		}
		given = true
	}
	if err != nil {
		return err
	}
	known := a.frame.scope.find(name)
	switch how {
	case "local":
		a.frame.scope.vars[name] = &variable{value: v}
		return nil
	case "global":
		a.frame.scope.vars[name] = &variable{global: true}
		if given {
			return a.keep(name, v)
		}
		return nil
	}
	switch {
	case known == nil:
		return &Error{Pos: a.nodes["name"].Position(), Class: Syntax, Text: "syntax error", Detail: "no variable " + name + " here"}
	case path != nil:
		if v, err = a.put(a.lookup(name), path, v); err != nil {
			return err
		}
	}
	if known.global {
		return a.keep(name, v)
	}
	known.value = v
	return nil
}

func (a args) keep(name string, v value.Value) error {
	if !a.globals.set(name, v) {
		return a.limit(a.c, "too many global variables")
	}
	return nil
}

func isLiteral(n rsc.Node, text string) bool {
	l, ok := n.(*rsc.Literal)
	return ok && l.Text == text
}

func (a args) code(name string) (value.Value, error) {
	if b, ok := a.nodes[name].(*rsc.Block); ok {
		return codeOf(&function{b, a.frame.context, "(code)"}), nil
	}
	return a.value(name)
}

// target is what is assigned to: a name, or ($name->key->key).
func (a args) target(arg string) (name string, path []value.Value, err error) {
	n := a.nodes[arg]
	for {
		switch x := n.(type) {
		case *rsc.Literal:
			return x.Text, nil, nil
		case *rsc.String:
			v, err := a.eval(x)
			return v.Text(), nil, err
		case *rsc.Variable:
			return x.Name, path, nil
		case *rsc.Binary:
			if x.Op != "->" {
				return "", nil, a.fail(x, "invalid value for argument "+arg)
			}
			key, err := a.eval(x.Y)
			if err != nil {
				return "", nil, err
			}
			path = append([]value.Value{key}, path...)
			n = x.X
		default:
			return "", nil, a.fail(a.c, "missing value(s) of argument(s) "+arg)
		}
	}
}

// put returns in with the element at path replaced or added.
func (a args) put(in value.Value, path []value.Value, v value.Value) (value.Value, error) {
	if len(path) == 0 {
		return v, nil
	}
	old, err := a.element(a.c, in, path[0])
	if err != nil {
		return value.Value{}, err
	}
	if v, err = a.put(old, path[1:], v); err != nil {
		return value.Value{}, err
	}
	items := append([]value.Item(nil), in.Items()...)
	key := value.Item{Key: path[0].Text(), Keyed: path[0].Kind != value.Num, Value: v}
	at := -1
	for i, it := range items {
		if key.Keyed && it.Keyed && it.Key == key.Key || !key.Keyed && int64(i) == path[0].Int() {
			at = i
		}
	}
	if at >= 0 {
		items[at].Value = v
	} else {
		items = append(items, key)
	}
	return a.array(a.c, items)
}

// control runs what decides which code runs.
func (a args) control(name string) (value.Value, error) {
	switch name {
	case "if":
		yes, err := a.holds("condition")
		if err != nil {
			return value.Value{}, err
		}
		if yes {
			return a.do("do", nil)
		}
		return a.do("else", nil)
	case "while":
		for {
			yes, err := a.holds("condition")
			if err != nil || !yes {
				return value.Value{}, err
			}
			if _, err := a.do("do", nil); err != nil {
				return value.Value{}, err
			}
		}
	case "for":
		return value.Value{}, a.count()
	case "foreach":
		return value.Value{}, a.each()
	case "delay":
		return value.Value{}, a.delay()
	case "onerror":
		return a.onError()
	}
	return a.attempt()
}

func (a args) holds(name string) (bool, error) {
	v, err := a.need(name)
	if err != nil {
		return false, err
	}
	if err := a.spend(a.c, 0); err != nil {
		return false, err
	}
	b, ok := v.ToBool()
	if !ok {
		return false, a.fail(a.c, "conditional not boolean")
	}
	return b, nil
}

func (a args) count() error {
	name, _, err := a.target("counter")
	if err != nil {
		return err
	}
	from, err := a.num("from", 0)
	if err != nil {
		return err
	}
	to, err := a.num("to", 0)
	if err != nil {
		return err
	}
	step := int64(1)
	if to < from {
		step = -1
	}
	if step, err = a.num("step", step); err != nil {
		return err
	}
	if step == 0 {
		return a.fail(a.c, "invalid value for argument step")
	}
	for i := from; step > 0 && i <= to || step < 0 && i >= to; i += step {
		if err := a.spend(a.c, 0); err != nil {
			return err
		}
		if _, err := a.do("do", map[string]*variable{name: {value: value.OfNum(i)}}); err != nil {
			return err
		}
	}
	return nil
}

// each is :foreach: value in=list, or key,value in=array.
func (a args) each() error {
	names, _, err := a.target("counter")
	if err != nil {
		return err
	}
	key, name, keyed := strings.Cut(names, ",")
	if !keyed {
		name, key = key, ""
	}
	in, err := a.need("in")
	if err != nil {
		return err
	}
	items := in.Items()
	if in.Kind != value.Array {
		if in.Kind == value.Nothing || in.Kind == value.Nil || in.Text() == "" {
			return nil
		}
		items = []value.Item{{Value: in}}
	}
	for i, it := range items {
		if err := a.spend(a.c, 0); err != nil {
			return err
		}
		vars := map[string]*variable{name: {value: it.Value}}
		if keyed {
			k := value.OfNum(int64(i))
			if it.Keyed {
				k = value.OfString(it.Key)
			}
			vars[key] = &variable{value: k}
		}
		if _, err := a.do("do", vars); err != nil {
			return err
		}
	}
	return nil
}

func (a args) delay() error {
	v, err := a.need("delay-time")
	if err != nil {
		return err
	}
	d := v.Duration()
	if v.Kind != value.Time {
		n, ok := v.ToNum()
		if !ok || n < 0 || n > 1<<31 {
			return a.fail(a.c, "invalid value for argument delay-time")
		}
		d = time.Duration(n) * time.Second
	}
	if d > a.limits.Delay {
		return a.limit(a.c, "script waits too long")
	}
	a.limits.Delay -= d
	return a.host.Wait(d)
}

// caught reports whether a script may go on after err.
func caught(err error) (*Error, bool) {
	var e *Error
	return e, errors.As(err, &e) && e.Class != Limit && e.Class != Syntax
}

// attempt is :do.
func (a args) attempt() (value.Value, error) {
	for {
		v, err := a.do("command", nil)
		if err != nil {
			if _, ok := caught(err); ok && a.has("on-error") {
				return a.do("on-error", nil)
			}
			return value.Value{}, err
		}
		if !a.has("while") {
			return v, nil
		}
		if yes, err := a.holds("while"); err != nil || !yes {
			return v, err
		}
	}
}

// onError is :onerror name in={...} do={...}; it tells whether there was one.
func (a args) onError() (value.Value, error) {
	name, _, err := a.target("error")
	if err != nil {
		return value.Value{}, err
	}
	_, err = a.do("in", nil)
	if err == nil {
		return value.OfBool(false), nil
	}
	e, ok := caught(err)
	if !ok {
		return value.Value{}, err
	}
	_, err = a.do("do", map[string]*variable{name: {value: value.OfString(e.Words(a.places))}})
	return value.OfBool(true), err
}
