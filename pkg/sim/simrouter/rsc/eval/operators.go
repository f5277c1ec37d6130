package eval

import (
	"regexp"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// unary evaluates op x.
func (r *run) unary(n *rsc.Unary) (value.Value, error) {
	x, err := r.eval(n.X)
	if err != nil {
		return value.Value{}, err
	}
	switch n.Op {
	case "!":
		b, ok := x.ToBool()
		if !ok && r.property != nil {
			// !comment holds where there is none.
			b, ok = x.Kind != value.Nil && x.Kind != value.Nothing && x.Text() != "", true
		}
		if ok {
			return value.OfBool(!b), nil
		}
	case "-":
		if x.Kind == value.Time {
			return value.OfTime(-x.Duration(), value.FormatTime(-x.Duration())), nil
		}
		if v, ok := x.ToNum(); ok {
			return value.OfNum(-v), nil
		}
	case "~":
		if v, ok := x.ToNum(); ok {
			return value.OfNum(^v), nil
		}
	}
	return value.Value{}, r.fail(n, "cannot apply "+n.Op+" to "+x.Kind.String())
}

// binary evaluates x op y; && and || only as far as needed.
func (r *run) binary(n *rsc.Binary) (value.Value, error) {
	x, err := r.eval(n.X)
	if err != nil {
		return value.Value{}, err
	}
	if n.Op == "&&" || n.Op == "||" {
		b, err := r.truth(n.X, x)
		if err != nil || b == (n.Op == "||") {
			return value.OfBool(b), err
		}
		y, err := r.eval(n.Y)
		if err != nil {
			return value.Value{}, err
		}
		b, err = r.truth(n.Y, y)
		return value.OfBool(b), err
	}
	y, err := r.eval(n.Y)
	if err != nil {
		return value.Value{}, err
	}
	if err := r.spend(n, x.Size()+y.Size()); err != nil {
		return value.Value{}, err
	}
	switch n.Op {
	case "=", "!=", "<", ">", "<=", ">=":
		return r.compare(n, x, y)
	case "~":
		return r.matches(n, x, y)
	case "in":
		in := slices.ContainsFunc(y.Items(), func(it value.Item) bool { return value.Equal(it.Value, x) })
		return value.OfBool(in), nil
	case ".":
		return r.concat(n, x, y)
	case ",":
		return r.join(n, x, y)
	case "->":
		return r.element(n, x, y)
	}
	return r.arithmetic(n, x, y)
}

func (r *run) compare(n *rsc.Binary, x, y value.Value) (value.Value, error) {
	if x.Kind == value.Array || y.Kind == value.Array {
		// Arrays compare as what they look like, which can be long.
		if err := r.spend(n, (len(x.Text())+len(y.Text()))/64); err != nil {
			return value.Value{}, err
		}
	}
	if _, ok := n.X.(*rsc.Property); ok && r.property != nil {
		y = value.Like(x, y)
	}
	yes := false
	switch n.Op {
	case "=":
		yes = value.Equal(x, y)
	case "!=":
		yes = !value.Equal(x, y)
	case "<":
		yes = value.Less(x, y)
	case ">":
		yes = value.Less(y, x)
	case "<=":
		yes = !value.Less(y, x)
	case ">=":
		yes = !value.Less(x, y)
	}
	return value.OfBool(yes), nil
}

// truth is whether a condition holds.
func (r *run) truth(n rsc.Node, v value.Value) (bool, error) {
	b, ok := v.ToBool()
	if ok {
		return b, nil
	}
	if _, named := n.(*rsc.Property); named && r.property != nil {
		return v.Kind != value.Nil && v.Kind != value.Nothing && v.Text() != "", nil
	}
	return false, r.fail(n, "conditional not boolean")
}

func (r *run) matches(n rsc.Node, x, y value.Value) (value.Value, error) {
	pattern := y.Text()
	if len(pattern) > 1000 {
		return value.Value{}, r.fail(n, "regular expression too long")
	}
	re, err := regexp.CompilePOSIX(pattern)
	if err != nil {
		return value.Value{}, r.fail(n, "bad regular expression")
	}
	text := x.Text()
	if err := r.spend(n, 10+len(text)*(1+len(pattern))/16); err != nil {
		return value.Value{}, err
	}
	return value.OfBool(re.MatchString(text)), nil
}

// concat joins text; an array on one side gets the other in each element.
func (r *run) concat(n rsc.Node, x, y value.Value) (value.Value, error) {
	a, b := x.Text(), y.Text()
	if len(a)+len(b) > value.MaxText {
		return value.Value{}, r.limit(n, "text is too long")
	}
	return value.OfString(a + b), r.spend(n, (len(a)+len(b))/64)
}

// join makes one array of two values.
func (r *run) join(n rsc.Node, x, y value.Value) (value.Value, error) {
	var items []value.Item
	for _, v := range []value.Value{x, y} {
		if v.Kind == value.Array {
			items = append(items, v.Items()...)
		} else {
			items = append(items, value.Item{Value: v})
		}
	}
	return r.array(n, items)
}

// array makes a value of items, within the limits.
func (r *run) array(n rsc.Node, items []value.Item) (value.Value, error) {
	if len(items) > maxItems {
		return value.Value{}, r.limit(n, "array is too long")
	}
	if err := r.spend(n, len(items)); err != nil {
		return value.Value{}, err
	}
	v := value.OfItems(items)
	if v.Depth() > maxNest {
		return value.Value{}, r.limit(n, "arrays nest too deeply")
	}
	return v, nil
}

// element is ($array->key).
func (r *run) element(n rsc.Node, x, y value.Value) (value.Value, error) {
	if x.Kind != value.Array {
		return value.Value{}, nil
	}
	if y.Kind == value.Num {
		if y.Int() >= 0 && y.Int() < int64(len(x.Items())) {
			return x.Items()[y.Int()].Value, nil
		}
		return value.Value{}, nil
	}
	key := y.Text()
	for _, it := range x.Items() {
		if it.Keyed && it.Key == key {
			return it.Value, nil
		}
	}
	return value.Value{}, nil
}

func (r *run) arithmetic(n *rsc.Binary, x, y value.Value) (value.Value, error) {
	a, ok1 := x.ToNum()
	b, ok2 := y.ToNum()
	if !ok1 || !ok2 {
		verb := map[string]string{"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}[n.Op]
		if verb == "" {
			verb = "apply " + n.Op + " to"
		}
		return value.Value{}, r.fail(n, "cannot "+verb+" "+x.Kind.String()+" and "+y.Kind.String())
	}
	timed := x.Kind == value.Time || y.Kind == value.Time
	if timed && (n.Op == "+" || n.Op == "-") {
		d := nanoseconds(x, a) + nanoseconds(y, b)
		if n.Op == "-" {
			d = nanoseconds(x, a) - nanoseconds(y, b)
		}
		return value.OfTime(d, value.FormatTime(d)), nil
	}
	switch n.Op {
	case "+":
		return value.OfNum(a + b), nil
	case "-":
		return value.OfNum(a - b), nil
	case "*":
		return value.OfNum(a * b), nil
	case "/", "%":
		if b == 0 {
			return value.Value{}, r.fail(n, "division by zero")
		}
		if b == -1 { // the smallest number has no opposite
			a, b = -a, 1
		}
		if n.Op == "%" {
			return value.OfNum(a % b), nil
		}
		return value.OfNum(a / b), nil
	case "<<":
		return value.OfNum(a << uint64(b&63)), nil
	case ">>":
		return value.OfNum(a >> uint64(b&63)), nil
	case "&":
		return value.OfNum(a & b), nil
	case "|":
		return value.OfNum(a | b), nil
	case "^":
		return value.OfNum(a ^ b), nil
	}
	return value.Value{}, r.fail(n, "unknown operator "+n.Op)
}

func nanoseconds(v value.Value, n int64) time.Duration {
	if v.Kind == value.Time {
		return v.Duration()
	}
	return time.Duration(n) * time.Second
}
