package rsc

import (
	"regexp"
	"strconv"
	"strings"
)

// convert runs :len, :typeof and :tostr.
func convert(name string, v Value) Value {
	switch {
	case name == ":typeof":
		return Scalar(Str, v.Kind.String())
	case name == ":tostr":
		return Scalar(Str, v.Text())
	case v.Kind == List:
		return Scalar(Num, strconv.Itoa(len(v.items)))
	}
	return Scalar(Num, strconv.Itoa(len(v.text)))
}

// eval evaluates an expression.
func (r *run) eval(n Node) (Value, error) {
	if err := r.step(n); err != nil {
		return Value{}, err
	}
	switch n := n.(type) {
	case *Literal:
		return literal(n.Text), nil
	case *Text:
		return Scalar(Str, n.Text), nil
	case *String:
		return r.join(n, n.Parts...)
	case *Variable:
		return r.frame.lookup(n.Name), nil
	case *Property:
		return r.property(n), nil
	case *Sub:
		row := r.row
		r.row = nil
		defer func() { r.row = row }()
		return r.block(r.frame, n.Block, nil)
	case *Array:
		return r.list(n)
	case *Unary:
		return r.not(n)
	case *Binary:
		return r.binary(n)
	}
	return Value{}, r.fail(n, "invalid value")
}

// property returns a property of the row. A word that names no property may be
// true, false or a number.
func (r *run) property(n *Property) Value {
	if r.row == nil {
		return literal(n.Name)
	}
	v := r.row.Get(n.Name)
	if l := literal(n.Name); v.Kind == Nil && (l.Kind == Bool || l.Kind == Num) {
		return l
	}
	return v
}

// join returns the texts of nodes as one.
func (r *run) join(at Node, nodes ...Node) (Value, error) {
	var b strings.Builder
	for _, n := range nodes {
		v, err := r.eval(n)
		if err != nil {
			return v, err
		}
		text := v.Text()
		if b.Len()+len(text) > maxText {
			return Value{}, r.exceeded(at, "text is too long")
		}
		b.WriteString(text)
	}
	return Scalar(Str, b.String()), nil
}

func (r *run) list(a *Array) (Value, error) {
	items := make([]Item, len(a.Items))
	for i, it := range a.Items {
		var err error
		if items[i].Value, err = r.eval(it.Value); err != nil {
			return Value{}, err
		}
		if it.Key == nil {
			continue
		}
		key, err := r.eval(it.Key)
		if err != nil {
			return Value{}, err
		}
		items[i].Key = key.Text()
	}
	return ListOf(items...), nil
}

func (r *run) not(n *Unary) (Value, error) {
	x, err := r.eval(n.X)
	if err != nil {
		return x, err
	}
	yes, err := r.truth(n.X, x)
	return Scalar(Bool, strconv.FormatBool(!yes)), err
}

// binary evaluates x op y; && and || evaluate y only if it matters.
func (r *run) binary(n *Binary) (Value, error) {
	if n.Op == "." {
		return r.join(n, n.X, n.Y)
	}
	x, err := r.eval(n.X)
	if err != nil {
		return x, err
	}
	if n.Op == "&&" || n.Op == "||" {
		yes, err := r.truth(n.X, x)
		if err != nil || yes == (n.Op == "||") {
			return Scalar(Bool, strconv.FormatBool(yes)), err
		}
	}
	y, err := r.eval(n.Y)
	if err != nil {
		return y, err
	}
	switch n.Op {
	case "->":
		return x.element(y), nil
	case "&&", "||":
		yes, err := r.truth(n.Y, y)
		return Scalar(Bool, strconv.FormatBool(yes)), err
	}
	if n.Op == "~" {
		expr, err := regexp.Compile(y.Text())
		if err != nil {
			return Value{}, r.fail(n, "invalid regular expression")
		}
		return Scalar(Bool, strconv.FormatBool(expr.MatchString(x.Text()))), nil
	}
	if p, ok := n.X.(*Property); ok && r.row != nil && y.Kind != List {
		y = r.row.Parse(p.Name, y.Text())
	}
	return Scalar(Bool, strconv.FormatBool(equal(x, y) == (n.Op == "="))), nil
}

// truth reports whether a condition holds. The name of a property alone holds
// where the property is set.
func (r *run) truth(n Node, v Value) (bool, error) {
	if yes, ok := v.bool(); ok {
		return yes, nil
	}
	if _, named := n.(*Property); named && r.row != nil {
		return v.Text() != "", nil
	}
	return false, r.fail(n, "conditional not boolean")
}
